"""Detects event loops that are blocked, so that no other thread or loop waits for them.

Only its event loop can finish what a task has booked. A loop is blocked (it stands still) while a blocking call runs in
its thread, for example ``embed`` called from a coroutine. Such a call must not wait for anything that needs the loop.
This module does not import asyncio: without a running loop there is nothing to detect.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    import asyncio

STALL = 1.0
"""Seconds without an answer after which an event loop counts as standing still. Longer than a loop in good health takes for
one callback, short against the window of a quota."""


class Witness(Protocol):
    """Skipped a blocked loop, and must be told when it moves again."""

    def refresh(self) -> None:
        """The loop moves again. Called from any thread."""


class EventLoop:
    """One event loop, and whether it moves."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._lock = threading.RLock()  # re-entrant: the garbage collector may end a ticket in here
        self._blocking = 0
        self._asked_at: float | None = None
        self._answered_at = -math.inf
        self._witnesses: weakref.WeakSet[Witness] = weakref.WeakSet()

    @property
    def is_still(self) -> bool:
        """Whether it is blocked: by a call of ours, or because it has not answered for ``STALL`` seconds."""
        asked_at = self._asked_at
        return self._blocking > 0 or (asked_at is not None and time.monotonic() - asked_at >= STALL)

    @property
    def is_gone(self) -> bool:
        """Whether it is closed, and so will never move again."""
        loop = self._loop()
        return loop is None or loop.is_closed()

    def ask(self) -> None:
        """Ask the loop for a sign of life. ``is_still`` checks later whether it answered."""
        with self._lock:
            loop, now = self._loop(), time.monotonic()
            if self._asked_at is not None or loop is None or now - self._answered_at < STALL / 2:
                return
            self._asked_at = now
        try:
            loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # closed: it never moves again
            return

    def tell(self, witness: Witness) -> bool:
        """Tell ``witness`` when the loop moves again. False if it moves already."""
        with self._lock:
            self._witnesses.add(witness)
        return self.is_still

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """The thread of this loop is about to run a blocking call."""
        with self._lock:
            self._blocking += 1
        try:
            yield
        finally:
            with self._lock:
                self._blocking -= 1
            self._moves()

    def _answer(self) -> None:
        self._answered_at, self._asked_at = time.monotonic(), None
        self._moves()

    def _moves(self) -> None:
        if self.is_still:
            return
        with self._lock:
            witnesses, self._witnesses = tuple(self._witnesses), weakref.WeakSet()
        for witness in witnesses:
            witness.refresh()


@dataclass(frozen=True, slots=True, eq=False)
class Waker:
    """Wakes a waiting flow. Calling it raises ``RuntimeError`` once the flow's event loop is closed.

    Attributes:
        wake: Wakes the flow, from any thread.
        loop: The flow's event loop; None for a flow in a thread.
    """

    wake: Callable[[], object]
    loop: EventLoop | None = None

    def __call__(self) -> None:
        """Wake the flow."""
        self.wake()


_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, EventLoop] = weakref.WeakKeyDictionary()
_lock = threading.RLock()


def running() -> EventLoop | None:
    """The event loop that runs in the current thread, if any."""
    asyncio = sys.modules.get("asyncio")
    loop = asyncio._get_running_loop() if asyncio else None  # noqa: SLF001 - get_running_loop() raises, at ten times the price
    return None if loop is None else known(loop)


def known(loop: asyncio.AbstractEventLoop) -> EventLoop:
    """The shared state of ``loop``."""
    with _lock:
        return _loops.get(loop) or _loops.setdefault(loop, EventLoop(loop))


def _after_fork() -> None:
    global _lock, _loops  # noqa: PLW0603 - the parent's loops do not run in a child
    _lock = threading.RLock()
    _loops = weakref.WeakKeyDictionary()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
