"""Requests over HTTP with httpx. The only module that imports it; it is imported when a client is made."""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

import httpx

from ragbridge.errors import ConfigurationError, RagbridgeError
from ragbridge.flow import Request, Response
from ragbridge.transport.base import CONNECT_TIMEOUT, HEADERS, PooledTransport
from ragbridge.transport.bodies import Body
from ragbridge.transport.copies import RecentAnswers
from ragbridge.transport.failures import broken, no_address, no_answer, no_connection, not_trusted, too_late
from ragbridge.transport.leases import Lease, LoopLease
from ragbridge.transport.proxies import check_proxies
from ragbridge.transport.threads import within
from ragbridge.transport.tls import certificates, distrust


class HttpTransport(PooledTransport):
    """Sends requests with httpx, or with the caller's own client of its kind.

    Args:
        timeout: Seconds to wait for data, at most; connecting gets 10 at most.
        deadline: Seconds that a request may take as a whole.
        connections: Connections kept open by clients made here, and requests at once on an event loop.
        client: The caller's blocking client (``httpx.Client`` or one with its interface); never closed here.
        async_client: The caller's asynchronous client; it belongs to one event loop; never closed here.
        trust: Which certificates are trusted by clients made here; None for those that httpx trusts.
    """

    wears_out = True  # httpcore 1.0 loses connections to cancelled requests: encode/httpcore#830, #1093

    def __init__(
        self,
        *,
        timeout: float,
        deadline: float,
        connections: int,
        client: Any = None,
        async_client: Any = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._trust = trust
        # httpx's pool gets no bound of its own, hence no queue in which a cancelled request could be forgotten.
        self._limits = httpx.Limits(max_connections=None, max_keepalive_connections=connections)
        self._connections = connections
        self._client, self._async_client = client, async_client
        self._given_is_used = self._given_is_the_parents = False
        super().__init__(timeout=timeout, deadline=deadline)

    def restart(self) -> None:
        """Begin anew in a forked child. A client that was passed in cannot once it is used: its sockets are the parent's."""
        super().restart()
        self._given_is_the_parents = self._given_is_used

    def _start(self) -> None:
        super()._start()
        self._given = Lease(self._client, _keep_open) if self._client else None
        self._given_async = LoopLease(self._async_client, _leave_open) if self._async_client else None
        self._places: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]
        self._places = weakref.WeakKeyDictionary()

    def _lease(self) -> Lease:
        if self._given is None:
            return super()._lease()
        self._use_given()
        self._given.take()
        return self._given

    async def _lease_async(self) -> LoopLease:
        if self._given_async is None:
            return await super()._lease_async()
        self._use_given()
        self._given_async.take()
        return self._given_async

    def _use_given(self) -> None:
        if self._given_is_the_parents:
            raise ConfigurationError(
                "the HTTP client that was passed in was used before this process was forked, and both processes would "
                "read each other's answers; make one in each process"
            )
        self._given_is_used = True

    def _drop(self, lease: Lease) -> bool:
        return lease is not self._given and super()._drop(lease)

    def _drop_async(self, lease: LoopLease) -> bool:
        return lease is not self._given_async and super()._drop_async(lease)

    def _exchange(self, client: Any, request: Request) -> Response:
        patience = self._patience(request)
        until = time.monotonic() + patience

        def ask() -> Response:
            with client.stream(**self._arguments(request)) as answer:
                body = self._body(client, request, answer)
                for part in (answer.read(),) if answer.is_stream_consumed else answer.iter_raw():
                    if (
                        time.monotonic() > until
                    ):  # the caller has left by then, and this thread must not read on
                        raise TimeoutError
                    if not body.take(part):
                        break
                return Response(answer.status_code, answer.headers, body.content())

        try:
            return within(patience, ask)
        except Exception as error:  # noqa: BLE001 - sorted by kind there
            self._translate(error, client, request)

    async def _exchange_async(self, client: Any, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        places = self._places.get(loop) or self._places.setdefault(loop, asyncio.Semaphore(self._connections))
        async with places:
            try:
                async with (
                    asyncio.timeout(self._patience(request)),
                    client.stream(**self._arguments(request)) as answer,
                ):
                    body = self._body(client, request, answer)
                    if answer.is_stream_consumed:
                        body.take(await answer.aread())
                    else:
                        async for part in answer.aiter_raw():
                            if not body.take(part):
                                break
                    return Response(answer.status_code, answer.headers, body.content())
            except Exception as error:  # noqa: BLE001 - sorted by kind there
                self._translate(error, client, request)

    def _body(self, client: Any, request: Request, answer: Any) -> Body:
        """Where the body of ``answer`` goes, once its head is checked. A hook of the caller's may have read it already."""
        self._received(client).check(request, answer.headers)
        return Body(request, answer.status_code, answer.headers, decoded=answer.is_stream_consumed)

    def _received(self, client: Any) -> RecentAnswers:
        """The answers seen on the connections of ``client``, which other services may share if it is the caller's own."""
        if any(given is not None and given.client is client for given in (self._given, self._given_async)):
            return _received.setdefault(client, RecentAnswers())
        return self._answers

    def _arguments(self, request: Request) -> dict[str, Any]:
        seconds = self._silence(request)
        return {
            "method": request.method,
            "url": request.url,
            "content": request.body,
            "headers": {**HEADERS, **request.headers},
            "timeout": (
                min(CONNECT_TIMEOUT, seconds),
                seconds,
                seconds,
                seconds,
            ),  # connect, read, write, pool
            "follow_redirects": False,
        }

    def _open(self) -> tuple[httpx.Client, Callable[[], object]]:
        check_proxies(httpx.URL)
        client = httpx.Client(limits=self._limits, verify=self._certificates())
        return client, client.close

    def _open_async(self) -> httpx.AsyncClient:
        check_proxies(httpx.URL)
        return httpx.AsyncClient(limits=self._limits, verify=self._certificates())

    async def _shut(self, client: httpx.AsyncClient) -> None:
        await client.aclose()

    def _certificates(self) -> ssl.SSLContext:
        if (
            self._trust is None
        ):  # cached: reading certificates is by far the most expensive part of making a client
            self._trust = certificates()
        return self._trust

    def _translate(self, error: Exception, client: Any, request: Request) -> NoReturn:
        """Raise ``error`` as one of ragbridge. Messages of HTTP libraries quote no header, so they hold no key."""
        if isinstance(error, RagbridgeError):
            raise error
        library = _library(client)
        what = f"{request.method} {request.place}"
        if type(error) is TimeoutError:
            raise too_late(request, self._patience(request)) from error
        if isinstance(error, getattr(library, "PoolTimeout", ())):
            raise no_connection(
                request, "the HTTP client that was passed in has no free connection"
            ) from error
        if isinstance(error, getattr(library, "TimeoutException", ())):
            raise no_answer(request, type(error).__name__.removesuffix("Timeout").lower()) from error
        odd = getattr(library, "UnsupportedProtocol", ()), getattr(library, "InvalidURL", ())
        if isinstance(error, (*odd, UnicodeError)):  # idna's errors are of that kind
            raise no_address(request, error) from error
        if isinstance(error, getattr(library, "ConnectError", ())):
            if (reason := distrust(error)) is not None:
                raise not_trusted(request, reason) from error
            raise no_connection(request, str(error) or "no connection") from error
        if isinstance(error, getattr(library, "RequestError", ())):
            raise broken(request, error) from error
        if getattr(client, "is_closed", False):
            raise ConfigurationError(f"{what}: the HTTP client that was passed in is closed") from error
        raise error


def over_http(
    base: str,
    *,
    timeout: float,
    deadline: float,
    connections: int,
    client: Any = None,
    async_client: Any = None,
    trust: ssl.SSLContext | None = None,
) -> PooledTransport:
    """The transport for requests to ``base``: the faster one if its packages are installed and httpx is not needed."""
    if client is None and async_client is None:
        try:
            from ragbridge.transport.fast import FastTransport, suits
        except ImportError:
            pass
        else:
            # Without verification urllib3 would warn of each request.
            if suits(base) and (trust is None or trust.verify_mode):
                return FastTransport(
                    timeout=timeout, deadline=deadline, connections=connections, base=base, trust=trust
                )
    return HttpTransport(
        timeout=timeout,
        deadline=deadline,
        connections=connections,
        client=client,
        async_client=async_client,
        trust=trust,
    )


def _library(client: Any) -> object:
    """The package whose errors ``client`` raises: httpx, or another of its interface."""
    roots = (sys.modules.get(kind.__module__.partition(".")[0]) for kind in type(client).__mro__)
    return next((root for root in roots if hasattr(root, "RequestError")), None)


_received: weakref.WeakKeyDictionary[Any, RecentAnswers] = weakref.WeakKeyDictionary()


def _keep_open() -> None:
    """The caller's own client is never closed here."""


async def _leave_open(_: Any) -> None:
    """The caller's own client is never closed here."""
