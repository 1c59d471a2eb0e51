"""HTTP/1.1 on one connection: uvicorn's protocol with bounds for clients that send, read or leave slowly.

uvicorn itself bounds idle connections only. Its ``limit_concurrency`` refuses everybody once the bound is reached, and so
lets half-open requests keep others out.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from ragbridge.server.bounds import Bounds

_ABORT_SECONDS = 1.0
"""Seconds that the last bytes get before a connection is cut."""


class Protocol(H11Protocol):
    """Gives the connection to the application too: resets and truncated answers need it, and ASGI has no place for it."""

    def __init__(self, *args: Any, bounds: Bounds, **options: Any) -> None:
        super().__init__(*args, **options)
        self._bounds = bounds
        self._wait: tuple[str, object] | None = None
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time for the first request, and makes room for the connection if there are too many."""
        super().connection_made(transport)
        # asyncio sets this only for listeners that it opens itself. Without it each answer waits 40 ms for an acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}
        self._watch()
        if len(self.connections) > self._bounds.affordable():
            self._make_room()

    def handle_events(self) -> None:
        """Reads what has come, and starts the time for what is to come next."""
        super().handle_events()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops all clocks."""
        for timer in (self._timer, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Starts the time in which the client must read."""
        super().pause_writing()
        self._unread = self._check_reading_later()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _watch(self) -> None:
        """Start the time for what is awaited from the client, if that has changed."""
        wait, seconds = self._awaited()
        if wait == self._wait:
            return
        self._wait = wait
        self._since = self.loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if wait is None else self.loop.call_later(seconds, self._expire)

    def _awaited(self) -> tuple[tuple[str, object] | None, float]:
        """What is awaited and for which request, and for how many seconds; None while the client waits for us."""
        if self.conn.their_state is h11.SEND_BODY:
            return ("body", self.cycle), self._bounds.body_seconds
        if self.conn.their_state is not h11.IDLE:
            return None, 0.0
        if self.cycle is not None and not self.conn.trailing_data[0]:
            return ("request", self.cycle), self.timeout_keep_alive
        return ("head", self.cycle), self._bounds.head_seconds

    def _expire(self) -> None:
        if self.transport.is_closing():
            return
        kind = self._wait[0] if self._wait else ""
        answered = self.cycle is not None and self.cycle.response_started
        if (kind == "head" and self.conn.trailing_data[0]) or (kind == "body" and not answered):
            self._refuse(408, b"The request did not come in time")
        else:
            self._leave()

    def _make_room(self) -> None:
        """End the connection whose client has kept us waiting longest; this one if all are being answered."""
        others = [each for each in self.connections if isinstance(each, Protocol) and each is not self]
        waiting = [each for each in others if each._wait is not None]  # noqa: SLF001 - of the same class
        if waiting:
            oldest = min(waiting, key=lambda each: each._since)  # noqa: SLF001 - of the same class
            self.connections.discard(oldest)
            oldest.transport.abort()
        else:
            self._refuse(503, b"Too many connections")

    def _refuse(self, status: int, reason: bytes) -> None:
        """Answer where no application can, and close."""
        headers = [("content-type", "text/plain"), ("connection", "close")]
        for event in (
            h11.Response(status_code=status, headers=headers),
            h11.Data(reason),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self._leave()

    def _leave(self) -> None:
        """Close the connection, whether or not its client reads what is still to be sent."""
        self.transport.close()
        self.loop.call_later(_ABORT_SECONDS, self.transport.abort)

    def _check_reading_later(self) -> asyncio.TimerHandle:
        left = self.transport.get_write_buffer_size()
        return self.loop.call_later(self._bounds.answer_seconds, self._check_reading, left)

    def _check_reading(self, before: int) -> None:
        """Cut the connection if its client has read nothing since."""
        if self.transport.get_write_buffer_size() < before:
            self._unread = self._check_reading_later()
        else:
            reset(self.transport)


def reset(transport: asyncio.Transport) -> None:
    """End a connection with a TCP reset, which also frees what the system would still send."""
    # Closing with a linger time of 0 seconds sends RST instead of FIN.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
