"""A gate that lets one request pass alone until something has been learnt from it.

No request waits long: after a second, or if the first one's event loop is blocked, the next one goes.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING, Self

from ragbridge.flow import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragbridge.limiter.loops import EventLoop

LOOK = 1.0
"""Seconds for which a request goes alone, unless its gate says otherwise. Those behind it look as often by themselves."""


class Gate:
    """Closed at first: one pass at a time. Once open, every pass goes at once.

    Args:
        look: Seconds for which a request goes alone.
    """

    def __init__(self, look: float = LOOK) -> None:
        self.look = look
        self._is_open = False
        self.restart()

    def restart(self) -> None:
        """Forget all passes, in a forked process. An open gate stays open."""
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
        """Let every pass go."""
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
        return stands_still or time.monotonic() - self._since >= self.look

    def release(self, leaving: Pass) -> None:
        """``leaving`` has finished, failed or been given up: the next may go."""
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


class Pass(Waiting):
    """A ``Waitable``: over when this request may go."""

    __slots__ = ("__weakref__", "_gate", "loop")

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.loop: EventLoop | None = None
        self._gate = gate

    def poll(self) -> float | None:
        """None once this request may go."""
        return None if self._gate.admit(self) else self._gate.look

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, from any thread, when it may be this request's turn."""
        super().subscribe(wake)
        self.loop = getattr(wake, "loop", None)

    def give_up(self) -> None:
        """Leave: this request can never go on."""
        self.leave()

    def leave(self) -> None:
        """The request has finished, failed or been given up. Idempotent."""
        self._gate.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
