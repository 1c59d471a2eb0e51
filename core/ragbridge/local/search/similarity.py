"""Scores of dense and sparse vectors, by Elasticsearch's formulas (``DenseVectorFieldMapper``, Lucene's ``FeatureField``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float32]
Column: TypeAlias = NDArray[np.float64]

KEPT_BITS = 15
"""The lowest bits of a stored weight that ``FeatureField`` drops."""
BLOCK = 1 << 22
"""Numbers compared at a time where differences have to be formed, which bounds memory."""

HIGHEST = float(np.finfo(np.float32).max)
"""The highest score: scores are float32."""

SIMILARITIES = ("cosine", "dot_product", "l2_norm", "max_inner_product")


class Vectors:
    """The vectors of one field, compared at once with a query.

    Args:
        matrix: One vector a row, float32 of shape (vectors, dims); bits as 0 and 1.
        similarity: One of ``SIMILARITIES``.
        element: ``float``, ``bfloat16``, ``byte`` or ``bit``.
    """

    def __init__(self, matrix: Matrix, *, similarity: str, element: str) -> None:
        self.similarity = similarity
        self.element = element
        self.matrix = matrix
        if similarity == "cosine" and len(matrix):
            norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64))
            self._inverse = 1.0 / np.maximum(norms, 1e-30)

    @property
    def width(self) -> int:
        """Dimensions."""
        return int(self.matrix.shape[1])

    def raw(self, query: Matrix) -> Column:
        """The raw similarity of each vector: cosine, dot product, or distance (of bits: the number that differ).

        Args:
            query: The query, of shape (dims,).
        """
        if self.element == "bit":
            return np.asarray(np.abs(self.matrix - query).sum(axis=1, dtype=np.float64))
        with np.errstate(over="ignore", invalid="ignore"):  # of numbers near the greatest float32
            if self.similarity == "l2_norm":
                return _finite(np.sqrt(_squared_distances(self.matrix, query)))
            dots = _finite(self.matrix @ query)
        if self.similarity != "cosine":
            return dots
        norm = max(float(np.linalg.norm(query.astype(np.float64))), 1e-30)
        return np.asarray(np.clip(dots * self._inverse / norm, -1.0, 1.0))

    def scores(self, raw: Column) -> Column:
        """The scores of raw similarities."""
        match self.similarity:
            case _ if self.element == "bit":
                scores = (self.width - raw) / self.width
            case "l2_norm":
                scores = 1 / (1 + raw * raw)
            case "cosine":
                scores = (1 + raw) / 2
            case "max_inner_product":
                scores = np.where(raw < 0, 1 / (1 - np.minimum(raw, 0)), raw + 1)
            case _ if self.element == "byte":
                scores = 0.5 + raw / (32768 * self.width)
            case _:
                scores = np.maximum((1 + raw) / 2, 0)
        return np.asarray(scores, dtype=np.float32).astype(np.float64)

    def near(self, raw: Column, bound: float) -> NDArray[np.bool_]:
        """Which vectors are at least as similar as the query ``knn`` asks with ``similarity``."""
        distance = self.similarity == "l2_norm" or self.element == "bit"
        return raw <= bound if distance else raw >= bound


def _finite(numbers: NDArray[Any]) -> Column:
    return np.nan_to_num(numbers.astype(np.float64), nan=0.0, posinf=HIGHEST, neginf=-HIGHEST)


def _squared_distances(matrix: Matrix, query: Matrix) -> Column:
    distances = np.empty(len(matrix))
    step = max(1, BLOCK // max(1, len(query)))
    for start in range(0, len(matrix), step):
        difference = matrix[start : start + step] - query
        distances[start : start + step] = np.einsum("ij,ij->i", difference, difference)
    return distances


def stored_weight(weight: float) -> float:
    """A token's weight after Lucene has stored it: a float32 without its lowest 15 bits."""
    return float(_stored([weight])[0])


class Tokens:
    """The sparse vectors of one field, by token.

    Args:
        rows: One sparse vector a row; None where there is none.
    """

    def __init__(self, rows: Sequence[Mapping[str, float] | None]) -> None:
        self.count = len(rows)
        self.vectors = sum(row is not None for row in rows)
        entries: dict[str, tuple[list[int], list[float]]] = {}
        for number, row in enumerate(rows):
            for token, weight in (row or {}).items():
                where, weights = entries.setdefault(token, ([], []))
                where.append(number)
                weights.append(weight)
        self._entries = {
            token: (np.array(where, dtype=np.intp), _stored(weights))
            for token, (where, weights) in entries.items()
        }

    @property
    def mean_frequency(self) -> float:
        """In which part of the vectors a token stands, on average."""
        if not self._entries:
            return 0.0
        total = sum(len(where) for where, _ in self._entries.values())
        return total / len(self._entries) / max(1, self.vectors)

    def frequency(self, token: str) -> float:
        """In which part of the vectors a token stands."""
        entry = self._entries.get(token)
        return len(entry[0]) / max(1, self.vectors) if entry else 0.0

    def scores(self, query: Mapping[str, float]) -> tuple[NDArray[np.bool_], Column]:
        """Which rows share a token with the query, and their scores."""
        met = np.zeros(self.count, dtype=np.bool_)
        scores = np.zeros(self.count)
        with np.errstate(over="ignore"):
            for token, weight in query.items():
                entry = self._entries.get(token)
                if entry is not None:
                    met[entry[0]] = True
                    scores[entry[0]] += entry[1] * np.float32(weight)
        return met, np.clip(scores, 0, HIGHEST).astype(np.float32).astype(np.float64)


def _stored(weights: Sequence[float]) -> Matrix:
    bits = np.array(weights, dtype=np.float32).view(np.int32)
    return (bits >> KEPT_BITS << KEPT_BITS).view(np.float32)
