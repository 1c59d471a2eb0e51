"""How far a job is, for those who watch it from another thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragbridge.client.tally import Totals
    from ragbridge.limiter.limits import RateLimit, RateLimiter
    from ragbridge.limiter.tokens import Features, TokenEstimator

ITEMS = 128
"""Texts in a request, where nobody says."""


class Progress:
    """How far a job is. Safe to read from any thread, at any time.

    Args:
        rows: Rows of the input.
        characters: Characters of their texts.
        features: What the texts' tokens are estimated from.
        totals: What the job's client has used.
        estimator: Estimates tokens; what services report makes it better.
        limiter: Whose quota the requests use.
        limit: What that one keeps to.
        price: Of a million tokens; None where nobody said.
        batch_size: Texts in a request at most.
        now: Seconds.

    Attributes:
        rows: Rows of the input, in all.
        done: Rows of the input that are finished, those of earlier runs included.
        texts: Texts that were given out in this run.
        failed: Rows without a vector.
        shards: Finished shards.
    """

    def __init__(
        self,
        *,
        rows: int,
        characters: int,
        features: Features,
        totals: Totals,
        estimator: TokenEstimator,
        limiter: RateLimiter | None,
        limit: RateLimit | None,
        price: float | None,
        batch_size: int = ITEMS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows = rows
        self.done = 0
        self.texts = 0
        self.failed = 0
        self.shards = 0
        self._characters = max(characters, 1)
        self._features = features
        self._totals = totals
        self._estimator = estimator
        self._limiter = limiter
        self._limit = limit
        self._price = price
        self._batch_size = batch_size
        self._now = now
        self._begun = now()
        self._skipped = 0
        self._read = 0  # characters of the rows that are done, in this run
        self._sent = 0  # characters of the texts that were given out: chunks overlap

    def skip(self, rows: int) -> None:
        """``rows`` were finished by earlier runs."""
        self.done += rows
        self._skipped += rows

    def count(self, characters: int, *, row: int | None, failed: int) -> None:
        """A text was given out.

        Args:
            characters: Its length.
            row: That of its row, where it is the row's last.
            failed: Rows of the output that have no vector.
        """
        self.texts += 1
        self._sent += characters
        self.failed += failed
        if row is not None:
            self.done += 1
            self._read += row

    @property
    def share(self) -> float:
        """The part of the rows that is done, from 0 to 1."""
        return self.done / self.rows if self.rows else 1.0

    @property
    def tokens(self) -> int:
        """Tokens that were billed in this run."""
        return self._totals.tokens

    @property
    def requests(self) -> int:
        """Requests that were sent in this run."""
        return self._totals.requests

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return self._now() - self._begun

    @property
    def rate(self) -> float:
        """Rows a second, in this run."""
        return (self.done - self._skipped) / max(self.seconds, 1e-9)

    @property
    def cost(self) -> float | None:
        """Of the tokens that were billed in this run; None without a price."""
        return None if self._price is None else self.tokens * self._price / 1e6

    @property
    def tokens_left(self) -> float:
        """An estimate of what is still to be billed."""
        tokens, _ = self._estimator.estimate(self._features)
        overlap = self._sent / self._read if self._read else 1.0
        return tokens * (1 - self.share) * overlap

    @property
    def eta(self) -> float | None:
        """Seconds that the rest takes: what the quota allows, or the rate so far where that is less; None if not known yet."""
        left = self.rows - self.done
        if not left:
            return 0.0
        texts = self.texts / max(self.done - self._skipped, 1) * left
        by_quota = quota_minutes(self._limit, self.tokens_left, self._requests(texts)) * 60
        by_rate = left / self.rate if self.done > self._skipped else 0.0
        return max(by_quota, by_rate) or None

    def _requests(self, texts: float) -> float:
        if self.requests >= 4 and self.texts:
            return self.requests / self.texts * texts
        return requests_of(texts, self.tokens_left, self._batch_size, self._limiter)

    @property
    def waiting(self) -> tuple[str, float] | None:
        """What the next request waits for, and how many seconds more; None where it does not wait."""
        found = getattr(self._limiter, "waiting", None)
        return (str(found[0]), float(found[1])) if isinstance(found, tuple) else None


def requests_of(texts: float, tokens: float, batch_size: int, limiter: RateLimiter | None) -> float:
    """About how many requests some texts are cut into."""
    budget = limiter.request_budget if limiter is not None else None
    return max(texts / batch_size, tokens / budget if budget else 0.0)


def quota_minutes(limit: RateLimit | None, tokens: float, requests: float) -> float:
    """Minutes that a quota needs for so much, at its own speed."""
    if limit is None:
        return 0.0
    by_tokens = tokens / limit.tokens_per_minute if limit.tokens_per_minute else 0.0
    by_requests = requests / limit.requests_per_minute if limit.requests_per_minute else 0.0
    return max(by_tokens, by_requests)


def ideal_seconds(limit: RateLimit | None, tokens: float, requests: float) -> float:
    """Seconds that a quota needs for so much at least: each window's share goes out at its beginning."""
    if limit is None:
        return 0.0
    windows = max(_windows(tokens, limit.tokens_per_window), _windows(requests, limit.requests_per_window))
    return windows * limit.window


def _windows(count: float, allowed: float | None) -> int:
    return max(math.ceil(count / allowed) - 1, 0) if allowed else 0
