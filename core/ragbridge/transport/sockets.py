"""Blocking connections of the standard library's, which are kept open for the next request."""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from ragbridge.transport.buffers import BufferPool
from ragbridge.transport.inbox import Inbox
from ragbridge.transport.wire import ConnectError, Place, Reading

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

T = TypeVar("T")

PIECE = 131_072
"""Bytes that are sent at once, the head among them: each piece that is taken shows that the server is there. Most requests are
one piece."""


class Connection:
    """One connection, for one request at a time.

    Args:
        sock: Connected, and behind its handshake where it has TLS.
        buffers: What large bodies are received into.
    """

    def __init__(self, sock: socket.socket, buffers: BufferPool) -> None:
        self._sock = sock
        self._seconds = 0.0
        self._inbox = Inbox(buffers)
        self._has_data = readable(sock)
        self._pending: Callable[[], int] = getattr(sock, "pending", int)  # what TLS has decrypted already

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    @property
    def is_stale(self) -> bool:
        """Whether the server has closed it, or sent what nobody asked for."""
        return not self._inbox.is_empty or bool(self._pending()) or self._has_data()

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
        try:
            if len(body) <= PIECE:
                self._send(head + body, silence, until)
            else:
                self._send(head, silence, until)
                self._send(body, silence, until)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a server that refuses a body unread says so before it closes
        inbox = self._inbox
        try:
            need = next(reading)
            while True:
                while (found := inbox.take(need)) is None:
                    self._limit(silence, until)
                    count = self._sock.recv_into(inbox.free())
                    inbox.filled(count)
                    inbox.ended = not count
                need = reading.send(found)
        except StopIteration as done:
            result: T = done.value
            return result

    def _limit(self, silence: float, until: float) -> None:
        """Have the next wait end after so many seconds, or at the deadline.

        Raises:
            TimeoutError: The deadline has passed.
        """
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        seconds = min(silence, left)
        if seconds != self._seconds:  # else the system need not be told
            self._sock.settimeout(seconds)
            self._seconds = seconds

    def _send(self, content: bytes, silence: float, until: float) -> None:
        # Neither by ``sendall`` nor, over TLS, by ``send`` of all of it, whose timeouts are for the whole: a long request on a
        # slow line is no silence.
        unsent = memoryview(content)
        while unsent:
            self._limit(silence, until)
            unsent = unsent[self._sock.send(unsent[:PIECE]) :]


class Connections:
    """Connections that wait for their next request.

    Args:
        kept: Connections to one place that are kept open.
        certificates: Gives what TLS trusts; called for addresses that need it.
    """

    def __init__(self, kept: int, certificates: Callable[[], ssl.SSLContext]) -> None:
        self._kept = kept
        self._certificates = certificates
        self.buffers = BufferPool(kept)
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
        return Connection(self._connected(place, timeout), self.buffers)

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
        self.buffers.clear()
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
