"""Answers that were paid for once, kept under what they depend on.

``Jina(cache="vectors.db")`` and ``Elastic(cache=...)`` take what ``ragbridge.cache.opening`` turns into a cache.
"""

from __future__ import annotations

from ragbridge.cache.opening import CacheLike
from ragbridge.cache.protocol import Cache
from ragbridge.cache.redis import RedisCache
from ragbridge.cache.sqlite import CacheInfo, SqliteCache
from ragbridge.ground.public import publish as _publish

__all__ = ["Cache", "CacheInfo", "CacheLike", "RedisCache", "SqliteCache"]

_publish("ragbridge", [Cache, CacheInfo, RedisCache, SqliteCache])
