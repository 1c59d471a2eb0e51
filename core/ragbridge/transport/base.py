"""The base of transports over HTTP, for any library: which client a request gets, and for how long."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ragbridge.flow import Request, Response
from ragbridge.ground.public import __version__, publish
from ragbridge.transport.copies import RecentAnswers
from ragbridge.transport.leases import Lease, LoopLease

CONNECT_TIMEOUT = 10.0

HEADERS: Mapping[str, str] = {
    "accept": "application/json",
    "accept-encoding": "identity",  # why: CONTRIBUTING.md, "Hot path"
    "user-agent": f"ragbridge/{__version__}",
}


class PooledTransport(ABC):
    """Keeps clients of an HTTP library, each bound to a lifetime.

    The blocking client lives as long as the transport. An asynchronous client lives as long as its event loop, which
    closes it on shutdown. A forked child starts without clients. Closing retires a client: requests under way finish on
    it, later ones open another.

    Args:
        timeout: Seconds without data after which a request fails.
        deadline: Seconds after which a request fails, whatever has arrived by then.
    """

    wears_out = False
    """Whether cancelled requests may leak connections of an asynchronous client of this library."""
    sent_by = ""
    """The libraries that send, as people know them."""

    def __init__(self, *, timeout: float, deadline: float) -> None:
        self._timeout = timeout
        self._deadline = deadline
        self._start()
        _transports.add(self)

    def restart(self) -> None:
        """Start afresh in a forked child. The sockets belong to the parent, so they are dropped, not closed."""
        if self._closer is not None:
            self._closer.detach()
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._own: Lease | None = None
        self._closer: weakref.finalize[..., PooledTransport] | None = None
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopLease]
        self._by_loop = weakref.WeakKeyDictionary()
        self._answers = RecentAnswers()

    def send(self, request: Request) -> Response:
        """Answer ``request``, blocking."""
        lease = self._lease()
        try:
            return self._exchange(lease.client, request)
        finally:
            if lease.give_back():
                lease.close()

    async def send_async(self, request: Request) -> Response:
        """Answer ``request`` on the running event loop."""
        lease = await self._lease_async()
        try:
            return await self._exchange_async(lease.client, request)
        except (asyncio.CancelledError, GeneratorExit):
            if self.wears_out and lease.wear():
                self._drop_async(lease)
            raise
        finally:
            if lease.give_back():
                await lease.close()

    @abstractmethod
    def _exchange(self, client: Any, request: Request) -> Response:
        """Answer ``request`` by a client of ``_open``, or by the caller's own."""

    @abstractmethod
    async def _exchange_async(self, client: Any, request: Request) -> Response:
        """Answer ``request`` by a client of ``_open_async``, or by the caller's own."""

    @abstractmethod
    def _open(self) -> tuple[Any, Callable[[], object]]:
        """A blocking client, and the function that closes it."""

    @abstractmethod
    def _open_async(self) -> Any:
        """A client for the running event loop."""

    @abstractmethod
    async def _shut(self, client: Any) -> None:
        """Close a client of ``_open_async``, on its loop."""

    def _silence(self, request: Request) -> float:
        """Seconds without data after which ``request`` fails."""
        return request.timeout or self._timeout

    def _patience(self, request: Request) -> float:
        """Seconds that ``request`` may take as a whole; at least the seconds without data."""
        return max(self._deadline, self._silence(request))

    def close(self) -> None:
        """Close the blocking client, once the requests under way have ended. A later request opens another."""
        lease = self._own
        if lease is not None and self._drop(lease):
            lease.close()

    async def close_async(self) -> None:
        """Close the blocking client and the one of the running loop, once the requests under way have ended."""
        self.close()
        lease = self._by_loop.get(asyncio.get_running_loop())
        if lease is not None and self._drop_async(lease):
            await lease.close()

    def _lease(self) -> Lease:
        with self._lock:
            lease = self._own
            if lease is None:
                client, close = self._open()
                lease = self._own = Lease(client, close)
                self._closer = weakref.finalize(self, close)  # if close() is never called
            lease.take()
        return lease

    async def _lease_async(self) -> LoopLease:
        loop = asyncio.get_running_loop()
        lease = self._by_loop.get(loop)
        if lease is None:
            # A loop closes the generators that were started on it when it shuts down (`asyncio.run` does this), and
            # with this one the client, whose sockets could not be closed on any other loop.
            lease = self._by_loop[loop] = LoopLease(self._open_async(), self._end)
            lease.take()
            await anext(lease.closer)  # never suspends: it only makes the generator known to the loop
        else:
            lease.take()
        return lease

    def _drop(self, lease: Lease) -> bool:
        """Let later requests open another client. True if no request uses this one: the caller then closes it."""
        with self._lock:
            if self._own is lease:
                self._own = None
                if self._closer is not None:
                    self._closer.detach()
        return lease.retire()

    def _drop_async(self, lease: LoopLease) -> bool:
        """Let later requests of the running loop open another client. True if the caller must close this one."""
        self._forget(lease.client)
        return lease.retire()

    async def _end(self, client: Any) -> None:
        self._forget(client)
        await self._shut(client)

    def _forget(self, client: Any) -> None:
        loop = asyncio.get_running_loop()
        lease = self._by_loop.get(loop)
        if lease is not None and lease.client is client:
            del self._by_loop[loop]


_transports: weakref.WeakSet[PooledTransport] = weakref.WeakSet()


def _after_fork() -> None:
    for transport in tuple(_transports):
        transport.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Transport(Protocol):
    """Answers requests: over HTTP, in this process, or by whatever means its author has.

    An object with these methods goes to ``Jina(transport=)`` and ``Elastic(transport=)``. One of ``send`` and
    ``send_async`` is enough: without ``send_async``, awaited calls run ``send`` in a thread. ``close`` and ``close_async``
    may be missing. It is called from any number of threads and event loops at once, and does not retry: each attempt of
    a request is one call.

    It raises ``RequestError`` if no answer comes, which is retried; ``error.sent = False`` says that the service surely got
    nothing. Other exceptions end the call as they are. What it answers is read as what a service sent.
    """

    def send(self, request: Request) -> Response:
        """Answer ``request``, blocking the calling thread."""
        ...

    async def send_async(self, request: Request) -> Response:
        """Answer ``request`` on the running event loop."""
        ...

    def close(self) -> None:
        """Release the resources of blocking requests."""

    async def close_async(self) -> None:
        """Release the resources of blocking requests and of the running loop."""


publish("ragbridge", [Transport])
