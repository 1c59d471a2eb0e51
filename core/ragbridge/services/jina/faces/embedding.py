"""Methods that turn texts into vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ragbridge._faces import Awaitable, Blocking
from ragbridge._flow import Plan
from ragbridge._results import DocumentEmbeddings, Embeddings
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, EmbeddingModel, Role
from ragbridge.services.jina import embeddings
from ragbridge.services.jina._embedding_options import Text, check_documents, check_options, check_texts
from ragbridge.services.jina.faces.base import JinaFaces


class EmbeddingFaces(JinaFaces):
    """Embeddings of texts, and of the chunks of documents."""

    def _embed(
        self,
        texts: Sequence[str],
        *,
        model: EmbeddingModel = DEFAULT_EMBEDDING_MODEL,
        role: Role | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        late_chunking: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> Plan[Embeddings]:
        """One vector for each text, in the order of the texts.

        Texts are cut into requests that fit the quota; requests run side by side as far as it allows.

        Args:
            texts: What to embed. An empty list sends nothing.
            model: The model's name.
            role: What the texts are for: ``"query"`` or ``"document"``. It chooses the model's own task, which
                retrieval needs: without role and task the service takes a default that retrieves less well.
            task: The service's own word instead, such as ``"classification"``.
            dimensions: Width of the vectors, where the model lets it be chosen.
            truncate: Cut texts that are longer than the model's context; else the service refuses them.
            normalized: Whether vectors get unit length; the service's default is True.
            late_chunking: Take the texts as the chunks of one document, in order, each embedded in the light of all.
                Use ``embed_documents`` for several.
            progress: Called with the number of texts of each request that is done, from whichever thread did it.

        Returns:
            ``Embeddings``: ``vectors`` is float32 of shape (number of texts, dimensions).

        Raises:
            ConfigurationError: An argument is wrong, or the model does not have it; nothing was sent.
            InvalidRequestError: The service refuses a text; ``index`` says which.
            QuotaExhaustedError: The account's balance is used up.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = check_options(
            model=model,
            role=role,
            task=task,
            dimensions=dimensions,
            truncate=truncate,
            normalized=normalized,
            late_chunking=late_chunking,
        )
        found = check_texts(texts)
        return embeddings.embed(self._channel, found, options, batch_size=self._batch_size, progress=progress)

    embed = Blocking(_embed)
    aembed = Awaitable(_embed)

    def _embed_documents(
        self,
        documents: Sequence[Sequence[Text]],
        *,
        model: EmbeddingModel = DEFAULT_EMBEDDING_MODEL,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        late_chunking: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> Plan[DocumentEmbeddings]:
        """One vector for each chunk of each document.

        With late chunking each chunk is embedded in the light of its whole document: one request holds chunks of one
        document only, so documents never mix. A document that is longer than the model's context is cut at chunk
        borders into as few groups as fit, with a warning.

        Args:
            documents: The chunks of each document, in order: strings, or chunks of ``ragbridge.chunking``.
            model: The model's name; late chunking is a matter of ``jina-embeddings-v3`` and ``-v4``.
            task: The service's own word for what the vectors are for; None for the model's task for documents.
            dimensions: Width of the vectors, where the model lets it be chosen.
            truncate: Cut chunks that are longer than the model's context; else the service refuses them.
            normalized: Whether vectors get unit length; the service's default is True.
            late_chunking: Embed each chunk in the light of its document.
            progress: Called with the number of chunks of each request that is done, from whichever thread did it.

        Returns:
            ``DocumentEmbeddings``: for each document a float32 array of shape (number of its chunks, dimensions).

        Raises:
            ConfigurationError: An argument is wrong, or the model does not have it; nothing was sent.
            InvalidRequestError: The service refuses a chunk; the message says which of which document.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = check_options(
            model=model,
            role="document" if task is None else None,
            task=task,
            dimensions=dimensions,
            truncate=truncate,
            normalized=normalized,
            late_chunking=late_chunking,
        )
        found = check_documents(documents)
        return embeddings.embed_documents(
            self._channel, found, options, batch_size=self._batch_size, progress=progress
        )

    embed_documents = Blocking(_embed_documents)
    aembed_documents = Awaitable(_embed_documents)
