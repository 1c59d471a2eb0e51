"""Methods that order documents by a query."""

from __future__ import annotations

from collections.abc import Sequence

from ragbridge._faces import Awaitable, Blocking
from ragbridge._flow import Plan
from ragbridge._results import Document, Ranking
from ragbridge.models import DEFAULT_RERANK_MODEL, RerankModel
from ragbridge.services.jina import rerank
from ragbridge.services.jina.faces.base import JinaFaces


class RankingFaces(JinaFaces):
    """Reranking."""

    def _rerank(
        self,
        query: str,
        documents: Sequence[Document],
        *,
        model: RerankModel = DEFAULT_RERANK_MODEL,
        top_n: int | None = None,
        return_documents: bool = False,
        max_doc_length: int | None = None,
    ) -> Plan[Ranking]:
        """Documents by their relevance to a query, best first.

        All documents go in one call, since scores of different calls are not comparable.

        Args:
            query: What is asked.
            documents: Texts, or objects with ``text``. An empty list sends nothing.
            model: The model's name.
            top_n: How many to return; None for all.
            return_documents: Whether each row carries the caller's document.
            max_doc_length: Tokens of a document that are read, 1 to 8192, where the model has this option.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        found = rerank.check_options(
            query, documents, model=model, top_n=top_n, max_doc_length=max_doc_length
        )
        return rerank.rerank(
            self._channel,
            query,
            found,
            model=model,
            top_n=top_n,
            return_documents=return_documents,
            max_doc_length=max_doc_length,
        )

    rerank = Blocking(_rerank)
    arerank = Awaitable(_rerank)
