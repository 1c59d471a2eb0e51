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
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept if _counts else 0
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
