"""Cutting texts into requests: order kept, items and tokens bounded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragbridge._tokens import NOTHING, Features, plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragbridge._tokens import TokenEstimator


@dataclass(frozen=True, slots=True)
class Batch:
    """The texts ``[start:stop]`` of the caller's list, for one request.

    ``features`` is what a ``TokenEstimator`` measured of them, or ``NOTHING`` where tokens play no part.
    """

    start: int
    stop: int
    features: Features = NOTHING


def pack(
    texts: Sequence[str],
    *,
    items: int,
    estimator: TokenEstimator,
    tokens: float | None = None,
    budget: float | None = None,
) -> Iterator[Batch]:
    """Cut ``texts`` into batches, lazily: what the estimator learns meanwhile is used for those that follow.

    Args:
        texts: What to send, in order.
        items: Texts per request at most.
        estimator: Estimates tokens; asked only where tokens may matter.
        tokens: Tokens that the service takes in one request; None: no bound.
        budget: Tokens per request that use the quota well (``RateLimiter.request_budget``); None: not limited.

    Yields:
        Batches that cover ``texts`` without gaps. A single text above a bound is its own request: whether the service
        cuts or refuses it is not this function's to decide.
    """
    bound = min((figure for figure in (tokens, budget) if figure is not None), default=math.inf)
    start = 0
    while start < len(texts):
        stop = min(start + items, len(texts))
        if budget is None and _surely_below(bound, texts[start:stop]):
            yield Batch(start, stop)
        else:
            features, stop = _fill(texts, start, stop, bound, estimator)
            yield Batch(start, stop, features)
        start = stop


def _fill(
    texts: Sequence[str], start: int, stop: int, bound: float, estimator: TokenEstimator
) -> tuple[Features, int]:
    features, total = NOTHING, 0.0
    for index in range(start, stop):
        measured = estimator.measure(texts[index])
        total += estimator.estimate(measured)[0]
        if total > bound and index > start:
            return features, index
        features = plus(features, measured)
    return features, stop


def _surely_below(bound: float, texts: Sequence[str]) -> bool:
    if math.isinf(bound):
        return True
    # No tokenizer makes more than a token of each byte. Special tokens and a task's prefix add less than 16 to a text.
    bytes_per_character = 1 if all(map(str.isascii, texts)) else 4
    return bytes_per_character * sum(map(len, texts)) + 16 * len(texts) <= bound
