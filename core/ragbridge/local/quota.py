"""Enforced quotas: requests and tokens in a sliding window, and concurrent requests."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import field
from typing import TYPE_CHECKING

from ragbridge.ground.numbers import check_number, check_whole
from ragbridge.ground.records import dataclass
from ragbridge.limiter.limits import check_window, per_window
from ragbridge.local.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Limits for each key and product. Requests beyond a limit are answered with 429. None means no limit.

    Attributes:
        requests_per_minute: Maximum number of answered requests per minute.
        tokens_per_minute: Maximum number of tokens of answered requests per minute.
        concurrency: Maximum number of concurrent requests.
        window: Length of the sliding window in seconds. A window allows the limit per minute x ``window`` / 60.
        retry_after: Whether a 429 has a ``Retry-After`` header with the seconds until the request fits. The hosted service
            is not known to send it.

    Raises:
        ConfigurationError: A figure is wrong, or less than one request or token fits into a window.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None
    window: float = 60.0
    retry_after: bool = False

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute", "concurrency"):
            value: object = getattr(self, name)
            if value is not None:
                wanted = "a whole number of at least 1, or None for no limit"
                object.__setattr__(self, name, check_whole(name, value, wanted))
        window = check_number("window", self.window, "a number of seconds above 0", above=0)
        object.__setattr__(self, "window", window)
        check_window("Quota", self.requests_per_minute, self.tokens_per_minute, self.window)


@dataclass(slots=True)
class _Account:
    """One key's use of one product."""

    answered: deque[tuple[float, int]] = field(default_factory=deque)
    """Time and tokens of each answered request in the current window."""
    tokens: int = 0
    handling: int = 0
    ends: list[float] = field(default_factory=list)
    """Times at which delayed answers will have been sent."""


class Ledger:
    """Counts the use of quotas. Thread-safe; the current time is always an argument.

    A request is in flight from ``enter`` until the time passed to ``leave``. That time is in the future if the answer is
    delayed.
    """

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._accounts: dict[Hashable, _Account] = {}
        self._lock = threading.Lock()

    def enter(self, key: Hashable, now: float) -> None:
        """Starts a request.

        Raises:
            Refusal: 429 if too many requests are in flight. The request is not started then.
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
        """Ends a request whose answer is sent at the time ``until``."""
        with self._lock:
            account = self._accounts[key]
            account.handling -= 1
            if self._quota.concurrency is not None:
                account.ends.append(until)

    def charge(self, key: Hashable, now: float, tokens: int) -> None:
        """Counts a request and its tokens.

        Raises:
            Refusal: 429 if the request exceeds the quota. It is not counted then.
        """
        quota = self._quota
        if quota.requests_per_minute is None and quota.tokens_per_minute is None:
            return
        with self._lock:
            account = self._accounts[key]
            log = account.answered
            while log and now - log[0][0] >= quota.window:
                account.tokens -= log.popleft()[1]
            if quota.requests_per_minute is not None:
                surplus = len(log) + 1 - per_window(quota.requests_per_minute, quota.window)
                if surplus > 0:
                    message = f"Request rate limit exceeded: {len(log) + 1}/{quota.requests_per_minute} requests per minute"
                    wait = self._wait(log, now, surplus, weigh=False)
                    raise self._refuse("RATE_REQUEST_LIMIT_EXCEEDED", message, wait)
            if quota.tokens_per_minute is not None:
                used = account.tokens + tokens
                surplus = used - per_window(quota.tokens_per_minute, quota.window)
                if surplus > 0:
                    message = (
                        f"Token rate limit exceeded: {used:,}/{quota.tokens_per_minute:,} tokens per minute"
                    )
                    wait = self._wait(log, now, surplus, weigh=True)
                    raise self._refuse("RATE_TOKEN_LIMIT_EXCEEDED", message, wait)
            log.append((now, tokens))
            account.tokens += tokens

    def _wait(self, log: deque[tuple[float, int]], now: float, surplus: float, *, weigh: bool) -> float:
        """Seconds until the request fits into the window; the window's length if it never fits."""
        for when, tokens in log:
            surplus -= tokens if weigh else 1
            if surplus <= 0:
                return when + self._quota.window - now
        return self._quota.window

    def _refuse(self, code: str, message: str, wait: float) -> Refusal:
        headers = {"retry-after": str(max(1, math.ceil(wait)))} if self._quota.retry_after else None
        return Refusal(429, message, code=code, headers=headers)
