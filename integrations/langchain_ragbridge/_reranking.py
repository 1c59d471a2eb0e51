"""The base of the rerankers of every service: a document compressor, and a step of a chain."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import RunnableLambda

from ragbridge import ConfigurationError, adapters

if TYPE_CHECKING:
    from langchain_core.callbacks import Callbacks
    from langchain_core.runnables import Runnable

    from ragbridge import Ranking


class Reranker(BaseDocumentCompressor):
    """Ranks documents by ``_rank`` and ``_arank``, which are the subclasses' own."""

    @abstractmethod
    def _rank(self, query: str, documents: Sequence[Document]) -> Ranking:
        """The best documents; an index is the place in ``documents``."""

    @abstractmethod
    async def _arank(self, query: str, documents: Sequence[Document]) -> Ranking:
        """``_rank`` on the running event loop."""

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002
    ) -> Sequence[Document]:
        """The best ``top_n`` documents, best first. No document sends nothing.

        Args:
            documents: What was retrieved; left as it is.
            query: The query.
            callbacks: LangChain's; nothing here reports to them.

        Returns:
            Copies with their ``id``, and the score as ``metadata["relevance_score"]``.

        Raises:
            RagbridgeError: See the ``rerank`` of the service's client.
        """
        documents = adapters.listed(documents, "documents")
        return _scored(documents, self._rank(query, documents))

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002
    ) -> Sequence[Document]:
        """``compress_documents`` on the running event loop."""
        documents = adapters.listed(documents, "documents")
        return _scored(documents, await self._arank(query, documents))

    def as_runnable(self) -> Runnable[Mapping[str, Any], list[Document]]:
        """A step of a chain: takes ``{"documents": ..., "query": ...}``, gives the best documents.

        ``{"documents": retriever, "query": RunnablePassthrough()} | rerank.as_runnable()``
        """
        name = type(self).__name__

        def compress(inputs: Mapping[str, Any]) -> list[Document]:
            return list(self.compress_documents(*_documents_and_query(inputs, name)))

        async def acompress(inputs: Mapping[str, Any]) -> list[Document]:
            return list(await self.acompress_documents(*_documents_and_query(inputs, name)))

        return RunnableLambda(compress, acompress, name=name)


def rows_of(ranking: Ranking) -> list[dict[str, Any]]:
    """Indices and scores, under the names that LangChain's users know."""
    return [{"index": row.index, "relevance_score": row.score} for row in ranking]


def texts_of(
    documents: Sequence[str | Document | Mapping[str, str]],
) -> list[str | Mapping[str, str]]:
    """The text of each document, which is what is ranked. Objects with ``text`` are passed on unchanged."""
    return [
        document.page_content if isinstance(document, Document) else document
        for document in adapters.listed(documents, "documents")
    ]


def _scored(documents: Sequence[Document], ranking: Ranking) -> list[Document]:
    return [_with_score(documents[row.index], row.score) for row in ranking]


def _with_score(document: Document, score: float) -> Document:
    metadata = {**adapters.own_copy(document.metadata), "relevance_score": score}
    return document.model_copy(update={"metadata": metadata})


def _documents_and_query(inputs: Mapping[str, Any], name: str) -> tuple[Sequence[Document], str]:
    try:
        return inputs["documents"], inputs["query"]
    except (KeyError, TypeError):
        raise ConfigurationError(
            f'{name} in a chain takes {{"documents": ..., "query": ...}}; '
            'for example {"documents": retriever, "query": RunnablePassthrough()} | rerank.as_runnable()'
        ) from None
