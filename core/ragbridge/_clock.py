"""Time, as drivers see it. asyncio is imported where it is awaited, see ``ragbridge._drivers``."""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio


class Clock(Protocol):
    """Time as drivers see it. Replaceable, so that hours of waiting take no time in a test."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Block until ``event`` is set or ``seconds`` (may be ``inf``) have passed."""

    async def wait_async(self, event: asyncio.Event, seconds: float) -> None:
        """The same on the running event loop."""


class SystemClock:
    """The machine's own monotonic clock."""

    def now(self) -> float:
        """Seconds of ``time.monotonic``."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Block until ``event`` is set or ``seconds`` have passed."""
        event.wait(None if math.isinf(seconds) else min(seconds, threading.TIMEOUT_MAX))

    async def wait_async(self, event: asyncio.Event, seconds: float) -> None:
        """Wait until ``event`` is set or ``seconds`` have passed."""
        import asyncio

        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), None if math.isinf(seconds) else seconds)
