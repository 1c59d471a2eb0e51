"""Vectors of floats out of an answer that is written the plain way, row by row, without the rest of it in memory.

The plain way is what Elasticsearch's own writers send: ``{"text_embedding": [{"embedding": [...]}, ...]}`` and nothing else,
in JSON with any white space, in CBOR as Jackson writes it: indefinite objects and lists, each number ``fa`` and four bytes.
Every byte between the numbers is checked. Whatever is written otherwise is None here, and is parsed in full instead, which
either reads it or says what is wrong.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.client.sizes import WIDEST
from ragbridge.client.wire import loads
from ragbridge.ground.cbor import is_cbor

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOAT = 0xFA
"""What stands before the four bytes of a float, big-endian."""
_NUMBER = 5
_KEY = b"\xbf\x69embedding\x9f"
_BETWEEN = np.frombuffer(b"\xff\xff" + _KEY, np.uint8)
_TAIL = b"\xff\xff\xff\xff"

_NEXT = re.compile(rb'\s*\}\s*,\s*\{\s*"embedding"\s*:\s*\[')
_LAST = re.compile(rb"\s*\}\s*\]\s*\}\s*\Z")


def read_floats(body: bytes | bytearray, name: str, count: int) -> NDArray[Any] | None:
    """The ``count`` rows of the list ``name``, of shape (count, dimensions), in any float type; None where it is written otherwise.

    Of CBOR it is a view of ``body``. Whether the numbers are finite is not checked.
    """
    if not count:
        return None
    return _of_cbor(body, name, count) if is_cbor(body) else _of_json(body, name, count)


def _of_cbor(body: bytes | bytearray, name: str, count: int) -> NDArray[Any] | None:
    head = b"\xbf" + bytes([0x60 + len(name)]) + name.encode() + b"\x9f" + _KEY
    start = len(head)
    if bytes(body[:start]) != head or bytes(body[-len(_TAIL) :]) != _TAIL:
        return None
    data = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(data[start : start + _NUMBER * (WIDEST + 1) : _NUMBER] != _FLOAT)
    width = int(ends[0]) if len(ends) else 0
    numbers = _NUMBER * width
    stride = numbers + len(_BETWEEN)
    if not width or len(body) != start + stride * (count - 1) + numbers + len(_TAIL):
        return None
    marks = np.ndarray((count, width), np.uint8, body, start, (stride, _NUMBER))
    between = np.ndarray((count - 1, len(_BETWEEN)), np.uint8, body, start + numbers, (stride, 1))
    if not (between == _BETWEEN).all() or not (marks == _FLOAT).all():
        return None
    return np.ndarray((count, width), ">f4", body, start + 1, (stride, _NUMBER))


def _of_json(body: bytes | bytearray, name: str, count: int) -> NDArray[Any] | None:
    mark = re.match(rb'\s*\{\s*"%b"\s*:\s*\[\s*\{\s*"embedding"\s*:\s*\[' % name.encode(), body)
    vectors, line, write = np.empty((0, 0), np.float32), np.empty(0), struct.Struct("").pack_into
    end = 0
    try:
        with np.errstate(over="ignore"):
            for row in range(count):
                if mark is None:
                    return None
                start = mark.end() - 1
                end = body.find(b"]", start) + 1
                numbers = _numbers(body[start:end])
                if not row:
                    line = np.empty(len(numbers))
                    vectors = np.empty((count, len(numbers)), np.float32)
                    write = struct.Struct(f"{len(numbers)}d").pack_into  # a fifth of what numpy.array() takes
                write(line.data, 0, *numbers)  # refuses another number of them, and what is no number
                vectors[row] = line
                mark = _NEXT.match(body, end)
    except (ValueError, TypeError, OverflowError, RecursionError, struct.error):
        return None
    return vectors if vectors.size and _LAST.match(body, end) else None


def _numbers(row: bytes | bytearray) -> list[Any]:
    """The JSON list ``row``.

    Raises:
        ValueError: It is none, or holds a word.
    """
    if b"r" in row or b"l" in row:  # true, false, null: booleans count as numbers in Python
        raise ValueError
    return loads(row)  # type: ignore[no-any-return]
