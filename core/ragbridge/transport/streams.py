"""Connections on an event loop, which are kept open for the next request. Used by their loop's thread alone."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ragbridge.transport.buffers import BufferPool
from ragbridge.transport.inbox import Inbox
from ragbridge.transport.sockets import PIECE, readable
from ragbridge.transport.threads import in_thread
from ragbridge.transport.wire import ConnectError, Need, Place, Reading

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Stream(asyncio.BufferedProtocol):
    """One connection, for one request at a time.

    Args:
        buffers: What large bodies are received into.
    """

    def __init__(self, buffers: BufferPool) -> None:
        self._inbox = Inbox(buffers)
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_clogged = False
        self._unsent = memoryview(b"")
        self._silence = self._until = self._heard = 0.0
        self._transport: asyncio.Transport | None = None
        self._has_data: Callable[[], bool] = bool
        self._paused = False
        self._is_late = False
        self._timer: asyncio.TimerHandle | None = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, TLS included."""
        self._transport = cast("asyncio.Transport", transport)
        # Beneath TLS it would be four times as much, all of it unseen.
        self._transport.set_write_buffer_limits(PIECE)
        self._has_data = readable(transport.get_extra_info("socket"))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the caller's wish
        """Where the next bytes go."""
        return self._inbox.free()

    def buffer_updated(self, nbytes: int) -> None:
        """They came."""
        self._heard = asyncio.get_running_loop().time()
        if not self._inbox.filled(nbytes):
            return
        if (
            self._inbox.is_full and self._transport is not None
        ):  # the server has to wait until some of it is read
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The server sends no more; the connection is closed."""
        self._inbox.ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._inbox.ended, self._error = True, self._error or exc
        self._wake()

    def pause_writing(self) -> None:
        """The server takes the request slowly."""
        self._is_clogged = True

    def resume_writing(self) -> None:
        """It took most of what was written."""
        loop = asyncio.get_running_loop()
        self._is_clogged, self._heard = False, loop.time()
        loop.call_soon(self._pour)

    def _pour(self) -> None:
        """Write of the body what the server's line takes. The answer is waited for meanwhile: it may come before."""
        transport = self._transport
        while self._unsent and not self._is_clogged and transport is not None and not transport.is_closing():
            piece, self._unsent = self._unsent[:PIECE], self._unsent[PIECE:]
            transport.write(piece)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What a request does.

    def close(self) -> None:
        """Close the connection, and read no more."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_stale(self) -> bool:
        """Whether the server has closed it, sent what nobody asked for, or answered without taking the whole request."""
        gone = self._inbox.ended or self._transport is None or self._transport.is_closing()
        return gone or not self._inbox.is_empty or bool(self._unsent) or self._has_data()

    async def exchange(
        self, head: bytes, body: bytes, reading: Reading[T], *, silence: float, until: float
    ) -> T:
        """Send one request, and read its answer.

        Args:
            head: What is sent before the body.
            body: What is sent.
            reading: Reads the answer.
            silence: Seconds to wait for data, or for the server to take some.
            until: The deadline, on the clock of the event loop.

        Raises:
            OSError: The connection is broken, or nothing came in time (``TimeoutError``).
        """
        loop = asyncio.get_running_loop()
        transport = self._transport
        if transport is None:
            raise ConnectionAbortedError("the connection is closed")
        self._silence, self._until, self._heard = silence, until, loop.time()
        self._look(loop)
        try:
            if len(body) <= PIECE:
                transport.write(head + body)
            else:
                transport.write(head)
                self._unsent = memoryview(body)
                self._pour()
            need = next(reading)
            while True:
                while (found := self._found(need)) is None:
                    await self._more(loop)
                need = reading.send(found)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the wait where nothing came for too long; else look again when that would be so."""
        due = min(self._heard + self._silence, self._until)
        if loop.time() < due:
            self._timer = loop.call_at(due, self._look, loop)
            return
        self._timer = None
        self._is_late = True
        self._wake()

    async def _more(self, loop: asyncio.AbstractEventLoop) -> None:
        self._resume()
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _found(self, need: Need) -> bytes | bytearray | None:
        """What is needed; None where it has not come yet."""
        if self._is_late:
            raise TimeoutError("nothing came in time")
        found = self._inbox.take(need)
        if self._error is not None and not found:
            raise self._error
        return found

    def _resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()


class Streams:
    """Connections of one event loop that wait for their next request.

    Args:
        kept: Connections to one place that are kept open, and requests at once.
        certificates: Gives what TLS trusts; called for addresses that need it.
    """

    def __init__(self, kept: int, certificates: Callable[[], ssl.SSLContext]) -> None:
        self.places = asyncio.Semaphore(kept)
        self._certificates = certificates
        self.buffers = BufferPool(kept)
        self._idle: dict[tuple[bool, str, int], list[Stream]] = {}
        self._closed = False

    async def take(self, place: Place, seconds: float) -> Stream:
        """A connection to ``place``: one that is open, or a new one.

        Args:
            place: Where to.
            seconds: For connecting, the handshake included.

        Raises:
            ConnectError: There is none to be had.
        """
        idle = self._idle.get(place[:3])
        while idle:
            stream = idle.pop()
            if not stream.is_stale:
                return stream
            stream.close()
        try:
            async with asyncio.timeout(seconds):
                return await self._connected(place)
        except OSError as error:  # TimeoutError and ssl.SSLError are such
            raise ConnectError(str(error)) from error

    async def _connected(self, place: Place) -> Stream:
        context = self._certificates() if place.tls else None
        loop = asyncio.get_running_loop()
        # Names are looked up in threads of their own: those of the event loop may be full of calls that wait for this one.
        found: list[Any] = await in_thread(
            lambda: socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        )
        failure: OSError = ConnectionError("the host has no address")
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setblocking(False)
                await loop.sock_connect(sock, address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _, stream = await loop.create_connection(
                    lambda: Stream(self.buffers),
                    sock=sock,
                    ssl=context,
                    server_hostname=place.host if context else None,
                )
            except ssl.SSLError:
                sock.close()
                raise
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                return stream
        try:
            raise failure
        finally:
            del failure  # this frame is among the error's own: each would keep the other

    def give_back(self, place: Place, stream: Stream) -> None:
        """Keep ``stream`` for another request."""
        if self._closed:
            stream.close()
        else:
            self._idle.setdefault(place[:3], []).append(stream)

    def close(self) -> None:
        """Close what waits, and later what is given back."""
        self._closed = True
        for idle in self._idle.values():
            for stream in idle:
                stream.close()
        self._idle.clear()
        self.buffers.clear()
