"""Caches over what users have already: any mapping, and LangChain's stores of bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from ragbridge.cache.lock import ForkLock

PREFIX = "ragbridge-"
"""Before each key, so that answers can be told from what else a user keeps there."""


class ByteStore(Protocol):
    """A LangChain ``ByteStore``, as far as it is needed."""

    def mget(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """What is kept under each of ``keys``, or None."""
        ...

    def mset(self, key_value_pairs: Sequence[tuple[str, bytes]]) -> None:
        """Keep ``key_value_pairs``."""
        ...

    def yield_keys(self, *, prefix: str | None = None) -> Iterable[str]:
        """The keys that begin with ``prefix``."""
        ...


class Items(Protocol):
    """A ``MutableMapping``, as far as it is needed: a dict, a ``shelve.Shelf``, a ``diskcache.Cache``."""

    def __getitem__(self, key: Any, /) -> Any:
        """What is kept under ``key``; ``KeyError`` where nothing is."""
        ...

    def __setitem__(self, key: Any, value: Any, /) -> None:
        """Keep ``value``."""
        ...


class MappingCache:
    """Keeps answers in a mapping, under keys that are texts, since a ``shelve.Shelf`` takes no others.

    One thread at a time uses the mapping. What a dict holds lasts as long as the process; a pickle holds a copy of it.

    Args:
        items: The mapping.
    """

    def __init__(self, items: Items) -> None:
        self._items = items
        self._lock = ForkLock()

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is kept under ``keys``."""
        found: dict[bytes, bytes] = {}
        with self._lock:
            for key in keys:
                try:
                    found[key] = self._items[name_of(key)]
                except KeyError:
                    continue
        return found

    def put_many(self, items: Mapping[bytes, bytes]) -> None:
        """Keep ``items``."""
        with self._lock:
            for key, value in items.items():
                self._items[name_of(key)] = value

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._items,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self._items).__name__})"


class StoreCache:
    """Keeps answers in a LangChain ``ByteStore``, such as a ``LocalFileStore``.

    Args:
        store: The store.
    """

    def __init__(self, store: ByteStore) -> None:
        self._store = store

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is kept under ``keys``."""
        values = self._store.mget([name_of(key) for key in keys])
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def put_many(self, items: Mapping[bytes, bytes]) -> None:
        """Keep ``items``."""
        self._store.mset([(name_of(key), value) for key, value in items.items()])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self._store).__name__})"


def name_of(key: bytes) -> str:
    """A key as a text of letters, digits and a hyphen."""
    return PREFIX + key.hex()
