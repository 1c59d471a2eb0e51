"""The thread between the tickets of one process and their ledger."""

from __future__ import annotations

import itertools
import logging
import math
import os
import queue
import threading
import time
import uuid
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from ragbridge.errors import ConfigurationError, RagbridgeError, RequestError
from ragbridge.limiter.ledger import Known, Operation
from ragbridge.limiter.loops import STALL, EventLoop
from ragbridge.limiter.remote.desk import Desk, UnreachableError
from ragbridge.limiter.remote.ticket import RemoteTicket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragbridge.limiter.limits import RateLimit

logger = logging.getLogger("ragbridge")

POLL = 0.5  # seconds after which who waits asks again though nobody called it
AGAIN = 0.5  # seconds between two attempts to reach the ledger
IDLE = 5.0  # seconds without anything to do after which the clerk's thread ends
FLUSH = 2.0  # seconds that the interpreter's exit waits for what was used to be told
AT_ONCE = 8  # requests that are asked for in one exchange


class Clerk:
    """The thread between the tickets of one process and their ledger."""

    def __init__(self, limit: RateLimit, desk: Desk, lease: float, outage: float) -> None:
        self.limit = limit
        self.client = uuid.uuid4().hex[:16]
        self.numbers: Iterator[int] = itertools.count(1)
        self.paused_until = -math.inf
        self.head: tuple[str, float] | None = None
        self._desk = desk
        self._lease = lease
        self._outage = outage
        self._inbox: queue.SimpleQueue[tuple[RemoteTicket | None, Operation | None]] = queue.SimpleQueue()
        self._process = os.getpid()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._waiting: OrderedDict[RemoteTicket, None] = OrderedDict()
        self._flying: dict[str, RemoteTicket] = {}
        self._adrift: set[str] = set()  # of event loops that stand still: they count as landed
        self._operations: deque[Operation] = deque()
        self._used: deque[tuple[float, str, float]] = (
            deque()
        )  # when, name, tokens: told again to a ledger that forgot
        self._known = Known()
        self._exchanged_at = self._renewed_at = time.monotonic()
        self._down_since: float | None = None
        self._look = 0.0
        self._pause = desk.looks[0]
        self._called = False

    def tell(self, message: tuple[RemoteTicket | None, Operation | None]) -> None:
        """Put a message into the inbox; safe in destructors, and without effect in a forked process."""
        if os.getpid() == self._process:
            self._inbox.put(message)

    def refresh(self) -> None:
        """It may be this process' turn, or an event loop moves again. From any thread."""
        self.tell((None, None))

    def start(self) -> None:
        """Have a thread at work."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="ragbridge-quota", daemon=True)
                    self._thread.start()

    def close(self) -> None:
        """Have everything told, for at most two seconds, and the thread ended."""
        thread = self._thread
        if thread is not None:
            self._closing = True
            self.refresh()
            thread.join(FLUSH)
            self._closing = False

    def _run(self) -> None:
        stop = None
        try:
            stop = self._desk.listen(self.client, self.refresh)
            while not self._is_over():
                self._step()
        except BaseException as error:  # whoever waits must be told
            logger.exception("the thread of a shared quota has ended")
            self._thread = None
            self._fail(RequestError(f"the shared quota failed: {error!r}"))
        finally:
            if stop is not None:
                stop()

    def _is_over(self) -> bool:
        """Whether nothing is to be done any more; another thread then begins when something is."""
        now = time.monotonic()
        busy = self._waiting or self._flying or self._operations
        if self._closing:
            over = not self._operations or self._down_since is not None
        else:
            over = not busy and now - self._exchanged_at > IDLE
        with self._starting:
            if over and self._inbox.empty():
                self._thread = None
                return True
        return False

    def _step(self) -> None:
        self._read(self._patience())
        now = time.monotonic()
        self._look_at_loops()
        if self._flying and now - self._renewed_at >= self._lease / 3:
            self._renewed_at = now
            self._operations.extend(("H", name) for name in self._flying)
        able = [ticket for ticket in self._waiting if ticket.loop is None or not ticket.loop.is_still]
        asked = able[:AT_ONCE]
        called, self._called = self._called, False
        if not asked:
            self._look = now + STALL
        due = called or self._operations or self._down_since is not None or now >= self._look
        due = bool(asked) and (bool(due) or not asked[0].asked)
        if self._operations or due:
            self._exchange(asked if due else [])

    def _patience(self) -> float:
        """Seconds for which the inbox may stay empty."""
        now = time.monotonic()
        if self._closing or (self._operations and self._down_since is None) or self._called:
            return 0.0
        if self._down_since is not None and (self._operations or self._waiting):
            return AGAIN
        ends = [IDLE]
        if self._waiting:
            ends.append(self._look - now)
            if any(ticket.loop for ticket in self._waiting) or any(t.loop for t in self._flying.values()):
                ends.append(STALL)
        if self._flying:
            ends.append(self._renewed_at + self._lease / 3 - now)
        return max(min(ends), 0.0)

    def _read(self, patience: float) -> None:
        try:
            message = self._inbox.get(timeout=patience) if patience else self._inbox.get_nowait()
            if self._down_since is not None and patience:
                time.sleep(AGAIN / 10)  # out of reach: messages do not make the attempts more frequent
            while True:
                self._take(*message)
                message = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _take(self, ticket: RemoteTicket | None, operation: Operation | None) -> None:
        if ticket is None:
            self._called = True
        elif operation is None:
            if not ticket.ended:
                self._waiting[ticket] = None
        elif ticket in self._waiting:
            del self._waiting[ticket]
            if ticket.asked:  # its answer may have been lost
                self._operations.append(("C", ticket.name))
                if not self._waiting:
                    self._operations.append(("Q",))
            self._show()
        elif ticket.name in self._flying:
            del self._flying[ticket.name]
            self._operations.append(operation)
            self._note(ticket, operation)
        elif ticket.name in self._adrift:
            self._adrift.discard(ticket.name)
            if operation[0] != "C":  # its end came later than it was taken for: it counts from now, too
                self._operations.append(("L", f"late-{ticket.name}", 1.0, self._note(ticket, operation), 0.0))

    def _note(self, ticket: RemoteTicket, operation: Operation) -> float:
        """Remember what a request used, for a ledger that forgets."""
        tokens = 0.0 if operation[0] == "R" else ticket.tokens
        if operation[0] == "S" and operation[2] is not None:
            tokens = float(operation[2])
        now = time.monotonic()
        if operation[0] != "C":
            self._used.append((now, ticket.name, tokens))
        while self._used and self._used[0][0] + self.limit.window < now:
            self._used.popleft()
        return tokens

    def _look_at_loops(self) -> None:
        """Wait no longer for event loops that stand still or are closed: what they hold counts as used."""
        if not self._waiting:
            return
        for name, ticket in list(self._flying.items()):
            if ticket.loop is not None and self._stands_still(ticket.loop):
                del self._flying[name]
                self._adrift.add(name)
                self._operations.append(("S", name, None))
                self._note(ticket, ("S", name, None))
        for ticket in list(self._waiting):
            if ticket.loop is not None and self._stands_still(ticket.loop) and ticket.loop.is_gone:
                del self._waiting[ticket]

    def _stands_still(self, loop: EventLoop) -> bool:
        if loop.is_gone:
            return True
        loop.ask()
        return loop.is_still and loop.tell(self)

    def _exchange(self, asked: list[RemoteTicket]) -> None:
        told = list(self._operations)
        operations = [*told, *(("A", ticket.name, ticket.tokens, ticket.variance) for ticket in asked)]
        for ticket in asked:
            ticket.asked = True
        now = time.monotonic()
        if now - self._exchanged_at > self.limit.window + self._lease:
            self._known = Known()  # nothing of ours can count any more
        try:
            answer = self._desk.exchange(self.client, self._known, operations)
        except UnreachableError as error:
            self._on_outage(now, error)
            return
        except ConfigurationError as error:
            self._operations.clear()
            self._fail(error)
            return
        self._down_since = None
        self._exchanged_at = time.monotonic()
        forgotten = self._known.epoch not in {"", answer.known.epoch}
        self._known = answer.known
        if forgotten:
            self._tell_again(told)
            return
        for operation, result in zip(told, answer.results, strict=False):
            self._operations.popleft()
            # Its lease had ended, or the answer was lost: it counts from now, once more rather than not at all.
            if operation[0] == "S" and not result and operation[2] is not None:
                self._operations.append(("L", f"late-{operation[1]}", 1.0, float(operation[2]), 0.0))
        self._grant(asked, answer.results[len(told) :])

    def _tell_again(self, told: list[Operation]) -> None:
        """The ledger has lost its memory: what was used in the last window, and what is under way, is told anew."""
        logger.warning("the shared quota has lost its memory; what this process used is told again")
        now = time.monotonic()
        ended = {operation[1] for operation in told if operation[0] in "SRC" and len(operation) > 1}
        again: list[Operation] = [
            ("L", name, 1.0, tokens, now - at)
            for at, name, tokens in self._used
            if now - at < self.limit.window
        ]
        again += [
            ("F", name, ticket.tokens, ticket.variance)
            for name, ticket in self._flying.items()
            if name not in ended
        ]
        pauses = [operation for operation in told if operation[0] == "R"]
        refused = [("F", operation[1], 0.0, 0.0) for operation in pauses]
        self._operations = deque([*again, *refused, *pauses])
        self._called = True

    def _grant(self, asked: list[RemoteTicket], results: list[tuple[str, float]]) -> None:
        granted: list[RemoteTicket] = []
        now = time.monotonic()
        self._look = math.inf
        for ticket, (cause, seconds) in zip(asked, results, strict=True):
            if cause == "":
                del self._waiting[ticket]
                ticket.granted_at = now
                self._flying[ticket.name] = ticket
                granted.append(ticket)
            elif self._look == math.inf:
                if ticket.cause is None:
                    logger.debug("waiting for the shared rate limit (%s), %.1f s or more", cause, seconds)
                ticket.cause = cause
                self.head = (cause, now + min(seconds, self.limit.window))
                self._look = now + min(
                    max(seconds, 0.001), POLL if seconds < math.inf else self._longer(granted)
                )
        self._show()
        for ticket in granted:
            ticket.wake()

    def _longer(self, granted: list[RemoteTicket]) -> float:
        """Seconds until the next look at who is first: twice as many each time in vain."""
        first, most = self._desk.looks
        self._pause = first if granted else min(2 * self._pause, most)
        return self._pause

    def _show(self) -> None:
        if not self._waiting:
            self.head = None

    def _on_outage(self, now: float, error: UnreachableError) -> None:
        if self._down_since is None:
            self._down_since = now
            logger.warning("the shared quota is out of reach, so nothing is sent: %s", error)
        if now - self._down_since >= self._outage:
            self._fail(RequestError(f"the shared quota is out of reach for {self._outage:g} s: {error}"))

    def _fail(self, error: RagbridgeError) -> None:
        tickets, self._waiting = list(self._waiting), OrderedDict()
        self._show()
        for ticket in tickets:
            ticket.error = type(error)(str(error))  # each flow raises its own
            ticket.ended = True
            ticket.wake()
