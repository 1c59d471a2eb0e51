"""``cache=``: what users give, as a cache."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ragbridge.cache.mapping import ByteStore, Items, MappingCache, StoreCache
from ragbridge.cache.protocol import Cache
from ragbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from ragbridge.cache.redis import RedisCache

CacheLike: TypeAlias = str | os.PathLike[str] | Cache | Items | ByteStore
"""A path of a file, ``"redis://..."``, a cache, a mapping, or a LangChain ``ByteStore``."""

REDIS = ("redis:", "rediss:")


def open_cache(value: CacheLike | None) -> Cache | None:
    """What ``cache=`` names.

    Args:
        value: The path of an SQLite file, which is made where there is none; ``"redis://host:6379/0"``, or
            ``"redis://"`` for the server that ``RAGBRIDGE_REDIS_URL`` names; a cache of your own, with ``get_many`` and
            ``put_many``; any ``MutableMapping``; a LangChain ``ByteStore``; None for no cache.

    Raises:
        ConfigurationError: It is none of these, or cannot be used.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.startswith(REDIS):
        return _redis(value)
    if isinstance(value, (str, os.PathLike)):
        from ragbridge.cache.sqlite import SqliteCache  # as for Redis: loaded by those who use it

        return SqliteCache(value)
    if not isinstance(value, type):
        if _has(value, "get_many", "put_many"):
            return cast("Cache", value)
        if _has(value, "mget", "mset", "yield_keys"):
            return StoreCache(cast("ByteStore", value))
        if _has(value, "__getitem__", "__setitem__", "keys") or _has(
            value, "__getitem__", "__setitem__", "get"
        ):
            return MappingCache(cast("Items", value))
    what = value.__name__ + ", a class" if isinstance(value, type) else type(value).__name__
    raise ConfigurationError(
        f"cache is {what}: give the path of a file, a dict or another MutableMapping, a LangChain ByteStore, or an "
        "object with get_many and put_many"
    )


def portable(value: CacheLike, cache: Cache) -> CacheLike:
    """What a pickle holds for ``value``, which ``cache`` was opened from.

    A path becomes the cache itself: reading a pickle then opens nothing, and the path is the same in any folder.
    """
    return cache if isinstance(value, (str, os.PathLike)) else value


def written(value: CacheLike | None) -> str | None:
    """A text that opens the same cache in another process; None where no text does.

    That is so for a mapping, a store, a cache of the caller's own, one with a bound, and an address with a password.
    """
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    if value is None:
        return None
    from ragbridge.cache.redis import RedisCache
    from ragbridge.cache.sqlite import SqliteCache

    return value.setting if isinstance(value, (SqliteCache, RedisCache)) else None


def _redis(url: str) -> RedisCache:
    """A server that a setting names. Settings are written down and shown, so they hold no password."""
    if "@" in url or "?" in url:
        raise ConfigurationError(
            'cache="redis://..." would be written down with its password or options: set RAGBRIDGE_REDIS_URL and give '
            'cache="redis://", or give a RedisCache'
        )
    from ragbridge.cache.redis import RedisCache

    return RedisCache(None if url in {"redis://", "redis:"} else url)


def _has(value: Any, *names: str) -> bool:
    return all(callable(getattr(value, name, None)) for name in names)
