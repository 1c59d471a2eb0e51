"""Requests over HTTP with httpx2 where it is installed, else with httpx, and with clients of either that users pass.

And the choice among all transports over HTTP.
"""

from __future__ import annotations

import asyncio
import ssl
import time
import weakref
from collections.abc import Callable
from typing import Any

from ragbridge.errors import ConfigurationError, RagbridgeError
from ragbridge.flow import Request, Response, TransportName
from ragbridge.transport.base import CONNECT_TIMEOUT, HEADERS, PooledTransport
from ragbridge.transport.bodies import Body
from ragbridge.transport.copies import RecentAnswers
from ragbridge.transport.direct import DirectTransport, suits
from ragbridge.transport.failures import (
    broken,
    caused,
    no_address,
    no_answer,
    no_connection,
    not_trusted,
    too_late,
)
from ragbridge.transport.leases import Lease, LoopLease
from ragbridge.transport.libraries import PREFERRED, check_client, library, library_of
from ragbridge.transport.proxies import check_proxies
from ragbridge.transport.threads import within
from ragbridge.transport.tls import certificates, distrust


class HttpTransport(PooledTransport):
    """Sends requests with httpx2 or httpx, or with the caller's own client of their kind.

    Args:
        timeout: Seconds to wait for data, at most; connecting gets 10 at most.
        deadline: Seconds that a request may take as a whole.
        connections: Connections kept open by clients made here, and requests at once on an event loop.
        name: ``"httpx"`` or ``"httpx2"``; None for the latter where it is installed.
        client: The caller's blocking client (``httpx.Client`` or one with its interface); never closed here.
        async_client: The caller's asynchronous client; it belongs to one event loop; never closed here.
        trust: Which certificates are trusted by clients made here; None for those that the library trusts.

    Raises:
        ConfigurationError: A client is none, or the library is not installed.
    """

    wears_out = True  # httpcore 1.0 loses connections to cancelled requests: encode/httpcore#830, #1093

    def __init__(
        self,
        *,
        timeout: float,
        deadline: float,
        connections: int,
        name: str | None = None,
        client: Any = None,
        async_client: Any = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        if client is not None:
            check_client(client, "http_client", awaited=False)
        if async_client is not None:
            check_client(async_client, "async_http_client", awaited=True)
        self._trust = trust
        self._library = library(name)
        self.sent_by = self._library.__name__
        # The pool gets no bound of its own, hence no queue in which a cancelled request could be forgotten.
        self._limits = self._library.Limits(max_connections=None, max_keepalive_connections=connections)
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
        given, given_async = self._client, self._async_client
        self._given = None if given is None else Lease(given, _keep_open)
        self._given_async = None if given_async is None else LoopLease(given_async, _leave_open)
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
            failure = self._failure(error, client, request)
        try:
            raise failure  # out here, so that the library's error, which holds the request, is not its context
        finally:
            del failure  # this frame is among the error's own: each would keep the other

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
                failure = self._failure(error, client, request)
        try:
            raise failure
        finally:
            del failure

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

    def _open(self) -> tuple[Any, Callable[[], object]]:
        check_proxies(self._library.URL)
        client = self._library.Client(limits=self._limits, verify=self._certificates())
        return client, client.close

    def _open_async(self) -> Any:
        check_proxies(self._library.URL)
        return self._library.AsyncClient(limits=self._limits, verify=self._certificates())

    async def _shut(self, client: Any) -> None:
        await client.aclose()

    def _certificates(self) -> ssl.SSLContext:
        if (
            self._trust is None
        ):  # cached: reading certificates is by far the most expensive part of making a client
            self._trust = certificates(self._library)
        return self._trust

    def _failure(self, error: Exception, client: Any, request: Request) -> Exception:
        """``error`` as one of ragbridge. What is no failure of a request stays what it is."""
        if isinstance(error, RagbridgeError):
            return error
        failure = self._translated(error, client, request)
        return error if failure is None else caused(failure, error)

    def _translated(self, error: Exception, client: Any, request: Request) -> RagbridgeError | None:  # noqa: PLR0911 - a table
        root = library_of(client)
        if type(error) is TimeoutError:
            return too_late(request, self._patience(request))
        if isinstance(error, getattr(root, "PoolTimeout", ())):
            return no_connection(request, "the HTTP client that was passed in has no free connection")
        if isinstance(error, getattr(root, "TimeoutException", ())):
            return no_answer(request, type(error).__name__.removesuffix("Timeout").lower())
        odd = getattr(root, "UnsupportedProtocol", ()), getattr(root, "InvalidURL", ())
        if isinstance(error, (*odd, UnicodeError)):  # idna's errors are of that kind
            return no_address(request, error)
        if isinstance(error, getattr(root, "RequestError", ())):
            return _unanswered(
                error, request, connecting=isinstance(error, getattr(root, "ConnectError", ()))
            )
        if getattr(client, "is_closed", False):
            return ConfigurationError(
                f"{request.method} {request.place}: the HTTP client that was passed in is closed"
            )
        return None


def _unanswered(error: Exception, request: Request, *, connecting: bool) -> RagbridgeError:
    if not connecting:
        return broken(request, error)
    if (reason := distrust(error)) is not None:
        return not_trusted(request, reason)
    return no_connection(request, str(error) or "no connection")


def over_http(
    base: str,
    *,
    timeout: float,
    deadline: float,
    connections: int,
    name: TransportName = "auto",
    client: Any = None,
    async_client: Any = None,
    trust: ssl.SSLContext | None = None,
) -> PooledTransport:
    """The transport for requests to ``base``.

    Args:
        base: The address.
        timeout: See ``HttpTransport``.
        deadline: See ``HttpTransport``.
        connections: See ``HttpTransport``.
        name: What sends: ``"auto"`` is ``"fast"`` where that can do what is asked, else httpx2 or httpx.
        client: See ``HttpTransport``.
        async_client: See ``HttpTransport``.
        trust: See ``HttpTransport``.

    Raises:
        ConfigurationError: The library that is named is not installed, or cannot do what is asked.
    """
    wanted = AUTO if name == "auto" else name
    if wanted == "fast":
        hindrance = _hindrance(base, (client, async_client))
        if hindrance is None:
            return DirectTransport(timeout=timeout, deadline=deadline, connections=connections, trust=trust)
        if name == "fast":
            raise ConfigurationError(f'transport="fast": {hindrance}')
    return HttpTransport(
        timeout=timeout,
        deadline=deadline,
        connections=connections,
        name=wanted if wanted in PREFERRED else None,
        client=client,
        async_client=async_client,
        trust=trust,
    )


AUTO: TransportName = "fast"
"""What sends where nothing is said of it, if it can."""


def _hindrance(base: str, clients: tuple[Any, ...]) -> str | None:
    """Why no other than httpx can send; None where others can."""
    if any(client is not None for client in clients):
        return "an HTTP client that is passed in sends by itself; leave one of them out"
    if not suits(base):
        return 'it goes through no proxy, and the environment names one: use transport="auto"'
    return None


_received: weakref.WeakKeyDictionary[Any, RecentAnswers] = weakref.WeakKeyDictionary()


def _keep_open() -> None:
    """The caller's own client is never closed here."""


async def _leave_open(_: Any) -> None:
    """The caller's own client is never closed here."""
