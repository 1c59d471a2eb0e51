"""Requests over HTTP by httpx. The only module that imports it; it is imported when a client is made."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, NoReturn

import httpx

from ragbridge._errors import ConfigurationError, RequestError
from ragbridge._flow import Request, Response
from ragbridge._trust import distrust
from ragbridge._version import __version__

CONNECT_TIMEOUT = 10.0
HEADERS: Mapping[str, str] = {
    "accept": "application/json",
    "accept-encoding": "identity",  # why: CONTRIBUTING.md, "Hot path"
    "user-agent": f"ragbridge/{__version__}",
}


class PooledTransport(ABC):
    """Clients of an HTTP library, each as long as what it is bound to.

    The blocking one lives as long as the transport, an asynchronous one as long as its event loop, which closes it when it
    shuts down. A forked child starts without any of them.
    """

    def __init__(self) -> None:
        self._start()
        _transports.add(self)

    def restart(self) -> None:
        """Begin anew in a forked child: the sockets are the parent's, so they are dropped, not closed."""
        if self._closer is not None:
            self._closer.detach()
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._own: Any = None
        self._closer: weakref.finalize[..., PooledTransport] | None = None
        self._by_loop: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, tuple[Any, AsyncGenerator[None, None]]
        ]
        self._by_loop = weakref.WeakKeyDictionary()

    @abstractmethod
    def send(self, request: Request) -> Response:
        """Answer ``request``, blocking."""

    @abstractmethod
    async def send_async(self, request: Request) -> Response:
        """Answer ``request`` on the running event loop."""

    @abstractmethod
    def _open(self) -> tuple[Any, Callable[[], object]]:
        """A blocking client, and what closes it."""

    @abstractmethod
    def _open_async(self) -> Any:
        """A client for the running event loop."""

    @abstractmethod
    async def _shut(self, client: Any) -> None:
        """Close a client of ``_open_async``, on its loop."""

    def close(self) -> None:
        """Close the blocking client. A later request opens another."""
        with self._lock:
            closer, self._closer, self._own = self._closer, None, None
        if closer is not None:
            closer()

    async def close_async(self) -> None:
        """Close both the blocking client and the one of the running loop."""
        self.close()
        entry = self._by_loop.get(asyncio.get_running_loop())
        if entry is not None:
            await entry[1].aclose()

    def _client(self) -> Any:
        if self._own is None:
            with self._lock:
                if self._own is None:
                    client, close = self._open()
                    self._closer = weakref.finalize(self, close)  # for those who never call close()
                    self._own = client
        return self._own

    async def _client_async(self) -> Any:
        loop = asyncio.get_running_loop()
        entry = self._by_loop.get(loop)
        if entry is None:
            # A loop closes the generators that were started on it when it shuts down (`asyncio.run` does this), and
            # with this one the client, whose sockets could not be closed on any other loop.
            client = self._open_async()
            closer = self._closing(client, loop)
            entry = self._by_loop.setdefault(loop, (client, closer))
            await anext(closer)
        return entry[0]

    async def _closing(self, client: Any, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._by_loop.pop(loop, None)
            await self._shut(client)


class HttpTransport(PooledTransport):
    """Sends requests with httpx, or with the caller's own client of its kind.

    Args:
        timeout: Seconds to wait for data, at most; connecting gets 10 at most.
        connections: Connections kept open, and opened at once, by clients made here.
        client: The caller's blocking client (``httpx.Client`` or one with its interface); never closed here.
        async_client: The caller's asynchronous client; it belongs to one event loop; never closed here.
        trust: Which certificates are trusted by clients made here; None for those that httpx trusts.
    """

    def __init__(
        self,
        *,
        timeout: float,
        connections: int,
        client: Any = None,
        async_client: Any = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout = timeout
        self._trust = trust
        self._limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._given, self._given_async = client, async_client
        super().__init__()

    def send(self, request: Request) -> Response:
        """Answer ``request``, blocking."""
        client = self._given or self._client()
        try:
            answer = client.request(
                request.method,
                request.url,
                content=request.body,
                headers={**HEADERS, **request.headers},
                timeout=self._timeouts(request),
                follow_redirects=False,
            )
        except Exception as error:  # noqa: BLE001 - sorted by kind there
            _translate(error, client, request)
        return Response(answer.status_code, answer.headers, answer.content)

    async def send_async(self, request: Request) -> Response:
        """Answer ``request`` on the running event loop."""
        client = self._given_async or await self._client_async()
        try:
            answer = await client.request(
                request.method,
                request.url,
                content=request.body,
                headers={**HEADERS, **request.headers},
                timeout=self._timeouts(request),
                follow_redirects=False,
            )
        except Exception as error:  # noqa: BLE001 - sorted by kind there
            _translate(error, client, request)
        return Response(answer.status_code, answer.headers, answer.content)

    def _timeouts(self, request: Request) -> tuple[float, float, float, None]:
        seconds = request.timeout or self._timeout
        return (min(CONNECT_TIMEOUT, seconds), seconds, seconds, None)  # connect, read, write, pool

    def _open(self) -> tuple[httpx.Client, Callable[[], object]]:
        client = httpx.Client(limits=self._limits, verify=self._trust or True)
        return client, client.close

    def _open_async(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(limits=self._limits, verify=self._trust or True)

    async def _shut(self, client: httpx.AsyncClient) -> None:
        await client.aclose()


def over_http(
    base: str,
    *,
    timeout: float,
    connections: int,
    client: Any = None,
    async_client: Any = None,
    trust: ssl.SSLContext | None = None,
) -> PooledTransport:
    """The transport for requests to ``base``: the faster one where its packages are there and nothing asks for httpx."""
    if client is None and async_client is None:
        try:
            from ragbridge._fast_transport import FastTransport, suits
        except ImportError:
            pass
        else:
            if suits(base) and (
                trust is None or trust.verify_mode
            ):  # urllib3 warns of each request otherwise
                return FastTransport(timeout=timeout, connections=connections, base=base, trust=trust)
    return HttpTransport(
        timeout=timeout, connections=connections, client=client, async_client=async_client, trust=trust
    )


def certificates() -> ssl.SSLContext:
    """Whom httpx trusts: its own list, or what ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name."""
    return httpx.create_ssl_context()


def no_answer(request: Request, kind: str) -> RequestError:
    """The error for a request that was not answered in time."""
    seconds = f"{request.timeout:g} s" if request.timeout else "the client's timeout"
    error = RequestError(
        f"{request.method} {request.place}: no answer within {seconds} ({kind}); see timeout="
    )
    error.sent = kind not in {"connect", "pool"}
    return error


def no_connection(request: Request, reason: object) -> RequestError:
    """The error for a request that nobody got."""
    error = RequestError(f"{request.method} {request.place}: {reason}")
    error.sent = False
    return error


def not_trusted(request: Request, reason: str) -> RequestError:
    """The error for a server that nobody vouches for: another attempt would meet it again."""
    error = no_connection(request, reason)
    error.retryable = False
    return error


def _translate(error: Exception, client: Any, request: Request) -> NoReturn:
    """Raise what ``error`` means for the caller. Messages of HTTP libraries name no header, hence no key."""
    library = _library(client)
    what = f"{request.method} {request.place}"
    if isinstance(error, getattr(library, "TimeoutException", ())):
        raise no_answer(request, type(error).__name__.removesuffix("Timeout").lower()) from error
    if isinstance(error, (getattr(library, "UnsupportedProtocol", ()), getattr(library, "InvalidURL", ()))):
        raise ConfigurationError(f"{what}: {error}; check the address") from error
    if isinstance(error, getattr(library, "ConnectError", ())):
        if (reason := distrust(error)) is not None:
            raise not_trusted(request, reason) from error
        raise no_connection(request, str(error) or "no connection") from error
    if isinstance(error, getattr(library, "RequestError", ())):
        raise RequestError(f"{what}: {str(error) or type(error).__name__}") from error
    if getattr(client, "is_closed", False):
        raise ConfigurationError(f"{what}: the HTTP client that was passed in is closed") from error
    raise error


def _library(client: Any) -> object:
    """The package whose errors ``client`` raises: httpx, or another of its interface."""
    roots = (sys.modules.get(kind.__module__.partition(".")[0]) for kind in type(client).__mro__)
    return next((root for root in roots if hasattr(root, "RequestError")), None)


_transports: weakref.WeakSet[PooledTransport] = weakref.WeakSet()


def _after_fork() -> None:
    for transport in tuple(_transports):
        transport.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
