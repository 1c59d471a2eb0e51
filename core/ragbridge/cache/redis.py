"""``RedisCache``: answers in a Redis server, for any number of machines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ragbridge.errors import ConfigurationError

if TYPE_CHECKING:
    import redis

URL_VARIABLE = "RAGBRIDGE_REDIS_URL"
"""The environment variable that holds the address of a Redis server, which may hold a password."""
SCHEMES = ("redis", "rediss", "unix")
PREFIX = b"ragbridge:"
TIMEOUT = 5.0
"""Seconds to wait for a connection, and for an answer."""
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
        if ttl is not None and (type(ttl) is not int or ttl < 1):
            raise ConfigurationError(f"ttl={ttl!r} must be a number of whole seconds above 0, or None")
        self._ttl = ttl
        self._server: _Server | None = _find(url)
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
            self._server = _find(self._address)
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


class _Server:
    """A client of one server, and its address without a password.

    Args:
        address: The address.
        client: Asks it.
    """

    __slots__ = ("client", "has_secret", "shown")

    def __init__(self, address: SplitResult, client: redis.Redis) -> None:
        self.client = client
        self.has_secret = address.password is not None or bool(
            address.query
        )  # options may be secrets as well
        self.shown = _without_password(address)

    def close(self) -> None:
        """Close idle connections."""
        self.client.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shown!r})"


def _find(url: str | None) -> _Server:
    """The address, given or the environment's, and a client for it. No error shows it: it may hold a password."""
    name = "url" if url is not None else URL_VARIABLE
    url = url if url is not None else os.environ.get(URL_VARIABLE, "").strip() or None
    if url is None:
        raise ConfigurationError(
            f"no address of a Redis server: pass url=, or set {URL_VARIABLE} (redis://host:6379/0)"
        )
    address = _address(url)
    if address is None:
        raise ConfigurationError(
            f"{name} is no address of a Redis server, such as redis://localhost:6379/0 (also rediss:// and unix://)"
        )
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as error:
        raise ConfigurationError(
            f'a RedisCache needs redis: pip install "ragbridge[redis]" ({error})'
        ) from None
    client = None
    with suppress(ValueError, TypeError):
        client = redis.Redis.from_url(
            url,
            socket_connect_timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            retry=Retry(
                NoBackoff(), 1
            ),  # a connection of the pool may have been closed by the server meanwhile
            decode_responses=False,
        )
    if client is None:  # raised out here: redis' own error would show the address
        raise ConfigurationError(f"{name} has a database or an option that redis does not take")
    return _Server(address, client)


def _address(url: str) -> SplitResult | None:
    """The parts of the address of a Redis server; None if it is none."""
    try:
        address = urlsplit(url)
        valid = address.scheme in SCHEMES and (address.port is None or address.port > 0)
    except (AttributeError, TypeError, ValueError):
        return None
    return address if valid else None


def _without_password(address: SplitResult) -> str:
    host = address.netloc.rpartition("@")[2]
    user = f"{unquote(address.username)}@" if address.username else ""
    return urlunsplit((address.scheme, user + host, address.path, "", ""))


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
