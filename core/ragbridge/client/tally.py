"""What becomes of requests, told to all whom it concerns: the client's counters, who observes the call, and the log."""

from __future__ import annotations

import logging
import threading
from dataclasses import field
from typing import TYPE_CHECKING

from ragbridge.client.watch import current
from ragbridge.errors import RagbridgeError, RateLimitError, StatusError, in_short
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.observers import Answered, Attempt, Failed, Paused, Refused, Retrying, Waited
from ragbridge.values.embeddings import Usage

if TYPE_CHECKING:
    from ragbridge.flow import Request, Response
    from ragbridge.limiter.limits import Ticket

log = logging.getLogger("ragbridge")


@dataclass(slots=True)
class Totals:
    """What a client has used since it was made.

    Attributes:
        tokens: Tokens billed, as the service counted them.
        requests: Requests sent, refused and failed ones included.
        retries: Requests that were sent again after a failure.
        refusals: Answers of status 429.
        waits: Times that a request waited for the limiter.
        waited: Seconds that requests waited for the limiter, added up over all of them.
    """

    tokens: int = 0
    requests: int = 0
    retries: int = 0
    refusals: int = 0
    waits: int = 0
    waited: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(
        self,
        *,
        tokens: int = 0,
        requests: int = 0,
        retries: int = 0,
        refusals: int = 0,
        waits: int = 0,
        waited: float = 0.0,
    ) -> None:
        """Count what just happened; safe from any thread."""
        with self._lock:
            self.tokens += tokens
            self.requests += requests
            self.retries += retries
            self.refusals += refusals
            self.waits += waits
            self.waited += waited


class Tally:
    """What becomes of one request, however often it is sent. Used by one flow, so by one thread at a time.

    Args:
        totals: The client's counters.
        product: Whose quota counts it.

    Attributes:
        retries: Times that it was sent again.
        waited: Seconds that it waited for the limiter.
    """

    __slots__ = ("_product", "_totals", "_watch", "attempts", "retries", "waited")

    def __init__(self, totals: Totals, product: str) -> None:
        self._totals = totals
        self._product = product
        self._watch = current()
        self.attempts = 0
        self.retries = 0
        self.waited = 0.0

    def admitted(self, ticket: Ticket | None) -> None:
        """The quota has room: it may have waited."""
        seconds = ticket.waited if ticket is not None else 0.0
        if ticket is None or not seconds:
            return
        self.waited += seconds
        self._totals.add(waits=1, waited=seconds)
        if self._watch is not None:
            self._watch.event(Waited(self._product, seconds, ticket.reason))

    def sent(self) -> None:
        """It is sent now."""
        self.attempts += 1
        self._totals.add(requests=1)
        if self._watch is not None:
            self._watch.event(Attempt(self.attempts, self._product))

    def answered(self, request: Request, response: Response, tokens: int | None, seconds: float) -> Usage:
        """It succeeded. Returns what it cost."""
        billed = tokens or 0
        if billed:
            self._totals.add(tokens=billed)
        if self._watch is not None:
            self._watch.event(Answered(self._product, response.status, seconds, tokens, len(response.body)))
        if log.isEnabledFor(logging.INFO):
            log.info(
                "%s %s: %d tokens in %.3f s",
                request.method,
                request.place,
                billed,
                seconds,
                extra={
                    "ragbridge_product": self._product,
                    "ragbridge_status": response.status,
                    "ragbridge_tokens": billed,
                    "ragbridge_seconds": seconds,
                    "ragbridge_attempt": self.attempts,
                    "ragbridge_waited": self.waited,
                },
            )
        return Usage(billed, 1, retries=self.retries, waited=self.waited)

    def refused(self, error: RateLimitError, reason: str | None, pause: float, seconds: float) -> None:
        """It was refused with 429, and its quota pauses."""
        self._totals.add(refusals=1)
        if self._watch is not None:
            self._watch.event(Refused(self._product, reason, error.retry_after, seconds))
            if pause > 0:
                self._watch.event(Paused(self._product, pause))

    def failed(self, error: RagbridgeError, seconds: float) -> None:
        """It failed in another way."""
        if self._watch is not None:
            self._watch.event(Failed(self._product, type(error).__name__, _status_of(error), seconds))

    def again(self, request: Request, error: RagbridgeError, delay: float, *, how: str) -> None:
        """It will be sent again, ``how`` as the log says."""
        self.retries += 1
        self._totals.add(retries=1)
        if self._watch is not None:
            self._watch.event(Retrying(self.attempts + 1, delay, type(error).__name__, _status_of(error)))
        log.info(
            "%s %s: %s; trying %s",
            request.method,
            request.place,
            in_short(error),
            how,
            extra={
                "ragbridge_product": self._product,
                "ragbridge_status": _status_of(error),
                "ragbridge_error": type(error).__name__,
                "ragbridge_delay": delay,
                "ragbridge_attempt": self.attempts,
            },
        )

    def note(self, error: RagbridgeError) -> None:
        """Have ``error`` say what its request went through."""
        error.retries, error.waited = self.retries, self.waited


def _status_of(error: RagbridgeError) -> int | None:
    return error.status if isinstance(error, StatusError) else None


publish("ragbridge", [Totals])
