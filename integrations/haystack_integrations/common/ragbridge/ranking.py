"""What rankers and retrievers of every service share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

from haystack_integrations.common.ragbridge.component import check_documents, copied
from ragbridge import ConfigurationError, adapters

if TYPE_CHECKING:
    from haystack import Document

    from ragbridge import RankedDocument, Ranking

K = TypeVar("K", bound=int | None)


def check_top_k(top_k: K) -> K:
    """Returns ``top_k`` if it is None or a whole number of at least 1, as a plain int."""
    if top_k is None:
        return top_k
    count = adapters.as_whole(top_k)
    if count is None or count < 1:
        raise ConfigurationError(f"top_k must be > 0, but got {top_k!r}")
    return count  # type: ignore[return-value]


def check_threshold(threshold: float | None) -> float | None:
    """Returns ``threshold`` if it is None or a finite number: no score is above a NaN, and all documents would be lost.

    Raises:
        ConfigurationError: It is something else.
    """
    if threshold is None:
        return None
    lowest = adapters.as_number(threshold)
    if lowest is None:
        raise ConfigurationError(
            f"score_threshold={threshold!r} must be a finite number, or None for all documents"
        )
    return lowest


def candidates(documents: list[Document], component: str) -> list[Document]:
    """The documents to rank, each id once: of several the one with the highest score, at the place of the first.

    Retrievers that are joined find the same document. Haystack's own rankers do the same.

    Raises:
        TypeError: ``documents`` is not a list of documents.
    """
    check_documents(documents, f"{component} expects a list of Documents as input.")
    if len({document.id for document in documents}) == len(documents):
        return list(documents)
    best: dict[str, Document] = {}
    for document in documents:
        other = best.get(document.id)
        if other is None or _score(document) > _score(other):
            best[document.id] = document
    return list(best.values())


def _score(document: Document) -> float:
    return -math.inf if document.score is None else document.score


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
    kept = keep_retrieval_score and document.score is not None
    return copied(document, {"retrieval_score": document.score} if kept else None, score=row.score)
