"""Quotas that are really counted: requests and tokens in a sliding window, and requests at once."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragbridge.errors import ConfigurationError
from ragbridge.local.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What each key may use of each product; a request beyond it is answered with 429. None is no limit.

    Attributes:
        requests_per_minute: Answered requests.
        tokens_per_minute: Their tokens.
        concurrency: Requests at once.
        window: Seconds over which is counted; what fits into one window is the figure per minute x window / 60.
        retry_after: Whether a 429 says in ``Retry-After`` after how many seconds the request would fit. The service
            is not known to.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None
    window: float = 60.0
    retry_after: bool = False

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute", "concurrency"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigurationError(f"{name}={value!r} must be at least 1, or None for no limit")
        if not (math.isfinite(self.window) and self.window > 0):
            raise ConfigurationError(f"window={self.window!r} must be a number of seconds above 0")


@dataclass(slots=True)
class _Account:
    """One key's use of one product."""

    answered: deque[tuple[float, int]] = field(default_factory=deque)
    """When, and how many tokens: the requests of the last window."""
    tokens: int = 0
    handling: int = 0
    ends: list[float] = field(default_factory=list)
    """When the answers that are under way will have been sent."""


class Ledger:
    """Counts. Every time is an argument; safe for threads.

    A request is under way from ``enter`` until the time that ``leave`` names, which may lie ahead: the time that its
    answer is held back counts as well.
    """

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._accounts: dict[Hashable, _Account] = {}
        self._lock = threading.Lock()

    def enter(self, key: Hashable, now: float) -> None:
        """A request begins.

        Raises:
            Refusal: 429, too many at once; nothing begins.
        """
        limit = self._quota.concurrency
        with self._lock:
            account = self._accounts.setdefault(key, _Account())
            account.ends = [end for end in account.ends if end > now]
            busy = account.handling + len(account.ends)
            if limit is not None and busy >= limit:
                wait = 0.0 if account.handling else min(account.ends) - now
                message = f"Concurrency limit exceeded: {busy + 1}/{limit} concurrent requests"
                raise self._refuse("RATE_CONCURRENCY_LIMIT_EXCEEDED", message, wait)
            account.handling += 1

    def leave(self, key: Hashable, until: float) -> None:
        """The request that began is answered at ``until``."""
        with self._lock:
            account = self._accounts[key]
            account.handling -= 1
            if self._quota.concurrency is not None:
                account.ends.append(until)

    def charge(self, key: Hashable, now: float, tokens: int) -> None:
        """Count a request and its tokens.

        Raises:
            Refusal: 429, beyond the quota; nothing is counted.
        """
        quota = self._quota
        if quota.requests_per_minute is None and quota.tokens_per_minute is None:
            return
        with self._lock:
            account = self._accounts[key]
            log = account.answered
            while log and now - log[0][0] >= quota.window:
                account.tokens -= log.popleft()[1]
            share = quota.window / 60
            if quota.requests_per_minute is not None:
                surplus = len(log) + 1 - quota.requests_per_minute * share
                if surplus > 0:
                    message = f"Request rate limit exceeded: {len(log) + 1}/{quota.requests_per_minute} requests per minute"
                    wait = self._wait(log, now, surplus, weigh=False)
                    raise self._refuse("RATE_REQUEST_LIMIT_EXCEEDED", message, wait)
            if quota.tokens_per_minute is not None:
                used = account.tokens + tokens
                surplus = used - quota.tokens_per_minute * share
                if surplus > 0:
                    message = (
                        f"Token rate limit exceeded: {used:,}/{quota.tokens_per_minute:,} tokens per minute"
                    )
                    wait = self._wait(log, now, surplus, weigh=True)
                    raise self._refuse("RATE_TOKEN_LIMIT_EXCEEDED", message, wait)
            log.append((now, tokens))
            account.tokens += tokens

    def _wait(self, log: deque[tuple[float, int]], now: float, surplus: float, *, weigh: bool) -> float:
        """Seconds until enough has left the window; the whole window where the request can never fit."""
        for when, tokens in log:
            surplus -= tokens if weigh else 1
            if surplus <= 0:
                return when + self._quota.window - now
        return self._quota.window

    def _refuse(self, code: str, message: str, wait: float) -> Refusal:
        headers = {"retry-after": str(max(1, math.ceil(wait)))} if self._quota.retry_after else None
        return Refusal(429, message, code=code, headers=headers)
