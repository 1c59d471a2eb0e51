"""A cache as a client uses it: whatever goes wrong with it costs a warning, never an answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ragbridge.cache.lock import ForkLock
from ragbridge.cache.protocol import Cache
from ragbridge.errors import RagbridgeError

logger = logging.getLogger("ragbridge")

T = TypeVar("T")

PAUSE = 10.0
"""How many times as long as a failed attempt took, the cache is left alone: one that is out of reach costs a call its
timeout once, not once a request. One that fails at once is asked again at once."""
LONGEST_PAUSE = 60.0


class Guarded:
    """Asks a cache, and goes on without it when it fails.

    Args:
        cache: The cache.
        now: Seconds, for the pauses after slow failures.

    Attributes:
        cache: The cache.
        hits: Keys that were known.
        misses: Keys that were not.
    """

    def __init__(self, cache: Cache, *, now: Callable[[], float] = time.monotonic) -> None:
        self.cache = cache
        self.hits = 0
        self.misses = 0
        self._now = now
        self._lock = ForkLock()
        self._warned = False
        self._until = float("-inf")

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is kept under ``keys``: bytes, under keys that were asked for.

        Raises:
            RagbridgeError: The cache cannot be what the caller wants, such as a file of another format.
        """
        asked = list(keys)
        nothing: dict[bytes, bytes] = {}
        found = self._tried(lambda: _known(asked, self.cache.get_many(asked)), nothing) if asked else nothing
        with self._lock:
            self.hits += len(found)
            self.misses += len(set(asked)) - len(found)
        return found

    def put_many(self, items: Mapping[bytes, bytes]) -> None:
        """Keep ``items``, if it can be done.

        Raises:
            RagbridgeError: The cache cannot be what the caller wants.
        """
        if items:
            self._tried(lambda: self.cache.put_many(items), None)

    def _tried(self, use: Callable[[], T], instead: T) -> T:
        begun = self._now()
        if begun < self._until:
            return instead
        try:
            return use()
        except RagbridgeError:
            raise
        except Exception as error:  # noqa: BLE001 - a cache may be anybody's
            ended = self._now()
            self._until = ended + min(LONGEST_PAUSE, PAUSE * (ended - begun))
            with self._lock:
                first, self._warned = not self._warned, True
            logger.log(
                logging.WARNING if first else logging.DEBUG,
                "%r failed, going on without it: %s: %s",
                self.cache,
                type(error).__name__,
                error,
            )
            return instead

    def close(self) -> None:
        """Close what the cache holds open, if it can be closed."""
        close = getattr(self.cache, "close", None)
        if callable(close):
            self._tried(close, None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.cache!r})"


def _known(asked: Sequence[bytes], found: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """What a cache has found, without what it should not have: other kinds than bytes."""
    values = ((key, found.get(key)) for key in asked)
    return {key: bytes(value) for key, value in values if isinstance(value, (bytes, bytearray, memoryview))}
