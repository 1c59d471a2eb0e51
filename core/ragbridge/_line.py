"""The line before one quota: tickets of any number of threads and event loops, first come first served."""

from __future__ import annotations

import logging
import math
import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragbridge._limits import Reason
    from ragbridge._window import Booking, Cause, Quota

T = TypeVar("T")

TICK = 1e-6  # seconds added to each wait: who looks again then is not too early by a rounding error

logger = logging.getLogger("ragbridge")


class Line:
    """A quota behind a lock that is held for microseconds, and the tickets that wait for it in order."""

    def __init__(
        self, quota: Quota, clock: Callable[[], float], on_wait: Callable[[Cause, float], None]
    ) -> None:
        self.clock = clock
        self.on_wait = on_wait
        self.reset(quota)

    def reset(self, quota: Quota) -> None:
        """Start afresh, lock included. Tickets of before end without effect."""
        self.quota = quota
        self.waiting: OrderedDict[LineTicket, None] = OrderedDict()
        self._lock = threading.RLock()
        self._entered = False
        self._deferred: deque[Callable[[float], object]] = deque()

    def is_idle(self) -> bool:
        """Whether nobody waits and nothing counts any more."""
        return not self.waiting and bool(self.enter(self.quota.is_idle))

    def enter(self, act: Callable[[float], T]) -> T | None:
        """Change the state by ``act(now)``, grant what fits, and wake whom it concerns.

        None instead of a result where this very thread is in here already: the garbage collector closed a flow, whose
        ticket ends, in the middle of a change. Only endings come that way; they are caught up on at once.
        """
        with self._lock:
            if self._entered:
                self._deferred.append(act)
                return None
            self._entered = True
            try:
                now = self.clock()
                result = act(now)
                while self._deferred:
                    self._deferred.popleft()(now)
                concerned = self._serve(now)
            finally:
                self._entered = False
        for ticket in concerned:
            ticket.wake()
        return result

    def _serve(self, now: float) -> list[LineTicket]:
        concerned: list[LineTicket] = []
        while self.waiting:
            head = next(iter(self.waiting))
            seconds, cause = self.quota.delay(now, head.booking)
            if seconds <= 0:
                del self.waiting[head]
                self.quota.grant(now, head.booking)
                concerned.append(head)
                continue
            head.cause = cause
            deadline = now + seconds + TICK
            if deadline < head.deadline:  # it has become the head, or room comes earlier than it was told
                concerned.append(head)
            head.deadline = deadline
            break
        return concerned


class LineTicket:
    """A ``Ticket``. Whether it waits, flies or has ended is known by the line and its quota alone."""

    __slots__ = ("_line", "_reserved_at", "_told", "_wakers", "booking", "cause", "deadline")

    def __init__(self, line: Line, booking: Booking) -> None:
        self.booking = booking
        self.cause: Cause | None = None
        self.deadline = math.inf
        self._line = line
        self._reserved_at = math.inf
        self._told = False
        self._wakers: list[Callable[[], None]] = []

    def join(self, now: float) -> None:
        """Take the last place."""
        self._reserved_at = now
        self._line.waiting[self] = None

    @property
    def waited(self) -> float:
        """Seconds from reserving until granted; until now, while it waits."""
        return min(self.booking.granted_at, self._line.clock()) - self._reserved_at

    @property
    def reason(self) -> str | None:
        """What it last waited for at the head of the line; None if it did not."""
        return self.cause

    def poll(self) -> float | None:
        """None once granted, else seconds after which to ask again."""
        if self.booking.granted_at < math.inf:
            return None
        now = self._line.enter(self._look)
        if self.booking.granted_at < math.inf or now is None:
            return None
        # Only the head knows when its turn is; the others are woken. They look once a window all the same, because a
        # head whose owner died without a word is moved on by whoever looks next.
        left = min(max(self.deadline - now, 0.0), self._line.quota.limit.window)
        if not self._told and self.cause is not None:
            self._told = True
            self._line.on_wait(self.cause, left)
        return left

    def _look(self, now: float) -> float:
        if self not in self._line.waiting and math.isinf(self.booking.granted_at):
            raise RuntimeError("a ticket was waited for after it had been cancelled")
        return now

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, from any thread, when the ticket is granted or its turn comes earlier than told."""
        self._wakers.append(wake)

    def wake(self) -> None:
        """Call the subscribers. One whose event loop is closed can never go on: it gives its place up."""
        for waker in tuple(self._wakers):
            try:
                waker()
            except RuntimeError:
                logger.debug("the event loop of a waiting request is closed; its place in line is given up")
                self.cancel()

    def settle(self, tokens: float | None) -> None:
        """The service counted ``tokens``; None: whatever the estimate was."""
        self._line.enter(lambda now: self._line.quota.settle(now, self.booking, tokens))

    def refuse(self, *, reason: Reason | None, retry_after: float | None) -> float:
        """The service answered 429. Returns the seconds of the pause; 0 if the ticket had ended before."""

        def act(now: float) -> tuple[float | None, bool]:
            paused = self._line.quota.is_paused(now)
            return self._line.quota.refuse(now, self.booking, reason, retry_after), paused

        pause, paused = self._line.enter(act) or (None, False)
        if pause is None:
            return 0.0
        logger.log(
            logging.DEBUG if paused else logging.WARNING,  # one line for all that were under way
            "refused with 429 (%s): every request of this quota pauses for %.1f s",
            reason or "no reason given",
            pause,
        )
        return pause

    def cancel(self) -> None:
        """Leave the line, or give the booking back."""
        self._line.enter(self._leave)

    def _leave(self, now: float) -> None:
        if self in self._line.waiting:
            del self._line.waiting[self]
        else:
            self._line.quota.cancel(now, self.booking)
