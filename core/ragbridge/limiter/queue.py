"""The waiting line of one quota, first come first served, for any number of threads and event loops."""

from __future__ import annotations

import logging
import math
import threading
import weakref
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, TypeVar

from ragbridge.flow import Waiting
from ragbridge.limiter.loops import STALL, EventLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragbridge.limiter.limits import Reason
    from ragbridge.limiter.quota import Booking, Cause, Quota

T = TypeVar("T")

EARLIER = 0.01
"""Seconds that a turn must come earlier than a ticket was told for the ticket to be woken: less is not worth a look."""
TICK = 1e-6  # seconds added to each wait, so that rounding errors do not make the next look too early

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
        """Start afresh, lock included. Earlier tickets have no effect any more."""
        self.quota = quota
        self.waiting: OrderedDict[LineTicket, None] = OrderedDict()
        # Granted, but the flow on its event loop has not noticed yet.
        self._handed: dict[LineTicket, None] = {}
        self._loops: weakref.WeakSet[EventLoop] = weakref.WeakSet()
        self._lock = threading.RLock()
        self._entered = False
        self._deferred: deque[Callable[[float], object]] = deque()

    def is_idle(self) -> bool:
        """Whether no ticket waits and nothing is counted."""
        return not self.waiting and bool(self.enter(self.quota.is_idle))

    def enter(self, act: Callable[[float], T]) -> T | None:
        """Change the state by ``act(now)``, grant what fits, and wake the tickets concerned.

        Returns None when the same thread re-enters: the garbage collector closed a flow, which ends its ticket, in
        the middle of a change. ``act`` then runs as soon as that change is done.
        """
        with self._lock:
            if self._entered:
                self._deferred.append(act)
                return None
            self._entered = True
            try:
                now = self.clock()
                result = act(now)
                concerned = self._serve(now)
                while self._deferred:
                    self._deferred.popleft()(now)
                    concerned += self._serve(now)
            finally:
                self._entered = False
        for ticket in concerned:
            ticket.wake()
        return result

    def _serve(self, now: float) -> list[LineTicket]:
        concerned: list[LineTicket] = []
        while (head := self._head()) is not None:
            seconds, cause = self.quota.delay(now, head.booking)
            if seconds <= 0:
                del self.waiting[head]
                self.quota.grant(now, head.booking)
                if head.booking.loop is not None:
                    self._handed[head] = None
                concerned.append(head)
                continue
            head.cause = cause
            head.deadline = now + seconds + TICK
            # It has become the head, or there is room earlier than it was told.
            if head.deadline < head.told - EARLIER:
                head.told = head.deadline
                concerned.append(head)
            break
        return concerned

    def _head(self) -> LineTicket | None:
        """The first ticket that can use a grant. Tickets on a blocked event loop are passed over."""
        for ticket in self.waiting:
            loop = ticket.booking.loop
            if loop is None or not loop.is_still:
                return ticket
            if not loop.tell(self):  # it moves again already
                return ticket
        return None

    def look_at_head(self) -> tuple[Cause, float] | None:
        """What the first ticket waits for, and for how many seconds; None if none waits."""

        def look(now: float) -> tuple[Cause, float] | None:
            head = self._head()
            if head is None:
                return None
            seconds, cause = self.quota.delay(now, head.booking)
            return cause, min(max(seconds, 0.0), self.quota.limit.window)

        return self.enter(look)

    def refresh(self) -> None:
        """Grant what fits: an event loop that stood still moves again."""
        self.enter(lambda _: None)

    def meet(self, loop: EventLoop) -> None:
        """A flow on ``loop`` has a ticket."""
        with self._lock:
            self._loops.add(loop)

    def depends_on_others(self, loop: EventLoop | None) -> bool:
        """Whether event loops other than ``loop`` may hold what a ticket waits for."""
        return len(self._loops) > (loop in self._loops)

    def look_around(self, now: float, mine: EventLoop | None) -> None:
        """Wait no longer for event loops, other than ``mine``, that stand still or are closed."""
        for loop in tuple(self._loops):
            if loop is mine:
                continue
            if loop.is_gone:
                self._forget(now, loop)
            elif loop.is_still:
                self._take_back(now, loop)
                self.quota.set_adrift(now, loop)
                loop.tell(self)
            else:
                loop.ask()

    def _take_back(self, now: float, loop: EventLoop) -> None:
        """Put what was granted to ``loop``, and not used yet, back to the front of the line."""
        for ticket in [handed for handed in reversed(self._handed) if handed.booking.loop is loop]:
            del self._handed[ticket]
            self.quota.cancel(now, ticket.booking)
            ticket.booking.granted_at = ticket.deadline = ticket.told = math.inf
            self.waiting[ticket] = None
            self.waiting.move_to_end(ticket, last=False)

    def _forget(self, now: float, loop: EventLoop) -> None:
        for ticket in [waiting for waiting in self.waiting if waiting.booking.loop is loop]:
            del self.waiting[ticket]
        for ticket in [handed for handed in self._handed if handed.booking.loop is loop]:
            del self._handed[ticket]
            self.quota.cancel(now, ticket.booking)
        self.quota.forget(now, loop)
        self._loops.discard(loop)

    def leave(self, now: float, ticket: LineTicket) -> None:
        """``ticket`` is given up: its place in line, or its booking."""
        self._handed.pop(ticket, None)
        if ticket in self.waiting:
            del self.waiting[ticket]
        else:
            self.quota.cancel(now, ticket.booking)

    def take(self, ticket: LineTicket) -> bool:
        """The flow of ``ticket`` goes on, if its grant has not been taken back."""
        with self._lock:
            self._handed.pop(ticket, None)
            return ticket.booking.granted_at < math.inf


class LineTicket(Waiting):
    """A ``Ticket``. Its state (waiting, in flight, ended) is kept by the line and its quota."""

    __slots__ = ("_announced", "_line", "_reserved_at", "booking", "cause", "deadline", "told")

    def __init__(self, line: Line, booking: Booking) -> None:
        super().__init__()
        self.booking = booking
        self.cause: Cause | None = None
        self.deadline = math.inf
        """When its turn comes if no request lands before; known for the head only."""
        self.told = math.inf
        """The time at which its flow will look next."""
        self._line = line
        self._reserved_at = math.inf
        self._announced = False

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
        if self._goes():
            return None
        self.told = -math.inf  # what this look finds is told below: it wakes nobody
        now = self._line.enter(self._look)
        if now is None or self._goes():
            return None
        self.told = self.deadline
        # Only the head knows when its turn comes; the others are woken. They still look once a window: if the owner of the
        # head has died, the next look moves the line on.
        left = min(max(self.deadline - now, 0.0), self._line.quota.limit.window)
        if not self._announced and self.cause is not None:
            self._announced = True
            self._line.on_wait(self.cause, left)
        return min(left, STALL) if self._line.depends_on_others(self.booking.loop) else left

    def _goes(self) -> bool:
        granted = self.booking.granted_at < math.inf
        return granted and (self.booking.loop is None or self._line.take(self))

    def _look(self, now: float) -> float:
        self._line.look_around(now, self.booking.loop)
        if self not in self._line.waiting and math.isinf(self.booking.granted_at):
            raise RuntimeError("a ticket was waited for after it had been cancelled")
        return now

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, from any thread, when the ticket is granted or its turn comes earlier than told."""
        super().subscribe(wake)
        loop = getattr(wake, "loop", None)
        if loop is not None:
            self.booking.loop = loop
            self._line.meet(loop)

    def give_up(self) -> None:
        """Leave the line: this request can never go on."""
        self.cancel()

    def settle(self, tokens: float | None) -> None:
        """The service counted ``tokens``; None: the estimate counts."""
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
            logging.DEBUG if paused else logging.WARNING,  # logged once for all requests under way
            "refused with 429 (%s): every request of this quota pauses for %.1f s",
            reason or "no reason given",
            pause,
        )
        return pause

    def cancel(self) -> None:
        """Leave the line, or give the booking back."""
        self._line.enter(self._leave)

    def _leave(self, now: float) -> None:
        self._line.leave(now, self)
