"""Methods that turn texts, images and other media into vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ragbridge.client.lookup import Manner
from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.flow import Plan
from ragbridge.models import (
    DEFAULT_EMBEDDING_MODEL,
    DEFAULT_MULTIVECTOR_MODEL,
    EmbeddingModel,
    MultiVectorModel,
    Role,
)
from ragbridge.services.jina.embed import embeddings, multivectors
from ragbridge.services.jina.embed.inputs import Input, Text, check_documents, check_inputs
from ragbridge.services.jina.embed.options import check_multivector_options, check_options
from ragbridge.services.jina.session import JinaMethods
from ragbridge.values.embeddings import DocumentEmbeddings, Embeddings, EmbeddingType
from ragbridge.values.inputs import Pdf
from ragbridge.values.multivectors import MultiVectors
from ragbridge.values.partial import OnError


class EmbeddingMethods(JinaMethods):
    """Embeddings of texts, images and other media, of the chunks of documents, and of single tokens."""

    _multivector_route: multivectors.Route

    def _embed(
        self,
        texts: Sequence[Input] | Pdf,
        *,
        model: EmbeddingModel = DEFAULT_EMBEDDING_MODEL,
        role: Role | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        late_chunking: bool = False,
        embedding_type: EmbeddingType = "float",
        progress: Callable[[int], object] | None = None,
        on_error: OnError = "raise",
    ) -> Plan[Embeddings]:
        """One vector for each input, in the order of the inputs; of a PDF, one for each page.

        Inputs are cut into requests that fit the quota; requests run side by side as far as it allows.

        Args:
            texts: What to embed: texts; for models that take them also ``Image``, and for omni models ``Audio``,
                ``Video`` and ``Group``, mixed as they come. A ``Pdf`` goes alone, as it is or in a list. The service's
                own objects (``{"text": ...}``, ``{"image": ...}``, ``{"content": [...]}``) are taken as well; a
                plain string is always a text. An empty list sends nothing.
            model: The model's name.
            role: What the texts are for: ``"query"`` or ``"document"``. It chooses the model's own task, which
                retrieval needs: without role and task the service takes a default that retrieves less well.
            task: The service's own word instead, such as ``"classification"``.
            dimensions: Width of the vectors, where the model lets it be chosen.
            truncate: Cut texts that are longer than the model's context; else the service refuses them.
            normalized: Whether vectors get unit length; the service's default is True.
            late_chunking: Take the texts as the chunks of one document, in order, each embedded in the light of all.
                Use ``embed_documents`` for several. Texts alone.
            embedding_type: ``"float"``; or ``"ubinary"`` or ``"binary"`` for one bit a dimension: both give the same
                packed uint8 array, see ``Embeddings.vectors``.
            progress: Called with the number of inputs of each request that is done, from whichever thread did it.
            on_error: ``"report"`` names inputs that fail in ``failed`` and embeds the others. ``"raise"`` ends the call with
                the error, whose ``partial`` has the inputs that were done by then.

        Returns:
            ``Embeddings``: ``vectors`` is float32 of shape (number of inputs, dimensions), or packed uint8 of shape
            (number of inputs, dimensions / 8).

        Raises:
            ConfigurationError: An argument is wrong, a file is missing, or the model does not have or take what was
                given; nothing was sent. Or a file vanished since.
            InvalidRequestError: The service refuses an input; ``index`` says which.
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
            embedding_type=embedding_type,
        )
        found = check_inputs(texts, options.row, late_chunking=late_chunking)
        return embeddings.embed(
            self._channel, found, options, batch_size=self._batch_size, manner=Manner(progress, on_error)
        )

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
        embedding_type: EmbeddingType = "float",
        progress: Callable[[int], object] | None = None,
        on_error: OnError = "raise",
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
            embedding_type: ``"float"``; or ``"ubinary"`` or ``"binary"`` for packed bits, see ``embed``.
            progress: Called with the number of chunks of each request that is done, from whichever thread did it.
            on_error: ``"report"`` names chunks that fail in ``failed`` and embeds the others; with late chunking, the others of
                other documents. ``"raise"`` ends the call with the error, whose ``partial`` has the documents that were
                done by then.

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
            embedding_type=embedding_type,
        )
        found = check_documents(documents)
        return embeddings.embed_documents(
            self._channel, found, options, batch_size=self._batch_size, manner=Manner(progress, on_error)
        )

    embed_documents = Blocking(_embed_documents)
    aembed_documents = Awaitable(_embed_documents)

    def _embed_multivector(
        self,
        texts: Sequence[Input] | Pdf,
        *,
        model: MultiVectorModel = DEFAULT_MULTIVECTOR_MODEL,
        role: Role | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        return_tokens: bool = False,
        progress: Callable[[int], object] | None = None,
        on_error: OnError = "raise",
    ) -> Plan[MultiVectors]:
        """One vector for each token of each input, for late interaction: compare them by ``ragbridge.maxsim``.

        Args:
            texts: What to embed: texts; for ``jina-embeddings-v4`` images as well, or one ``Pdf`` alone, whose pages are
                the result's inputs. An empty list sends nothing.
            model: ``jina-colbert-v2``, ``jina-colbert-v1-en`` or ``jina-embeddings-v4``.
            role: What the texts are for: ``"query"`` or ``"document"``. Needed, unless ``task`` is given: a query that is
                embedded as a document ranks badly, without an error.
            task: The service's own word instead, for ``jina-embeddings-v4``.
            dimensions: Width of the vectors: 64, 96 or 128 for ``jina-colbert-v2``, no choice for others.
            truncate: Cut texts that are longer than the model's context, where the model has this option.
            return_tokens: Whether the tokens come along, where the model tells them (``jina-embeddings-v4``).
            progress: Called with the number of inputs of each request that is done, from whichever thread did it.
            on_error: ``"report"`` names inputs that fail in ``failed`` and embeds the others. ``"raise"`` ends the call with
                the error, whose ``partial`` has the inputs that were done by then.

        Returns:
            ``MultiVectors``: for each input a float32 array of shape (number of its tokens, dimensions).

        Raises:
            ConfigurationError: An argument is wrong, or the model does not have it; nothing was sent.
            InvalidRequestError: The service refuses an input; ``index`` says which.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = check_multivector_options(
            model=model,
            role=role,
            task=task,
            dimensions=dimensions,
            truncate=truncate,
            return_tokens=return_tokens,
        )
        return multivectors.embed_multivector(
            self._channel,
            check_inputs(texts, options.row),
            options,
            route=self._multivector_route,
            batch_size=self._batch_size,
            manner=Manner(progress, on_error),
        )

    embed_multivector = Blocking(_embed_multivector)
    aembed_multivector = Awaitable(_embed_multivector)
