"""Cutting texts into requests: order kept, items and tokens bounded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ragbridge.ground.records import dataclass
from ragbridge.limiter.tokens import NOTHING, Features, plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ragbridge.limiter.tokens import TokenEstimator

MAX_REQUEST_BYTES = 24_000_000
"""Bytes of images and other media in one request: two of the largest images that any service takes, as base64. No cap is
published; more would only make a request slower to send, and dearer to send again."""


class Load(NamedTuple):
    """What an item brings beside its text: tokens, and bytes as they travel."""

    tokens: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The texts ``[start:stop]`` of the caller's list, for one request.

    ``features`` is what a ``TokenEstimator`` measured of them, or ``NOTHING`` where tokens play no part. ``extra`` is
    what their loads add, in tokens.
    """

    start: int
    stop: int
    features: Features = NOTHING
    extra: float = 0.0


def pack(
    texts: Sequence[str],
    *,
    items: int,
    estimator: TokenEstimator,
    tokens: float | None = None,
    budget: float | None = None,
    weigh: Callable[[int], Load | None] | None = None,
) -> Iterator[Batch]:
    """Cut ``texts`` into batches, lazily: what the estimator learns meanwhile is used for those that follow.

    Args:
        texts: What to send, in order.
        items: Texts per request at most.
        estimator: Estimates tokens; asked only where tokens may matter.
        tokens: Tokens that the service takes in one request; None: no bound.
        budget: Tokens per request that use the quota well (``RateLimiter.request_budget``); None: not limited.
        weigh: What the item of an index is beside its text, or None where it is text alone. None instead of a function: all are.

    Yields:
        Batches that cover ``texts`` without gaps. A single text above a bound is its own request: whether the service
        cuts or refuses it is not this function's to decide. Loads of a batch stay within ``MAX_REQUEST_BYTES`` likewise.
    """
    bound = min(math.inf if tokens is None else tokens, math.inf if budget is None else budget)
    start = 0
    while start < len(texts):
        stop = min(start + items, len(texts))
        if weigh is not None:
            batch = _fill_loaded(texts, start, stop, bound, estimator, weigh=weigh)
        elif budget is None and _surely_below(bound, texts[start:stop]):
            batch = Batch(start, stop)
        else:
            batch = _fill(texts, start, stop, bound, estimator)
        yield batch
        start = batch.stop


def _fill(texts: Sequence[str], start: int, stop: int, bound: float, estimator: TokenEstimator) -> Batch:
    features, total = NOTHING, 0.0
    for index in range(start, stop):
        measured = estimator.measure(texts[index])
        total += estimator.estimate(measured)[0]
        if total > bound and index > start:
            return Batch(start, index, features)
        features = plus(features, measured)
    return Batch(start, stop, features)


def _fill_loaded(
    texts: Sequence[str],
    start: int,
    stop: int,
    bound: float,
    estimator: TokenEstimator,
    *,
    weigh: Callable[[int], Load | None],
) -> Batch:
    features, extra, size, total = NOTHING, 0.0, 0, 0.0
    for index in range(start, stop):
        load = weigh(index) or Load(0.0, 0)
        # An item without text says nothing about what texts cost.
        measured = estimator.measure(texts[index]) if texts[index] or not load.tokens else NOTHING
        total += estimator.estimate(measured)[0] + load.tokens
        size += load.bytes
        if index > start and (total > bound or size > MAX_REQUEST_BYTES):
            return Batch(start, index, features, extra)
        features, extra = plus(features, measured), extra + load.tokens
    return Batch(start, stop, features, extra)


def _surely_below(bound: float, texts: Sequence[str]) -> bool:
    if math.isinf(bound):
        return True
    # No tokenizer makes more than a token of each byte. Special tokens and a task's prefix add less than 16 to a text.
    bytes_per_character = 1 if all(map(str.isascii, texts)) else 4
    return bytes_per_character * sum(map(len, texts)) + 16 * len(texts) <= bound
