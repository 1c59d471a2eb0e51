"""What has come over a connection and was not read yet: without I/O, for blocking sockets and for event loops alike.

Whoever has a connection puts into ``free()`` what comes, says so by ``filled``, and takes what the reading of an answer
needs (``wire``). A long body of a known length is received in one piece, where it stays.
"""

from __future__ import annotations

from ragbridge.transport.buffers import LARGE, BufferPool
from ragbridge.transport.wire import ANY, FULL, HEAD, Need

_NOTHING = memoryview(b"")

ROOM = 262_144
"""Bytes that may have come and wait to be taken: what asyncio receives at once."""


class Inbox:
    """The bytes of one connection, in the order in which they came.

    Args:
        buffers: What long bodies are received into.

    Attributes:
        ended: Whether no more will come. Set by whoever has the connection.
    """

    __slots__ = ("_buffers", "_end", "_filled", "_long", "_room", "_start", "_unfilled", "_view", "ended")

    def __init__(self, buffers: BufferPool) -> None:
        self._buffers = buffers
        self._room = bytearray(ROOM)
        self._view = memoryview(self._room)
        self._start = self._end = 0  # what of the room has come, and was not taken
        self._long: bytearray | None = None
        self._unfilled = _NOTHING  # of the long part
        self.ended = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come that was not taken."""
        return self._start == self._end and self._long is None

    @property
    def is_full(self) -> bool:
        """Whether nothing more has room before something is taken."""
        return self._long is None and self._end - self._start == ROOM

    def free(self) -> memoryview:
        """Where the next bytes go. It is empty only where the inbox is full."""
        if self._unfilled:
            return self._unfilled
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start and self._end > ROOM // 2:
            self._end -= self._start
            self._room[: self._end] = self._room[self._start : self._start + self._end]
            self._start = 0
        return self._view[self._end :]

    def filled(self, count: int) -> bool:
        """So many bytes came. Returns whether anybody may have waited for them: for less than all of a long part nobody does."""
        if self._unfilled:
            self._unfilled = self._unfilled[count:]
            return not self._unfilled
        self._end += count
        return True

    def take(self, need: Need) -> bytes | bytearray | None:
        """What is needed; None where it has not come yet. What is left at the connection's end is given, at last ``b""``."""
        kind, size = need
        if self._long is not None or (kind is FULL and size >= LARGE):
            return self._take_long(size)
        there = self._end - self._start
        if kind is FULL:
            count = size if there >= size else 0
        elif kind is ANY:
            count = min(there, size)
        else:
            count = self._lines(size) if kind is HEAD else self._line(size)
        if not count:
            if not self.ended and there < size:
                return None
            count = min(there, size)
        start = self._start
        self._start += count
        return bytes(self._view[start : self._start])

    def _line(self, size: int) -> int:
        """Bytes of the next line, its end included; 0 where that has not come."""
        stop = self._room.find(b"\n", self._start, min(self._end, self._start + size)) + 1
        return stop - self._start if stop else 0

    def _lines(self, size: int) -> int:
        """Bytes of the lines up to the first blank one, which is included; 0 where that has not come."""
        room, start, end = self._room, self._start, min(self._end, self._start + size)
        for blank in (b"\r\n", b"\n"):
            if room.startswith(blank, start, end):
                return len(blank)
        usual = room.find(b"\n\r\n", start, end) + 3
        bare = room.find(b"\n\n", start, usual if usual > 2 else end) + 2
        stop = bare if bare > 1 else usual
        return stop - start if stop > 2 else 0

    def _take_long(self, size: int) -> bytes | bytearray | None:
        if self._long is None:
            self._long = self._buffers.take(size)
            whole = memoryview(self._long)
            there = min(self._end - self._start, size)
            whole[:there] = self._view[self._start : self._start + there]
            self._start += there
            self._unfilled = whole[there:]
        if self._unfilled and not self.ended:
            return None
        found, missing = self._long, len(self._unfilled)
        self._long, self._unfilled = None, _NOTHING
        return bytes(memoryview(found)[: len(found) - missing]) if missing else found
