"""How long a client of an HTTP library lives: it is closed by the last request that uses it."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

ENDURANCE = 8
"""Cancelled requests after which a client is replaced, if cancelling leaks its connections."""


class Lease:
    """A blocking client and the number of requests that use it."""

    def __init__(self, client: Any, close: Callable[[], object]) -> None:
        self.client = client
        self.close = close
        self._users = 0
        self._retired = False
        self._lock = threading.Lock()

    def take(self) -> None:
        """One request more."""
        with self._lock:
            self._users += 1

    def give_back(self) -> bool:
        """One request less. True if the client is retired and no longer used: the caller then closes it."""
        with self._lock:
            self._users -= 1
            return self._retired and not self._users

    def retire(self) -> bool:
        """Give this client to no further request. True if none uses it: the caller then closes it."""
        with self._lock:
            self._retired = True
            return not self._users


class LoopLease:
    """The client of one event loop and the number of requests that use it. Used by that loop's thread alone."""

    def __init__(self, client: Any, shut: Callable[[Any], Awaitable[None]]) -> None:
        self.client = client
        self.closer = self._closing(client, shut)
        self._users = 0
        self._retired = False
        self._endurance = ENDURANCE

    @staticmethod
    async def _closing(client: Any, shut: Callable[[Any], Awaitable[None]]) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await shut(client)

    async def close(self) -> None:
        """Close the client, on its loop."""
        await self.closer.aclose()

    def take(self) -> None:
        """One request more."""
        self._users += 1

    def give_back(self) -> bool:
        """One request less. True if the client is retired and no longer used: the caller then closes it."""
        self._users -= 1
        return self._retired and not self._users

    def retire(self) -> bool:
        """Give this client to no further request. True if none uses it: the caller then closes it."""
        self._retired = True
        return not self._users

    def wear(self) -> bool:
        """A request was cancelled on its way. True once that has happened too often to trust the client."""
        self._endurance -= 1
        return self._endurance <= 0
