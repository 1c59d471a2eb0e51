"""When a failed request is worth another attempt, and after how long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ragbridge.errors import ConfigurationError, RagbridgeError, StatusError
from ragbridge.ground.numbers import as_whole, check_number, check_whole
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often and how patiently a request is sent again. Times are seconds.

    Only failures that may pass are retried: no answer, 408, 409 busy, 429, 5xx, and answers that do not hold what
    was promised. A 429 under a limiter is no failure but a pause of that quota: it has its own count.

    Attributes:
        attempts: Requests sent for one piece of work at most, the first one included; 1 for no retry.
        initial: Wait before the second attempt; it doubles with each further one.
        maximum: Longest wait that the doubling reaches.
        retry_after_cap: Longest wait that a service's ``Retry-After`` is granted.
        refusals: Times that one piece of work may be refused with 429 while a limiter paces it.
    """

    attempts: int = 5
    initial: float = 0.5
    maximum: float = 30.0
    retry_after_cap: float = 120.0
    refusals: int = 20

    def __post_init__(self) -> None:
        attempts = as_whole(self.attempts)
        if attempts is None or attempts < 1:
            raise ConfigurationError(
                f"attempts={self.attempts!r}: at least 1 request must be sent, and a whole number of them"
            )
        refusals = check_whole("refusals", self.refusals, "an int, and must not be negative", least=0)
        object.__setattr__(self, "attempts", attempts)
        object.__setattr__(self, "refusals", refusals)
        for name in ("initial", "maximum", "retry_after_cap"):
            wanted = "a finite number of seconds, and must not be negative"
            object.__setattr__(self, name, check_number(name, getattr(self, name), wanted, least=0))

    def delay(self, attempt: int, error: RagbridgeError, *, draw: float = 0.5) -> float | None:
        """Seconds to wait after attempt number ``attempt`` (from 1) failed with ``error``; None to give up.

        Args:
            attempt: Requests sent so far.
            error: What the last one ended with.
            draw: A random number in [0, 1): the wait lies between half and the whole of the doubled one, so that
                clients that failed together do not come back together. A ``Retry-After`` gets up to a tenth more.
        """
        if attempt >= self.attempts or not error.retryable:
            return None
        if isinstance(error, StatusError) and error.retry_after is not None:
            return self.cap(error.retry_after * (1 + draw / 10))
        return min(self.maximum, self.initial * 2.0 ** min(attempt - 1, 60)) * (0.5 + draw / 2)

    def cap(self, asked: float | None) -> float | None:
        """Seconds that a service is granted which asks to wait ``asked``; None where it does not say."""
        return None if asked is None else min(self.retry_after_cap, asked)


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds that an answer asks to wait, from ``retry-after-ms`` or ``retry-after`` (seconds or a date)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # a year that no date has
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None


publish("ragbridge", [Retry])
