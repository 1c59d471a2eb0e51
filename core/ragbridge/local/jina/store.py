"""State that the engine keeps between requests: classifiers and jobs, each owned by a key."""

from __future__ import annotations

import threading
import uuid
from typing import Generic, Protocol, TypeVar

from ragbridge.local.refusals import Refusal


class Owned(Protocol):
    """An object that a key owns."""

    @property
    def id(self) -> str:
        """The object's id."""
        ...

    @property
    def owner(self) -> str:
        """The key that created it; "" without a key."""
        ...


T = TypeVar("T", bound=Owned)


class Store(Generic[T]):
    """A bounded store in memory; the oldest entry is evicted. It lives as long as the engine.

    ``lock`` guards the store and its entries. It is reentrant.
    """

    def __init__(self, kind: str, *, most: int) -> None:
        self.lock = threading.RLock()
        self._kind = kind
        self._most = most
        self._entries: dict[str, T] = {}

    def put(self, entry: T) -> None:
        """Adds ``entry``, and evicts the oldest entry of a full store."""
        with self.lock:
            self._entries[entry.id] = entry
            while len(self._entries) > self._most:
                del self._entries[next(iter(self._entries))]

    def get(self, name: str) -> T:
        """The entry with the id ``name``, regardless of its owner.

        Raises:
            Refusal: 404.
        """
        with self.lock:
            entry = self._entries.get(name)
        if entry is None:
            raise self.missing(name)
        return entry

    def own(self, name: str, owner: str) -> T:
        """The owner's entry with the id ``name``.

        Raises:
            Refusal: 404 if there is none, or it belongs to another owner.
        """
        entry = self.get(name)
        if entry.owner != owner:
            raise self.missing(name)
        return entry

    def remove(self, name: str, owner: str) -> None:
        """Removes the owner's entry with the id ``name``.

        Raises:
            Refusal: 404.
        """
        with self.lock:
            self.own(name, owner)
            del self._entries[name]

    def of(self, owner: str) -> list[T]:
        """All entries of one owner, oldest first."""
        with self.lock:
            return [entry for entry in self._entries.values() if entry.owner == owner]

    def missing(self, name: str) -> Refusal:
        """A 404 for an unknown id."""
        return Refusal(404, f"{self._kind} {name[:100]!r} not found", code="RESOURCE_NOT_FOUND")


def user_of(key: str) -> str:
    """A user id for answers, derived from the key without revealing it."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"ragbridge {key.encode('utf-8', 'surrogatepass').hex()}"))
