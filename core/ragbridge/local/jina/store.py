"""What the engine keeps from one request to the next: classifiers and jobs, each its owner's."""

from __future__ import annotations

import threading
import uuid
from typing import Generic, Protocol, TypeVar

from ragbridge.local.refusals import Refusal


class Owned(Protocol):
    """Something kept."""

    @property
    def id(self) -> str:
        """What it is known by."""
        ...

    @property
    def owner(self) -> str:
        """The key that made it; "" where there was none."""
        ...


T = TypeVar("T", bound=Owned)


class Shelf(Generic[T]):
    """So many things, the oldest of which make room for new ones; they end with the engine.

    ``lock`` guards the shelf and whatever stands on it; it may be taken twice.
    """

    def __init__(self, what: str, *, most: int) -> None:
        self.lock = threading.RLock()
        self._what = what
        self._most = most
        self._things: dict[str, T] = {}

    def put(self, thing: T) -> None:
        """Keep ``thing``."""
        with self.lock:
            self._things[thing.id] = thing
            while len(self._things) > self._most:
                del self._things[next(iter(self._things))]

    def get(self, name: str) -> T:
        """What is known by ``name``, whoever owns it.

        Raises:
            Refusal: 404.
        """
        with self.lock:
            thing = self._things.get(name)
        if thing is None:
            raise self.missing(name)
        return thing

    def own(self, name: str, owner: str) -> T:
        """The owner's thing of that name.

        Raises:
            Refusal: 404; another owner's is not there either.
        """
        thing = self.get(name)
        if thing.owner != owner:
            raise self.missing(name)
        return thing

    def remove(self, name: str, owner: str) -> None:
        """Drop the owner's thing of that name.

        Raises:
            Refusal: 404.
        """
        with self.lock:
            self.own(name, owner)
            del self._things[name]

    def of(self, owner: str) -> list[T]:
        """Everything of one owner, oldest first."""
        with self.lock:
            return [thing for thing in self._things.values() if thing.owner == owner]

    def missing(self, name: str) -> Refusal:
        """404."""
        return Refusal(404, f"{self._what} {name[:100]!r} not found", code="RESOURCE_NOT_FOUND")


def user_of(key: str) -> str:
    """The user's id in answers, which does not show the key."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"ragbridge {key.encode('utf-8', 'surrogatepass').hex()}"))
