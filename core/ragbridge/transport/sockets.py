"""Blocking connections of the standard library's, which are kept open for the next request."""

from __future__ import annotations

import io
import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from ragbridge.transport.bodies import STEP
from ragbridge.transport.buffers import LARGE, BufferPool
from ragbridge.transport.wire import ANY, LINE, ConnectError, Place, Reading

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

T = TypeVar("T")

PIECE = 65_536
"""Bytes that are sent at once, the head among them: each piece that is taken shows that the server is there."""


class _Arrivals(io.RawIOBase):
    """What a socket receives, until a deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.silence = self.until = 0.0
        self.rests = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        if self.rests:  # only what has been read already is looked at
            return None
        self._sock.settimeout(_patience(self.silence, self.until))
        return self._sock.recv_into(buffer)


class Connection:
    """One connection, for one request at a time.

    Args:
        sock: Connected, and behind its handshake where it has TLS.
        buffers: What large bodies are received into.
    """

    def __init__(self, sock: socket.socket, buffers: BufferPool) -> None:
        self._sock = sock
        self._buffers = buffers
        self._arrivals = _Arrivals(sock)
        self._reader = io.BufferedReader(self._arrivals, STEP)
        self._has_data = readable(sock)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    @property
    def is_stale(self) -> bool:
        """Whether the server has closed it, or sent what nobody asked for."""
        self._arrivals.rests = True
        left = self._reader.peek(1)
        self._arrivals.rests = False
        return bool(left) or self._has_data()

    def exchange(self, head: bytes, body: bytes, reading: Reading[T], *, silence: float, until: float) -> T:
        """Send one request, and read its answer.

        Args:
            head: What is sent before the body.
            body: What is sent.
            reading: Reads the answer.
            silence: Seconds to wait for data.
            until: The deadline, on the clock of ``time.monotonic``.

        Raises:
            OSError: The connection is broken, or nothing came in time (``TimeoutError``).
        """
        self._arrivals.silence, self._arrivals.until = silence, until
        try:
            if len(body) <= PIECE:
                self._send(head + body, silence, until)
            else:
                self._send(head, silence, until)
                self._send(body, silence, until)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a server that refuses a body unread says so before it closes
        reader = self._reader
        try:
            kind, size = next(reading)
            while True:
                if kind is LINE:
                    kind, size = reading.send(reader.readline(size))
                elif kind is ANY:
                    kind, size = reading.send(reader.read1(size))
                elif size < LARGE:
                    kind, size = reading.send(reader.read(size) or b"")
                else:
                    kind, size = reading.send(self._large(size))
        except StopIteration as done:
            result: T = done.value
            return result

    def _large(self, size: int) -> bytes | bytearray:
        buffer = self._buffers.take(size)
        count = self._reader.readinto(buffer)
        return buffer if count == size else bytes(buffer[:count])

    def _send(self, content: bytes, silence: float, until: float) -> None:
        # Neither by ``sendall`` nor, over TLS, by ``send`` of all of it, whose timeouts are for the whole: a long request on a
        # slow line is no silence.
        unsent = memoryview(content)
        while unsent:
            self._sock.settimeout(_patience(silence, until))
            unsent = unsent[self._sock.send(unsent[:PIECE]) :]


def _patience(silence: float, until: float) -> float:
    """Seconds to wait now.

    Raises:
        TimeoutError: The deadline has passed.
    """
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return min(silence, left)


class Connections:
    """Connections that wait for their next request.

    Args:
        kept: Connections to one place that are kept open.
        certificates: Gives what TLS trusts; called for addresses that need it.
    """

    def __init__(self, kept: int, certificates: Callable[[], ssl.SSLContext]) -> None:
        self._kept = kept
        self._certificates = certificates
        self._buffers = BufferPool(kept)
        self._idle: dict[tuple[bool, str, int], list[Connection]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def take(self, place: Place, timeout: float) -> Connection:
        """A connection to ``place``: one that is open, or a new one.

        Args:
            place: Where to.
            timeout: Seconds for connecting, and as many for the handshake.

        Raises:
            ConnectError: There is none to be had.
        """
        while (connection := self._waiting(place)) is not None:
            if not connection.is_stale:
                return connection
            connection.close()
        return Connection(self._connected(place, timeout), self._buffers)

    def _waiting(self, place: Place) -> Connection | None:
        with self._lock:
            idle = self._idle.get(place[:3])
            return idle.pop() if idle else None

    def _connected(self, place: Place, timeout: float) -> socket.socket:
        context = self._certificates() if place.tls else None
        sock: socket.socket | None = None
        try:
            sock = socket.create_connection((place.host, place.port), timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                sock = context.wrap_socket(sock, server_hostname=place.host)
        except BaseException as error:
            if sock is not None:
                sock.close()
            if isinstance(error, OSError):  # ssl.SSLError is one
                raise ConnectError(str(error)) from error
            raise
        return sock

    def give_back(self, place: Place, connection: Connection) -> None:
        """Keep ``connection`` for another request, or close it where there are enough."""
        with self._lock:
            idle = self._idle.setdefault(place[:3], [])
            if not self._closed and len(idle) < self._kept:
                idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what waits, and later what is given back."""
        with self._lock:
            self._closed = True
            waiting = [connection for idle in self._idle.values() for connection in idle]
            self._idle.clear()
        self._buffers.clear()
        for connection in waiting:
            connection.close()


def readable(sock: Any) -> Callable[[], bool]:
    """Tells whether ``sock`` has data, or was closed by the other side."""
    if not hasattr(select, "poll"):  # Windows

        def selected() -> bool:
            return bool(select.select([sock], [], [], 0)[0])

        return selected
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLPRI)
    return lambda: bool(poll.poll(0))
