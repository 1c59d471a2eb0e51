"""What a cache is: two methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from ragbridge.ground.public import publish


@runtime_checkable
class Cache(Protocol):
    """Keeps bytes under keys of 20 bytes.

    Both methods may block, and are called from any thread. An exception that is no ``RagbridgeError`` never fails a
    call: it is logged once, and the call goes on without the cache.
    """

    def get_many(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """What is kept under ``keys``. Keys that are not known are left out."""
        ...

    def put_many(self, items: Mapping[bytes, bytes]) -> None:
        """Keep ``items``. A key that is there already gets the new value."""
        ...


publish("ragbridge", [Cache])
