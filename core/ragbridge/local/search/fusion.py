"""Fusion of ranked lists: reciprocal ranks, and weighted sums of normalised scores."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np

from ragbridge.local.search.errors import invalid_argument

Key = TypeVar("Key", bound=Hashable)
Ranked: TypeAlias = "list[tuple[Key, float]]"
"""Documents with their scores, best first."""

EPSILON = 1e-6
"""Spans and norms below it leave scores as they are (``MinMaxScoreNormalizer``, ``L2ScoreNormalizer``)."""


def reciprocal_ranks(
    lists: Sequence[Ranked[Key]], weights: Sequence[float], constant: int
) -> dict[Key, float]:
    """The sum of ``weight / (constant + rank)`` over the lists in which a document stands, in float32."""
    scores: dict[Key, np.float32] = {}
    for ranked, weight in zip(lists, weights, strict=True):
        for rank, (key, _) in enumerate(ranked, 1):
            share = np.float32(weight) * (np.float32(1) / np.float32(constant + rank))
            scores[key] = np.float32(scores.get(key, np.float32(0)) + share)
    return {key: float(score) for key, score in scores.items()}


def weighted_sums(
    lists: Sequence[Ranked[Key]], weights: Sequence[float], normalizers: Sequence[str]
) -> dict[Key, float]:
    """The sum of ``weight * normalised score`` over the lists in which a document stands, in float32."""
    sums: dict[Key, np.float32] = {}
    for ranked, weight, normalizer in zip(lists, weights, normalizers, strict=True):
        scores = normalize(normalizer, [score for _, score in ranked])
        for (key, _), score in zip(ranked, scores, strict=True):
            sums[key] = np.float32(sums.get(key, np.float32(0)) + np.float32(weight) * score)
    return {key: float(score) for key, score in sums.items()}


def normalize(name: str, scores: Sequence[float]) -> list[np.float32]:
    """Normalised scores, float32.

    Raises:
        Failure: 400, there is no such normalizer.
    """
    function = NORMALIZERS.get(name)
    if function is None:
        raise invalid_argument(f"Unknown normalizer [{name}]")
    if not scores:
        return []
    return list(function(np.array(scores, dtype=np.float32)))


def _none(scores: np.ndarray) -> np.ndarray:
    return scores


def _minmax(scores: np.ndarray) -> np.ndarray:
    low, high = scores.min(), scores.max()
    if abs(high - low) < EPSILON:
        return np.full_like(scores, low)
    normalised: np.ndarray = (scores - low) / (high - low)
    return normalised


def _l2(scores: np.ndarray) -> np.ndarray:
    norm = np.float32(np.sqrt(np.square(scores, dtype=np.float32).sum(dtype=np.float32)))
    if norm < EPSILON:
        return scores
    normalised: np.ndarray = scores / norm
    return normalised


NORMALIZERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": _none,
    "minmax": _minmax,
    "l2_norm": _l2,
}
