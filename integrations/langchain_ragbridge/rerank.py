"""``JinaRerank``: documents by their relevance to a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

try:
    from langchain_core.documents import BaseDocumentCompressor, Document
    from langchain_core.runnables import RunnableLambda
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from pydantic import AliasChoices, Field

from langchain_ragbridge._settings import JinaSettings
from ragbridge import ConfigurationError
from ragbridge.models import DEFAULT_RERANK_MODEL

if TYPE_CHECKING:
    from langchain_core.callbacks import Callbacks
    from langchain_core.runnables import Runnable

    from ragbridge import Ranking


class JinaRerank(JinaSettings, BaseDocumentCompressor):
    """Jina AI's rerankers, or the embedded engine's with ``base_url="local"``.

    Works wherever LangChain takes a document compressor, such as in ``ContextualCompressionRetriever``; in chains, see
    ``as_runnable``. All documents of a call go in one request, since scores of different ones are not comparable.

    >>> rerank = JinaRerank(base_url="local", top_n=1)
    >>> found = rerank.compress_documents([Document("bread"), Document("the sea")], "ocean")
    >>> found[0].page_content, sorted(found[0].metadata)
    ('the sea', ['relevance_score'])

    Raises:
        ConfigurationError: A setting is wrong or unknown, or the key is missing.
    """

    model: str = Field(default=DEFAULT_RERANK_MODEL, validation_alias=AliasChoices("model", "model_name"))
    """The model's name. Also accepted as ``model_name``."""
    top_n: int | None = 3
    """Documents to return; None for all."""
    max_doc_length: int | None = None
    """Tokens of a document that are read, 1 to 8192, where the model has this option."""

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002
    ) -> Sequence[Document]:
        """The best ``top_n`` documents, best first. No document sends nothing.

        Args:
            documents: What was retrieved; left as it is.
            query: What is asked.
            callbacks: LangChain's; nothing here reports to them.

        Returns:
            Copies with their ``id``, and the score as ``metadata["relevance_score"]``.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.rerank``.
        """
        ranking = self._jina.rerank(query, _texts(documents), **self._options(self.top_n))
        return _scored(documents, ranking)

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002
    ) -> Sequence[Document]:
        """``compress_documents`` on the running event loop."""
        ranking = await self._jina.arerank(query, _texts(documents), **self._options(self.top_n))
        return _scored(documents, ranking)

    def rerank(
        self,
        documents: Sequence[str | Document | Mapping[str, str]],
        query: str,
        *,
        model: str | None = None,
        top_n: int | None = -1,
    ) -> list[dict[str, Any]]:
        """Indices and scores instead of documents, best first.

        Args:
            documents: Texts, documents, or objects with ``text``.
            query: What is asked.
            model: Another model than the object's own.
            top_n: How many to return; None for all, -1 for the object's own ``top_n``.

        Returns:
            ``{"index", "relevance_score"}`` for each, ``index`` being the position in ``documents``.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.rerank``.
        """
        options = self._options(self.top_n if top_n == -1 else top_n)
        if model is not None:
            options["model"] = model
        ranking = self._jina.rerank(query, _texts(documents), **options)
        return [{"index": row.index, "relevance_score": row.score} for row in ranking]

    def as_runnable(self) -> Runnable[Mapping[str, Any], list[Document]]:
        """A step of a chain: takes ``{"documents": ..., "query": ...}``, gives the best documents.

        ``{"documents": retriever, "query": RunnablePassthrough()} | rerank.as_runnable()``
        """

        def compress(inputs: Mapping[str, Any]) -> list[Document]:
            return list(self.compress_documents(*_documents_and_query(inputs)))

        async def acompress(inputs: Mapping[str, Any]) -> list[Document]:
            return list(await self.acompress_documents(*_documents_and_query(inputs)))

        return RunnableLambda(compress, acompress, name=type(self).__name__)

    def _options(self, top_n: int | None) -> dict[str, Any]:
        return {"model": self.model, "top_n": top_n, "max_doc_length": self.max_doc_length}

    def _check_options(self) -> None:
        self._jina.rerank("", [], **self._options(self.top_n))


def _texts(documents: Sequence[str | Document | Mapping[str, str]]) -> list[str | Mapping[str, str]]:
    return [document.page_content if isinstance(document, Document) else document for document in documents]


def _scored(documents: Sequence[Document], ranking: Ranking) -> list[Document]:
    return [_with_score(documents[row.index], row.score) for row in ranking]


def _with_score(document: Document, score: float) -> Document:
    metadata = {**deepcopy(document.metadata), "relevance_score": score}
    return document.model_copy(update={"metadata": metadata})


def _documents_and_query(inputs: Mapping[str, Any]) -> tuple[Sequence[Document], str]:
    try:
        return inputs["documents"], inputs["query"]
    except (KeyError, TypeError):
        raise ConfigurationError(
            'JinaRerank in a chain takes {"documents": ..., "query": ...}; '
            'for example {"documents": retriever, "query": RunnablePassthrough()} | rerank.as_runnable()'
        ) from None
