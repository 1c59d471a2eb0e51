"""Requests over HTTP with urllib3 and aiohttp: the behaviour of httpx at a third of its processor time.

Part of the extra ``speed``. Used where both packages are installed and nothing asks for httpx: no client of the caller's
own, no proxy in the environment. Certificates are those that httpx would use.
"""

from __future__ import annotations

import functools
import http.client
import io
import math
import re
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError
from urllib3.util.wait import wait_for_read

from ragbridge.errors import RagbridgeError, RequestError
from ragbridge.flow import Request, Response
from ragbridge.transport.base import CONNECT_TIMEOUT, HEADERS, PooledTransport
from ragbridge.transport.bodies import STEP, Body
from ragbridge.transport.failures import (
    broken,
    caused,
    no_address,
    no_answer,
    no_connection,
    not_trusted,
    too_late,
)
from ragbridge.transport.threads import in_thread
from ragbridge.transport.tls import certificates, distrust


class FastTransport(PooledTransport):
    """Sends requests with urllib3 and, on event loops, with aiohttp.

    Args:
        timeout: Seconds to wait for data, at most; connecting gets 10 at most.
        deadline: Seconds that a request may take as a whole.
        connections: Connections kept open, and opened at once.
        base: The address that requests go to: plain HTTP needs no certificates.
        trust: Which certificates are trusted; None for those that httpx trusts.
    """

    sent_by = "urllib3, and aiohttp on event loops"

    def __init__(
        self,
        *,
        timeout: float,
        deadline: float,
        connections: int,
        base: str,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._trust = trust
        self._connections = connections
        self._tls = urlsplit(base).scheme == "https"
        super().__init__(timeout=timeout, deadline=deadline)

    def _exchange(self, client: urllib3.PoolManager, request: Request) -> Response:
        seconds, patience = self._silence(request), self._patience(request)
        _here.until = time.monotonic() + patience
        try:
            answer = client.request(
                request.method,
                request.url,
                body=request.body,
                headers={**HEADERS, **request.headers},
                timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, seconds), read=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                self._answers.check(request, answer.headers)
                body = Body(request, answer.status, answer.headers)
                if not all(map(body.take, _parts(answer, body))):
                    answer.close()
            except RequestError:
                answer.close()
                raise
            return Response(answer.status, answer.headers, body.content())
        except HTTPError as error:
            failure = caused(_failure(error, request, patience), error)
        raise failure  # out here, so that the library's error, which holds the request, is not its context

    async def _exchange_async(self, client: aiohttp.ClientSession, request: Request) -> Response:
        seconds, patience = self._silence(request), self._patience(request)
        start = time.monotonic()
        try:
            async with client.request(
                request.method,
                request.url,
                data=request.body,
                headers={**HEADERS, **request.headers},
                timeout=aiohttp.ClientTimeout(
                    total=patience, sock_connect=min(CONNECT_TIMEOUT, seconds), sock_read=seconds
                ),
                allow_redirects=False,
            ) as answer:
                try:
                    self._answers.check(request, answer.headers)
                    body = Body(request, answer.status, answer.headers)
                    async for part in answer.content.iter_any():
                        if not body.take(part):
                            _close_taken()
                            break
                except RequestError:
                    _close_taken()
                    raise
                return Response(answer.status, answer.headers, body.content())
        except (TimeoutError, aiohttp.ClientError) as error:
            late = time.monotonic() - start >= patience
            failure = caused(_failure_async(error, request, patience if late else None), error)
        raise failure

    def _open(self) -> tuple[urllib3.PoolManager, Callable[[], object]]:
        pool = urllib3.PoolManager(maxsize=self._connections, ssl_context=self._certificates())
        pool.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return pool, pool.clear

    def _open_async(self) -> aiohttp.ClientSession:
        resolver = aiohttp.ThreadedResolver(_Names())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        connector = _Connector(limit=self._connections, ssl=self._certificates() or True, resolver=resolver)
        return aiohttp.ClientSession(connector=connector, auto_decompress=False)

    async def _shut(self, client: aiohttp.ClientSession) -> None:
        await client.close()

    def _certificates(self) -> ssl.SSLContext | None:
        if (
            self._tls and self._trust is None
        ):  # cached: reading certificates is by far the most expensive part of making a client
            self._trust = certificates()
        return self._trust if self._tls else None


def _parts(answer: urllib3.BaseHTTPResponse, body: Body) -> Iterator[bytes]:
    """The body of ``answer`` as it arrives; in one piece where that cannot be too long."""
    if body.fits:
        yield answer.read(decode_content=False)
        return
    while part := answer.read(STEP, decode_content=False):
        yield part


def _failure(error: HTTPError, request: Request, patience: float) -> RagbridgeError:
    """What an error of urllib3 means."""
    if isinstance(error, NewConnectionError):  # a subclass of urllib3's timeouts, but a failed connection
        return no_connection(request, error)
    if isinstance(error, UrllibTimeoutError):
        if time.monotonic() >= _here.until:
            return too_late(request, patience)
        return no_answer(request, type(error).__name__.removesuffix("TimeoutError").lower())
    if isinstance(error, LocationValueError):
        return no_address(request, error)
    if (reason := distrust(error)) is not None:
        return not_trusted(request, reason)
    return broken(request, error)


def _failure_async(error: Exception, request: Request, patience: float | None) -> RagbridgeError:
    """What an error of aiohttp means; ``patience`` is the deadline, where it has passed."""
    if isinstance(error, TimeoutError):
        if patience is not None:
            return too_late(request, patience)
        return no_answer(request, "connect" if "onnect" in str(error) else "read")
    if isinstance(error, aiohttp.InvalidURL):
        return no_address(request, error)
    if isinstance(error, aiohttp.ClientConnectorError):
        if (reason := distrust(error)) is not None:
            return not_trusted(request, reason)
        return no_connection(request, error)
    return broken(request, error)


class _Names:
    """Resolves names in threads of its own, not in those of the event loop."""

    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        return await in_thread(functools.partial(socket.getaddrinfo, *args, **kwargs))

    async def getnameinfo(self, *args: Any) -> Any:
        return await in_thread(functools.partial(socket.getnameinfo, *args))


_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
_LONGEST_LINE = 8192
"""Bytes of the line before a chunk, its extensions included: what aiohttp takes."""


class _Here(threading.local):
    """The state of the request that the current thread is waiting for."""

    until = math.inf
    """Its deadline, on the clock of ``time.monotonic``."""


_here = _Here()


class _Arrivals(io.RawIOBase):
    """The data that a socket receives, until the deadline of the thread's request."""

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = _here.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        if left < self._sock.gettimeout():
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that must end by the deadline. An interim one (a status below 200) is not taken for it."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_Arrivals(self.fp.detach(), sock))

    def begin(self) -> None:
        """Read the head. urllib3 refuses several lengths too, but leaves their connection open."""
        super().begin()
        if len(set(",".join(self.headers.get_all("content-length", ())).replace(" ", "").split(","))) > 1:
            raise http.client.HTTPException("the answer has several lengths")

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status >= 200 or status == http.client.CONTINUE:  # the library itself skips 100
                return version, status, reason
            if status == http.client.SWITCHING_PROTOCOLS:
                raise http.client.BadStatusLine("the server switches to another protocol")
            http.client.parse_headers(self.fp)

    def _read_next_chunk_size(self) -> int:
        """The size of the next chunk. ``int``, which the library uses, also reads signs and underscores.

        Raises:
            ValueError: There is none; the library turns it into an ``IncompleteRead``.
        """
        line = self.fp.readline(_LONGEST_LINE + 1)
        size = line.partition(b";")[0].strip()
        if len(line) > _LONGEST_LINE or not _SIZE.fullmatch(size):
            self._close_conn()  # type: ignore[attr-defined]
            raise ValueError("a chunk without a size")
        return int(size, 16)


class _Connection(HTTPConnection):
    response_class = _Answer


class _SecureConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType] - urllib3's own default fails likewise


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection  # pyright: ignore[reportAssignmentType]


class _Connector(aiohttp.TCPConnector):
    """Skips connections that hold unrequested data. urllib3 checks this itself."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._used: weakref.WeakSet[Any] = weakref.WeakSet()

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        while True:
            connection = await super().connect(*args, **kwargs)
            protocol: Any = connection.protocol
            if protocol in self._used and (protocol.should_close or _is_readable(connection.transport)):
                connection.close()
                continue
            self._used.add(protocol)
            _taken.set(weakref.ref(protocol))
            return connection


_taken: ContextVar[Callable[[], Any]] = ContextVar("_taken")
"""The connection of the current task's request. It may be back in the pool already, after a short answer."""


def _close_taken() -> None:
    """Close the connection of the current task's latest request, before any other task can take it."""
    protocol = _taken.get()()
    if protocol is not None:
        protocol.close()


def _is_readable(transport: Any) -> bool:
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is None or sock.fileno() < 0:
        return True
    return wait_for_read(sock, timeout=0)


def suits(base: str) -> bool:
    """Whether requests to ``base`` need no proxy, which only httpx supports here."""
    return not getproxies() or bool(proxy_bypass(urlsplit(base).netloc))
