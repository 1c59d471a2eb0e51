"""What rankers and retrievers of every service share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ragbridge import ConfigurationError

if TYPE_CHECKING:
    from haystack import Document

    from ragbridge import RankedDocument, Ranking

K = TypeVar("K", bound=int | None)


def check_top_k(top_k: K) -> K:
    """Returns ``top_k`` if it is None or at least 1."""
    if top_k is not None and (type(top_k) is not int or top_k < 1):
        raise ConfigurationError(f"top_k must be > 0, but got {top_k!r}")
    return top_k


def ranked_documents(
    documents: list[Document],
    ranking: Ranking,
    *,
    score_threshold: float | None,
    keep_retrieval_score: bool,
) -> list[Document]:
    """Copies of ``documents`` with their new scores, best first, those below the threshold left out."""
    return [
        _scored(documents[row.index], row, keep_retrieval_score=keep_retrieval_score)
        for row in ranking
        if score_threshold is None or row.score >= score_threshold
    ]


def _scored(document: Document, row: RankedDocument, *, keep_retrieval_score: bool) -> Document:
    if not keep_retrieval_score or document.score is None:
        return replace(document, score=row.score)
    return replace(document, score=row.score, meta={**document.meta, "retrieval_score": document.score})
