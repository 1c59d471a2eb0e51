"""Methods that order documents by a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.models import DEFAULT_RERANK_MODEL, RerankModel
from ragbridge.services.jina import rerank
from ragbridge.services.jina.session import JinaMethods

if TYPE_CHECKING:
    from ragbridge.flow import Plan
    from ragbridge.values.rankings import Document, Ranking


class RankingMethods(JinaMethods):
    """Reranking."""

    def _rerank(
        self,
        query: Document,
        documents: Sequence[Document],
        *,
        model: RerankModel = DEFAULT_RERANK_MODEL,
        top_n: int | None = None,
        return_documents: bool = False,
        max_doc_length: int | None = None,
        return_embeddings: bool = False,
        max_documents_per_call: int | None = None,
        normalize_scores: bool = False,
    ) -> Plan[Ranking]:
        """Documents by their relevance to a query, best first.

        One call holds all documents that one request can hold; the service cuts longer lists itself.

        Models that judge each document by itself (v1, v2, m0, ColBERT) get as many calls as it takes, side by side, where
        ``max_documents_per_call`` says so, one request can never fit the quota, or images are too heavy for one.
        Equal documents are sent once, and with a ``cache`` each score is kept under its query and its document.

        Listwise models (v3, v3.5), whose scores depend on the other documents of the call, get one call unless
        ``max_documents_per_call`` is set; what can never fit the quota is an error then. With it they rank in rounds:
        documents are dealt out to calls, the best of each call meet in the next round, and the last round is one call. A
        document leaves only after ``top_n`` others of its call, or half of them, were ranked above it. Their scores are
        never kept.

        Args:
            query: What is asked; an image as well, for ``jina-reranker-m0``.
            documents: Texts, objects with ``text``, and for ``jina-reranker-m0`` images (``Image``, or objects with
                ``image``). What else an object holds is not sent. An empty list sends nothing.
            model: The model's name.
            top_n: How many to return; None for all. Where a listwise model ranks in rounds, and more are asked for
                than met in the last call, the others follow: those of later rounds first, then by the place that
                they had in their call; their scores are those of that call.
            return_documents: Whether each row carries the caller's document.
            max_doc_length: Tokens of a document that are read, 1 to 8192; v3 (2048 unless set) and v3.5 (8192).
            return_embeddings: Whether each row carries the document's vector; v3 and v3.5. Its width is the service's.
            max_documents_per_call: Documents in one call at most, at least 2 for listwise models; None for all. The
                service recommends up to 64 for v3.
            normalize_scores: Map scores to 0..1 by the logistic function where the host gives logits (llama.cpp, SGLang);
                others are left as they are. The order stays.

        Returns:
            ``Ranking``: ``score_kind`` says what the scores are, ``met`` says which documents' scores may be compared with each other. Scores of
            v3 and v3.5 are cosines and may be negative. No score is comparable across models, nor across calls to a
            listwise one.

        Raises:
            ConfigurationError: An argument is wrong, or the model does not have it; nothing was sent.
            InvalidRequestError: The service refuses a document; ``index`` says which.
            QuotaExhaustedError: The account's balance is used up.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = rerank.options.check_options(
            model=model,
            top_n=top_n,
            return_documents=return_documents,
            max_doc_length=max_doc_length,
            return_embeddings=return_embeddings,
            max_documents_per_call=max_documents_per_call,
            normalize_scores=normalize_scores,
        )
        return rerank.requests.rerank(self._channel, query, documents, options)

    rerank = Blocking(_rerank)
    arerank = Awaitable(_rerank)
