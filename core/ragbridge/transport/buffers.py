"""Memory that large answers are received into, and that later answers use again.

An answer with 128 vectors has 700 KB. Memory of that size goes back to the system when it is freed, and the next answer gets
pages that the system has to fill with zeros first: that took up to half of the processor time of a job.
"""

from __future__ import annotations

import sys
import threading

LARGE = 131_072
"""Bytes from which on a body is received into a buffer of the pool: what ``malloc`` takes from the system piece by piece."""

KEPT = 2_097_152
"""Bytes of the largest buffer that is kept: what 128 vectors take, and twice as many."""


def _references(buffers: list[bytearray], index: int) -> int:
    return sys.getrefcount(buffers[index])


_counts = hasattr(sys, "getrefcount") and getattr(sys, "_is_gil_enabled", lambda: True)()
_UNUSED = _references([bytearray()], 0) if _counts else -1
"""How many references a buffer has that the pool alone holds: counted by the same function, so that it is right in any Python."""


class BufferPool:
    """Buffers of which each belongs to one answer, for as long as anybody holds that answer or a view of it.

    Nobody gives a buffer back: one that the pool alone refers to is free. So an answer that is kept, by a transport of the
    caller's around this one or by an error's traceback, keeps its content. Where references cannot be counted (PyPy, Python
    without the GIL), every answer has new memory. Safe from any thread.

    Args:
        kept: Buffers that are kept.

    Attributes:
        expected: Bytes that an answer of unknown length may have.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept if _counts else 0
        self.expected = 0
        self._buffers: list[bytearray] = []
        self._lock = threading.Lock()

    def take(self, size: int) -> bytearray:
        """A buffer of ``size`` bytes, whatever they are."""
        if size > KEPT:
            return bytearray(size)
        with self._lock:
            for index in range(len(self._buffers)):
                if _references(self._buffers, index) == _UNUSED:
                    return _fit(self._buffers[index], size)
            buffer = bytearray(size)
            if len(self._buffers) < self._kept:
                self._buffers.append(buffer)
        return buffer

    def expect(self, size: int) -> None:
        """The next answer that comes in pieces may be as long."""
        self.expected = min(size, KEPT)

    def clear(self) -> None:
        """Let go of all buffers."""
        with self._lock:
            self._buffers.clear()


def _fit(buffer: bytearray, size: int) -> bytearray:
    """Make the buffer as long as is asked for. Answers of one job hardly differ in length: nothing moves."""
    missing = size - len(buffer)
    if missing > 0:
        buffer.extend(bytes(missing))
    elif missing:
        del buffer[size:]
    return buffer


class Pieces:
    """Collects what comes in pieces, in one buffer of a pool that is as long as the last answer was.

    Args:
        buffers: The pool.

    Attributes:
        size: Bytes that have come.
    """

    __slots__ = ("_buffers", "_found", "_room", "size")

    def __init__(self, buffers: BufferPool) -> None:
        self._buffers = buffers
        self._found: bytes | bytearray = b""
        self._room: bytearray | None = None
        self.size = 0

    def add(self, piece: bytes | bytearray) -> None:
        """What came next. Of a single piece no copy is made."""
        start, self.size = self.size, self.size + len(piece)
        if not start:
            self._found = piece
            return
        if self._room is None:
            self._room = self._buffers.take(max(self.size, self._buffers.expected))
            self._room[:start] = self._found
        elif self.size > len(self._room):
            room = self._buffers.take(2 * self.size)
            room[:start] = memoryview(self._room)[:start]
            self._room = room
        self._room[start : self.size] = piece

    def whole(self) -> bytes | bytearray:
        """All of it."""
        if self._room is None:
            return self._found
        self._buffers.expect(self.size)
        del self._room[self.size :]
        return self._room
