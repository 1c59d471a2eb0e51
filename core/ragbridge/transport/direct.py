"""Requests over HTTP/1.1 on connections of our own, blocking and on event loops.

Used where nothing asks for httpx: no client of the caller's own, no proxy in the environment. Certificates are those that
httpx would use. CONTRIBUTING.md, "Hot path", says what it costs and what libraries do.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ragbridge.errors import RagbridgeError
from ragbridge.flow import Request, Response
from ragbridge.transport.base import CONNECT_TIMEOUT, HEADERS, PooledTransport
from ragbridge.transport.failures import (
    broken,
    caused,
    no_address,
    no_answer,
    no_connection,
    not_trusted,
    too_late,
)
from ragbridge.transport.sockets import Connections
from ragbridge.transport.streams import Streams
from ragbridge.transport.tls import certificates, distrust
from ragbridge.transport.wire import ConnectError, ProtocolError, head_of, place_of, reading


class DirectTransport(PooledTransport):
    """Sends requests on connections of its own.

    Args:
        timeout: Seconds to wait for data, at most; connecting gets 10 at most.
        deadline: Seconds that a request may take as a whole.
        connections: Connections kept open, and opened at once on an event loop.
        trust: Which certificates are trusted; None for those that httpx trusts.
    """

    sent_by = "ragbridge itself"

    def __init__(
        self,
        *,
        timeout: float,
        deadline: float,
        connections: int,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._trust = trust
        self._connections = connections
        super().__init__(timeout=timeout, deadline=deadline)

    def _exchange(self, client: Connections, request: Request) -> Response:
        silence, patience = self._silence(request), self._patience(request)
        until = time.monotonic() + patience
        try:
            place = place_of(request.url)
            connection = client.take(place, min(CONNECT_TIMEOUT, silence))
            stays = False
            try:
                answer, stays = connection.exchange(
                    head_of(place, request, {**HEADERS, **request.headers}),
                    request.body,
                    reading(request, self._answers.check, client.buffers),
                    silence=silence,
                    until=until,
                )
            finally:
                client.give_back(place, connection) if stays else connection.close()
        except RagbridgeError:  # a ConfigurationError is a ValueError, as a UnicodeError is
            raise
        except (ConnectError, OSError, ProtocolError, ValueError) as error:
            failure = caused(_failure(error, request, patience if time.monotonic() >= until else None), error)
        else:
            return answer
        try:
            raise failure  # out here, so that the error, whose frames hold the request, is not its context
        finally:
            del failure  # this frame is among the error's own: each would keep the other

    async def _exchange_async(self, client: Streams, request: Request) -> Response:
        silence, patience = self._silence(request), self._patience(request)
        async with client.places:
            until = asyncio.get_running_loop().time() + patience
            try:
                place = place_of(request.url)
                stream = await client.take(place, min(CONNECT_TIMEOUT, silence))
                stays = False
                try:
                    answer, stays = await stream.exchange(
                        head_of(place, request, {**HEADERS, **request.headers}),
                        request.body,
                        reading(request, self._answers.check, client.buffers),
                        silence=silence,
                        until=until,
                    )
                finally:
                    client.give_back(place, stream) if stays else stream.close()
            except RagbridgeError:
                raise
            except (ConnectError, OSError, ProtocolError, ValueError) as error:
                late = asyncio.get_running_loop().time() >= until
                failure = caused(_failure(error, request, patience if late else None), error)
            else:
                return answer
        try:
            raise failure
        finally:
            del failure

    def _open(self) -> tuple[Connections, Callable[[], object]]:
        client = Connections(self._connections, self._certificates)
        return client, client.close

    def _open_async(self) -> Streams:
        return Streams(self._connections, self._certificates)

    async def _shut(self, client: Streams) -> None:
        client.close()

    def _certificates(self) -> ssl.SSLContext:
        if self._trust is None:  # cached: reading them is by far the most expensive part of making a client
            self._trust = certificates()
        return self._trust


def _failure(error: Exception, request: Request, patience: float | None) -> RagbridgeError:
    """What an error means; ``patience`` is the deadline, where it has passed."""
    if isinstance(error, ConnectError):
        if (reason := distrust(error)) is not None:
            return not_trusted(request, reason)
        if isinstance(error.__cause__, TimeoutError):
            return no_answer(request, "connect")
        return no_connection(request, error)
    if isinstance(error, TimeoutError):
        return no_answer(request, "read") if patience is None else too_late(request, patience)
    if isinstance(error, ValueError):
        return no_address(request, error)
    return broken(request, error)


def suits(base: str) -> bool:
    """Whether requests to ``base`` need no proxy, which only httpx supports here."""
    return not getproxies() or bool(proxy_bypass(urlsplit(base).netloc))
