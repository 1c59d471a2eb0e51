"""A place in the line of a quota that is kept outside of this process."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from ragbridge.flow import Waiting
from ragbridge.limiter.ledger import Operation

if TYPE_CHECKING:
    from ragbridge.errors import RagbridgeError
    from ragbridge.limiter.limits import RateLimit, Reason
    from ragbridge.limiter.loops import EventLoop

logger = logging.getLogger("ragbridge")

LOOK = 5.0  # seconds after which a waiting flow looks at its ticket though nobody woke it


class Teller(Protocol):
    """Who takes to the ledger what tickets say.

    Attributes:
        client: What the ledger knows this process by.
        numbers: One for each ticket.
        limit: The quota.
        paused_until: When the pause of the last refusal ends.
    """

    client: str
    numbers: Iterator[int]
    limit: RateLimit
    paused_until: float

    def tell(self, message: tuple[RemoteTicket | None, Operation | None]) -> None:
        """Take a message; never blocks."""


class RemoteTicket(Waiting):
    """A ``Ticket`` of a ledger."""

    __slots__ = (
        "__weakref__",
        "_clerk",
        "asked",
        "cause",
        "ended",
        "error",
        "granted_at",
        "loop",
        "name",
        "reserved_at",
        "tokens",
        "variance",
    )

    def __init__(self, clerk: Teller, tokens: float, variance: float) -> None:
        super().__init__()
        self.name = f"{clerk.client}-{next(clerk.numbers)}"
        self.tokens = tokens
        self.variance = variance
        self.loop: EventLoop | None = None
        self.cause: str | None = None
        self.granted_at = math.inf
        self.reserved_at = time.monotonic()
        self.asked = False
        self.ended = False
        self.error: RagbridgeError | None = None
        self._clerk = clerk

    @property
    def waited(self) -> float:
        """Seconds from reserving until granted; until now, while it waits."""
        return min(self.granted_at, time.monotonic()) - self.reserved_at

    @property
    def reason(self) -> str | None:
        """What it last waited for at the head of the line; None if it did not."""
        return self.cause

    def poll(self) -> float | None:
        """None once granted, else seconds after which to look again.

        Raises:
            RequestError: The ledger is out of reach, and was for too long.
            ConfigurationError: It can never be used.
        """
        if self.error is not None:
            raise self.error
        return None if self.granted_at < math.inf else LOOK

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, from any thread, when the ticket is granted."""
        super().subscribe(wake)
        self.loop = getattr(wake, "loop", None)

    def give_up(self) -> None:
        """Leave the line: this request can never go on."""
        self.cancel()

    def settle(self, tokens: float | None) -> None:
        """The service counted ``tokens``; None: the estimate counts."""
        self._end(("S", self.name, tokens))

    def refuse(self, *, reason: Reason | None, retry_after: float | None) -> float:
        """The service answered 429. Returns the seconds for which the quota pauses, as far as this process knows."""
        if self.ended:
            return 0.0
        pause = self._clerk.limit.window if retry_after is None else max(retry_after, 0.0)
        told = self._clerk.paused_until
        self._clerk.paused_until = max(told, time.monotonic() + pause)
        logger.log(
            logging.DEBUG if time.monotonic() < told else logging.WARNING,
            "refused with 429 (%s): every request of this quota pauses for %.1f s, in all processes",
            reason or "no reason given",
            pause,
        )
        self._end(("R", self.name, reason, retry_after))
        return pause

    def cancel(self) -> None:
        """Leave the line, or give the booking back."""
        self._end(("C", self.name))

    def _end(self, operation: Operation) -> None:
        if not self.ended:
            self.ended = True
            self._clerk.tell((self, operation))
