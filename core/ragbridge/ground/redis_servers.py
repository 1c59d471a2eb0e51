"""Addresses of Redis servers: the setting or the environment's, and never their passwords."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ragbridge.errors import ConfigurationError

if TYPE_CHECKING:
    import redis

URL_VARIABLE = "RAGBRIDGE_REDIS_URL"
"""The environment variable that holds the address of a Redis server, which may hold a password."""
SCHEMES = ("redis", "rediss", "unix")
TIMEOUT = 5.0
"""Seconds to wait for a connection, and for an answer."""


class Server:
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


def find_server(url: str | None, owner: str) -> Server:
    """The address, given or the environment's, and a client for it. No error shows it: it may hold a password.

    Args:
        url: The address; None for the environment's ``RAGBRIDGE_REDIS_URL``.
        owner: Who needs it, for the error where the extra is missing.

    Raises:
        ConfigurationError: There is no address, it is none of Redis, or the extra is not installed.
    """
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
        raise ConfigurationError(f'{owner} needs redis: pip install "ragbridge[redis]" ({error})') from None
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
    return Server(address, client)


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
