"""``RedisCache``: answers in a Redis server, for any number of machines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import check_whole
from ragbridge.ground.public import publish
from ragbridge.ground.redis_servers import URL_VARIABLE, Server, find_server

if TYPE_CHECKING:
    import redis

PREFIX = b"ragbridge:"
AT_ONCE = 128
"""Keys in one command: Redis does nothing else while it answers one."""
BYTES_AT_ONCE = 4 << 20
"""Bytes that are written by one command. A few hundred megabytes at once have brought servers down:
https://github.com/run-llama/llama_index/issues/17583 (2025-01)."""


class RedisCache:
    """A Redis server that any number of processes and machines share. Needs the extra ``redis``.

    Redis keeps answers in memory, some 5,300 bytes for a vector of 1,024 numbers: bound it by ``ttl``, or by the server's
    ``maxmemory`` with the policy ``allkeys-lru``. One server or a replicated one; a cluster is not supported.

    Args:
        url: The server's address, such as ``redis://localhost:6379/0``; by default the environment's
            ``RAGBRIDGE_REDIS_URL``. A password in it is never shown, and does not travel in pickles.
        ttl: Seconds after which an answer is forgotten; None to leave that to the server.

    Raises:
        ConfigurationError: There is no address, it is none of Redis, or the extra is not installed.
    """

    def __init__(self, url: str | None = None, *, ttl: int | None = None) -> None:
        if ttl is not None:
            ttl = check_whole("ttl", ttl, "a number of whole seconds above 0, or None")
        self._ttl = ttl
        self._server: Server | None = find_server(url, "a RedisCache")
        self._address = None if url is None else self._server.shown

    @classmethod
    def _revive(cls, address: str | None, ttl: int | None) -> RedisCache:
        """A cache out of a pickle. Its first use says what is wrong: an error in here would be lost in a worker."""
        cache = cls.__new__(cls)
        cache.__dict__.update(_ttl=ttl, _server=None, _address=address)
        return cache

    @property
    def setting(self) -> str | None:
        """What ``cache=`` says for it; None where no text does."""
        if self._ttl is not None or (self._server is not None and self._server.has_secret and self._address):
            return None
        return self._address or "redis://"

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is kept under ``keys``.

        Raises:
            ConfigurationError: The address did not travel, and the environment has none.
            redis.RedisError: The server cannot be asked.
        """
        client = self._client()
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), AT_ONCE):
            part = keys[start : start + AT_ONCE]
            values: Any = client.mget([PREFIX + key for key in part])
            found.update((key, value) for key, value in zip(part, values, strict=True) if value is not None)
        return found

    def put_many(self, items: Mapping[bytes, bytes]) -> None:
        """Keep ``items``.

        Raises:
            ConfigurationError: The address did not travel, and the environment has none.
            redis.RedisError: The server cannot be asked, or its memory is full.
        """
        client = self._client()
        for part in _parts(items):
            if self._ttl is None:
                client.mset(part)
            else:
                pipeline = client.pipeline(transaction=False)
                for key, value in part.items():
                    pipeline.set(key, value, ex=self._ttl)
                pipeline.execute()

    def close(self) -> None:
        """Close idle connections. A later use opens new ones."""
        if self._server is not None:
            self._server.close()

    def _client(self) -> redis.Redis:
        if self._server is None:
            if self._address is None and not os.environ.get(URL_VARIABLE, "").strip():
                raise ConfigurationError(
                    f"the address of a Redis server does not travel with its password: set {URL_VARIABLE} in this "
                    "process"
                )
            self._server = find_server(self._address, "a RedisCache")
        return self._server.client

    def __reduce__(self) -> tuple[Any, ...]:
        secret = self._server is not None and self._server.has_secret
        return self._revive, (None if secret else self._address, self._ttl)

    def __copy__(self) -> RedisCache:
        return self

    def __deepcopy__(self, memo: object) -> RedisCache:
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RedisCache):
            return NotImplemented
        return (self._ttl, repr(self)) == (other._ttl, repr(other))

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        ttl = "" if self._ttl is None else f", ttl={self._ttl}"
        shown = self._server.shown if self._server is not None else self._address or f"${URL_VARIABLE}"
        return f"{type(self).__name__}({shown!r}{ttl})"


def _parts(items: Mapping[bytes, bytes]) -> Iterator[dict[bytes, bytes]]:
    """The items, as much at once as one command should hold."""
    part: dict[bytes, bytes] = {}
    size = 0
    for key, value in items.items():
        if part and (len(part) >= AT_ONCE or size + len(value) > BYTES_AT_ONCE):
            yield part
            part, size = {}, 0
        part[PREFIX + key] = value
        size += len(value)
    if part:
        yield part


publish("ragbridge", [RedisCache])
