"""Answers that were paid for once, kept under what they depend on.

``Jina(cache="vectors.db")`` and ``Elastic(cache=...)`` take what ``ragbridge.cache.opening`` turns into a cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragbridge.cache.opening import CacheLike
from ragbridge.cache.protocol import Cache
from ragbridge.ground.late import names as _names

if TYPE_CHECKING:
    from ragbridge.cache.redis import RedisCache
    from ragbridge.cache.sqlite import CacheInfo, SqliteCache
else:
    __getattr__, __dir__ = _names(
        __name__,
        {
            "CacheInfo": "ragbridge.cache.sqlite",
            "RedisCache": "ragbridge.cache.redis",
            "SqliteCache": "ragbridge.cache.sqlite",
        },
    )

__all__ = ["Cache", "CacheInfo", "CacheLike", "RedisCache", "SqliteCache"]
