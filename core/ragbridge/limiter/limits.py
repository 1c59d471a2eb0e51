"""Quotas as values, and the protocol of limiters."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from ragbridge.errors import ConfigurationError
from ragbridge.flow import Waitable
from ragbridge.ground.numbers import as_number, as_whole
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass

Reason: TypeAlias = Literal["requests", "tokens", "concurrency", "address"]
"""The limit that a service names when it refuses a request (``address``: requests of one IP address)."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What a service allows. None = not limited. The defaults are the most cautious published tier.

    Attributes:
        requests_per_minute: Requests a minute.
        tokens_per_minute: Tokens a minute, as the service bills them.
        concurrency: Requests in flight at once.
        window: Seconds over which the service counts. One window allows the figure per minute times window / 60.

    Raises:
        ConfigurationError: A figure is not positive, or less than one request or token fits into a window.
    """

    requests_per_minute: float | None = 100
    tokens_per_minute: float | None = 100_000
    concurrency: int | None = 2
    window: float = 60.0

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute", "window"):
            value: object = getattr(self, name)
            if value is None and name != "window":
                continue
            number = as_number(value)
            if number is None or number <= 0:
                raise ConfigurationError(f"RateLimit: {name} must be a number above 0, not {value!r}")
            object.__setattr__(self, name, number)
        if self.concurrency is not None:
            places = as_whole(self.concurrency)
            if places is None or places < 1:
                raise ConfigurationError(
                    f"RateLimit: concurrency must be a whole number of at least 1, or None, not {self.concurrency!r}"
                )
            object.__setattr__(self, "concurrency", places)
        check_window("RateLimit", self.requests_per_minute, self.tokens_per_minute, self.window)

    @property
    def requests_per_window(self) -> float | None:
        """Requests that fit into one window."""
        return None if self.requests_per_minute is None else per_window(self.requests_per_minute, self.window)

    @property
    def tokens_per_window(self) -> float | None:
        """Tokens that fit into one window."""
        return None if self.tokens_per_minute is None else per_window(self.tokens_per_minute, self.window)


def per_window(per_minute: float, window: float) -> float:
    """What fits into a window of so many seconds."""
    # Rounded, because 50 * (60 / 7) * 7 / 60 is a little less than 50, which would cost a request a window.
    return round(per_minute * window / 60, 9)


def check_window(
    owner: str, requests_per_minute: float | None, tokens_per_minute: float | None, window: float
) -> None:
    """Refuses a quota that no request ever fits into. ``owner`` is the type that the message names.

    Raises:
        ConfigurationError: Less than one request, or less than one token, fits into a window.
    """
    for what, per_minute in (("request", requests_per_minute), ("token", tokens_per_minute)):
        if per_minute is not None and per_window(per_minute, window) < 1:
            raise ConfigurationError(
                f"{owner}: no {what} fits into {window:g} s at {per_minute:g} {what}s a minute; "
                f"set window to {60 / per_minute:g} or more"
            )


class Ticket(Waitable, Protocol):
    """One request's place in line and, once ``poll`` answers None, its booking.

    ``settle``, ``refuse`` and ``cancel`` end it; the first call wins, later ones do nothing.
    """

    @property
    def waited(self) -> float:
        """Seconds from reserving until the booking was granted (until now, while it is not)."""
        ...

    @property
    def reason(self) -> str | None:
        """The reason of its last wait: requests, tokens, concurrency, pacing or paused; None if it never waited."""

    def settle(self, tokens: float | None) -> None:
        """The request has ended, and the service counted ``tokens``; None if unknown: the estimate then counts."""

    def refuse(self, *, reason: Reason | None, retry_after: float | None) -> float:
        """The service answered 429: the tokens are returned, and every request of this quota pauses.

        Args:
            reason: Which limit the service named; None if it did not say.
            retry_after: Seconds that the service asked to wait; None if it did not say.

        Returns:
            Seconds of the pause.
        """
        ...

    def cancel(self) -> None:
        """The request was never sent: leave the line, or give the whole booking back."""


class RateLimiter(Protocol):
    """Hands out tickets, first come first served. May live in this process or behind a network."""

    @property
    def concurrency(self) -> int | None:
        """Requests in flight at most; None if not limited."""

    @property
    def request_budget(self) -> float | None:
        """Tokens that one request should carry at most to use the quota well; None if tokens are not limited."""

    @property
    def capacity(self) -> float | None:
        """Tokens that one request may have at all; None if tokens are not limited."""

    def reserve(self, tokens: float, *, variance: float = 0.0) -> Ticket:
        """Take a place in line for a request of about ``tokens``; never blocks.

        Args:
            tokens: Estimate of what the service will count.
            variance: Variance of that estimate, in tokens squared.

        Raises:
            ConfigurationError: The request can never fit.
        """
        ...


publish("ragbridge", [RateLimit, RateLimiter])
