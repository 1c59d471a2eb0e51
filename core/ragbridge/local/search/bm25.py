"""BM25 as Elasticsearch reckons it: Lucene's ``LegacyBM25Similarity``, with lengths as Lucene stores them.

``boost * 2.2 * idf * tf / (tf + 1.2 * (0.25 + 0.75 * length / average))`` for each term, summed. The number of documents
and the average length are those of documents that have the field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragbridge.ground.records import dataclass
from ragbridge.local.search.analysis import Term

K1 = 1.2
B = 0.75
EXACT = 40
"""Lengths below are stored as they are."""

Scores: TypeAlias = NDArray[np.float64]
"""A score for each document of an index; 0 for documents that do not match."""
Rows: TypeAlias = NDArray[np.intp]
"""Numbers of documents, ascending."""


def stored_length(length: int) -> int:
    """A field's length after Lucene has written it into one byte (``SmallFloat.intToByte4``)."""
    if length < EXACT:
        return length
    above = length - 24
    low = max(above.bit_length() - 4, 0)
    return 24 + (above >> low << low)


def idf(documents: int, having: int) -> float:
    """How rare a term is that ``having`` of ``documents`` documents have."""
    return float(np.float32(np.log(1 + (documents - having + 0.5) / (having + 0.5))))


@dataclass(frozen=True, slots=True)
class Postings:
    """The documents that have a term, and how often."""

    rows: Rows
    counts: NDArray[np.float64]


class TextIndex:
    """The terms of one field of an index.

    Args:
        terms: The terms of each document; None where it does not have the field.
        norms: Whether lengths and counts matter; they do not for keywords.
        k1: How soon further occurrences cease to count.
        b: How much length matters.
    """

    def __init__(
        self, terms: Sequence[list[Term] | None], *, norms: bool = True, k1: float = K1, b: float = B
    ) -> None:
        self.terms = terms
        self.documents = sum(one is not None for one in terms)
        total = 0
        lengths = np.zeros(len(terms))
        entries: dict[str, tuple[list[int], list[int]]] = {}
        for row, one in enumerate(terms):
            if not one:
                continue
            total += len(one)
            lengths[row] = stored_length(len(one))
            for term, count in Counter(term.text for term in one).items():
                rows, counts = entries.setdefault(term, ([], []))
                rows.append(row)
                counts.append(count if norms else 1)
        self._entries = entries
        average = total / self.documents if total else 1.0
        self._norms = k1 * (1 - b + b * lengths / average) if norms else np.full(len(terms), k1)
        self._k1 = k1

    @property
    def vocabulary(self) -> Sequence[str]:
        """All terms."""
        return list(self._entries)

    def postings(self, term: str) -> Postings | None:
        """The documents that have a term; None if there are none."""
        entry = self._entries.get(term)
        return (
            None
            if entry is None
            else Postings(np.array(entry[0], dtype=np.intp), np.array(entry[1], dtype=np.float64))
        )

    def having(self, term: str) -> int:
        """How many documents have a term."""
        entry = self._entries.get(term)
        return len(entry[0]) if entry else 0

    def score(self, term: str, *, weight: float | None = None) -> Scores:
        """The score of each document for one term.

        Args:
            term: The term.
            weight: The inverse document frequency to use; the term's own by default.
        """
        scores = np.zeros(len(self.terms))
        postings = self.postings(term)
        if postings is not None:
            own = idf(self.documents, len(postings.rows)) if weight is None else weight
            scores[postings.rows] = self.of_counts(postings.rows, postings.counts, own)
        return scores

    def of_counts(self, rows: Rows, counts: NDArray[np.float64], weight: float) -> Scores:
        """The scores of documents in which something of this weight occurs so often."""
        scores: Scores = (self._k1 + 1) * weight * counts / (counts + self._norms[rows])
        return scores.astype(np.float32).astype(np.float64)
