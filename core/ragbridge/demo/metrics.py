"""How good a ranking is when exactly one passage answers the query."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias

CUT = 10
"""Ranks that count."""

Judged: TypeAlias = "Iterable[tuple[Sequence[str], str]]"
"""For each query the ids that were found, best first, and the id of the answer."""


def ndcg(rankings: Judged) -> float:
    """Mean nDCG@10: 1 / log2(1 + rank) of the answer, 0 beyond rank 10.

    With one relevant passage the ideal gain is 1, so that the discounted gain is the normalised one.
    """
    return _mean(1 / math.log2(1 + rank) if rank else 0.0 for rank in map(_rank, rankings))


def recall(rankings: Judged) -> float:
    """Share of the queries whose answer is among the first 10."""
    return _mean(1.0 if rank else 0.0 for rank in map(_rank, rankings))


def _rank(judged: tuple[Sequence[str], str]) -> int | None:
    """Rank of the answer from 1, None beyond ``CUT``."""
    found, answer = judged
    return next((rank for rank, name in enumerate(found[:CUT], start=1) if name == answer), None)


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0
