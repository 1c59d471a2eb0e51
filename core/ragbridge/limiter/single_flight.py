"""A gate that lets one request pass alone until something has been learnt from it.

Nobody waits for long: a request that has been alone for a second, or whose event loop stands still, is no longer waited
for, and the next one goes.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragbridge.limiter.loops import EventLoop

logger = logging.getLogger("ragbridge")

LOOK = 1.0
"""Seconds for which a request goes alone. Those behind it look as often by themselves."""


class Gate:
    """Shut at first: one holder of a pass goes at a time. Once open, everybody goes."""

    def __init__(self) -> None:
        self._is_open = False
        self.restart()

    def restart(self) -> None:
        """Forget who waits, for a process that was forked; an open gate stays open."""
        self._lock = (
            threading.RLock()
        )  # re-entrant: the garbage collector may close a flow, and so a pass, in here
        self._passes: weakref.WeakSet[Pass] = weakref.WeakSet()
        self._pilot: weakref.ref[Pass] | None = None
        self._since = 0.0

    def enter(self) -> Pass:
        """A pass to wait for and to hold (``with``) while the request is under way."""
        entering = Pass(self)
        if not self._is_open:
            with self._lock:
                self._passes.add(entering)
        return entering

    def open(self) -> None:
        """Let everybody go."""
        if not self._is_open:
            self._is_open = True
            self._wake()

    def admit(self, candidate: Pass) -> bool:
        """Whether ``candidate`` may go."""
        if self._is_open:
            return True
        with self._lock:
            pilot = self._pilot() if self._pilot else None
            if pilot is not candidate:
                if pilot is not None and not self._is_overdue(pilot):
                    return False
                self._pilot, self._since = weakref.ref(candidate), time.monotonic()
            return True

    def _is_overdue(self, pilot: Pass) -> bool:
        stands_still = pilot.loop is not None and pilot.loop.is_still
        return stands_still or time.monotonic() - self._since >= LOOK

    def release(self, leaving: Pass) -> None:
        """``leaving`` is done, failed or given up: the next may go."""
        if self._is_open:
            return
        with self._lock:
            self._passes.discard(leaving)
            if self._pilot is None or self._pilot() is not leaving:
                return
            self._pilot = None
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            passes = tuple(self._passes)
        for waiting in passes:
            waiting.wake()


class Pass:
    """A ``Waitable``: over when this request may go."""

    __slots__ = ("__weakref__", "_gate", "_wakers", "loop")

    def __init__(self, gate: Gate) -> None:
        self.loop: EventLoop | None = None
        self._gate = gate
        self._wakers: list[Callable[[], None]] = []

    def poll(self) -> float | None:
        """None once this request may go."""
        return None if self._gate.admit(self) else LOOK

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, from any thread, when it may be this request's turn."""
        self._wakers.append(wake)
        self.loop = getattr(wake, "loop", None)

    def wake(self) -> None:
        """Call the subscribers; one whose event loop is closed leaves."""
        for waker in tuple(self._wakers):
            try:
                waker()
            except RuntimeError:
                logger.debug("the event loop of a waiting request is closed")
                self.leave()

    def leave(self) -> None:
        """The request is over, failed or given up. Calling it again does nothing."""
        self._gate.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
