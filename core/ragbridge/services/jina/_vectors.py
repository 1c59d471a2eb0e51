"""From the body of an embeddings answer into one float32 array, without Python floats on the way.

Two readers give the same result. The fast one walks over rows that stand as the service writes them and decodes each
in place; the careful one parses the whole body. Whatever the fast one finds odd, it leaves to the careful one, which
either reads it or says what is wrong.
"""

from __future__ import annotations

import binascii
import functools
import json
import re
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge._errors import ResponseError
from ragbridge._flow import Response
from ragbridge.services.jina._wire import billed, decode, model_of

try:
    from pybase64 import b64decode as _pybase64

    def _decode(text: Any) -> bytes:
        return _pybase64(text, validate=True)
except ImportError:

    def _decode(text: Any) -> bytes:
        return binascii.a2b_base64(text, strict_mode=True)


if TYPE_CHECKING:
    from ragbridge._results import Vectors

_TYPE = rb'(?:"object"\s*:\s*"embedding"\s*,\s*)?'
_INDEX = rb'"index"\s*:\s*(?P<index>\d{1,9})\s*'
_VECTOR = rb'"embedding"\s*:\s*"'
_END = rb"\}\s*(?P<end>[,\]])\s*"
_INDEX_FIRST = (
    rb"\s*\{\s*" + _TYPE + _INDEX + rb",\s*" + _TYPE + _VECTOR,
    rb'"\s*(?:,\s*"object"\s*:\s*"embedding"\s*)?' + _END,
)
_INDEX_LAST = (rb"\s*\{\s*" + _TYPE + _VECTOR, rb'"\s*,\s*' + _INDEX + _END)
_HEAD = re.compile(_INDEX_FIRST[0])
_DATA = re.compile(rb'"data"\s*:\s*\[')


class Sheet:
    """The one array that all answers of a job are read into; made when the first of them tells its width.

    Args:
        count: Rows of the whole job.
        width: Dimensions expected; None where the model is not known.
    """

    def __init__(self, count: int, width: int | None) -> None:
        self._count = count
        self._width = width
        self._vectors: Vectors | None = None
        self._lock = threading.Lock()

    @property
    def vectors(self) -> Vectors:
        """What was read: float32 of shape (count, dimensions)."""
        if self._vectors is None:
            return np.empty((0, self._width or 0), np.float32)
        return self._vectors

    def rows(self, start: int, stop: int, width: int) -> Vectors:
        """The rows ``[start:stop]``, to be written by one answer.

        Raises:
            ResponseError: The answer's vectors are wider or narrower than those of the model, or of another answer.
        """
        with self._lock:
            if self._width is not None and width != self._width:
                raise ResponseError(f"vectors have {width} dimensions where {self._width} were expected")
            if self._vectors is None:
                self._width = width
                self._vectors = np.empty((self._count, width), np.float32)
            return self._vectors[start:stop]


def read_vectors(
    response: Response, *, sheet: Sheet, start: int, stop: int, asked: str
) -> tuple[str, int | None]:
    """Read the vectors of the items ``[start:stop]`` into ``sheet``, each into the row of its item.

    Args:
        response: A success.
        sheet: Where the rows go.
        start: The first item that was sent.
        stop: The one after the last.
        asked: Name of the model that was asked for.

    Returns:
        The model's name as the service gave it, and the tokens billed.

    Raises:
        ResponseError: A row is missing, double or of another width, or holds something other than finite numbers.
    """
    rows = functools.partial(sheet.rows, start, stop)
    found = _scan(response.body, stop - start, rows) if response.status < 300 else None
    if found is None:
        body = decode(response)
        vectors = _parse(body, stop - start, rows)
    else:
        vectors, body = found
    if not np.isfinite(vectors).all():
        row = start + int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ResponseError(f"the vector of item {row} holds numbers that are not finite")
    return model_of(body, asked), billed(body)


class _OddError(ValueError):
    """The body is not written the plain way."""


def _scan(body: bytes, count: int, rows: Callable[[int], Vectors]) -> tuple[Vectors, dict[str, Any]] | None:
    """The rows and what stands around them, where all of it is written the plain way; else None."""
    try:
        start = _expect(_DATA.search(body)).end()
        vectors, end = _scan_rows(body, start, count, rows)
        # What stands around the rows must be a JSON object whose own "data" is the list that was read, and no other.
        rest = json.loads(body[:start] + b'"these rows"]' + body[end:])
    except ValueError:
        return None
    return (vectors, rest) if isinstance(rest, dict) and rest.get("data") == ["these rows"] else None


def _scan_rows(body: bytes, position: int, count: int, rows: Callable[[int], Vectors]) -> tuple[Vectors, int]:
    """The rows from ``position`` on, and where they end."""
    head, tail = _INDEX_FIRST if _HEAD.match(body, position) else _INDEX_LAST
    first = _expect(re.compile(head).match(body, position)).end()  # compiled once: re keeps it
    length = body.index(b'"', first) - first
    size = len(_decode(body[first : first + length]))
    if not size or size % 4:
        raise _OddError
    vectors = rows(size // 4)
    target, source = vectors.data.cast("B"), memoryview(body)
    seen = bytearray(count)
    # All vectors are equally long: a row is matched in one step, without looking at the characters of its vector.
    last = b""
    row = re.compile(b"%b(?P<vector>.{%d})%b" % (head, length, tail), re.DOTALL)
    for match in row.finditer(body, position):
        index = int(match["index"])
        if match.start() != position or index >= count or seen[index]:
            raise _OddError
        begin, end = match.span("vector")
        target[index * size : (index + 1) * size] = _decode(source[begin:end])
        seen[index] = 1
        position, last = match.end(), match["end"]
        if last == b"]":
            break
    if last != b"]" or not all(seen):
        raise _OddError
    if sys.byteorder == "big":
        vectors.byteswap(inplace=True)
    return vectors, position


def _expect(match: re.Match[bytes] | None) -> re.Match[bytes]:
    if match is None:
        raise _OddError
    return match


def _parse(body: dict[str, Any], count: int, rows: Callable[[int], Vectors]) -> Vectors:
    """The rows of a parsed body, with an error for each way in which they can be wrong."""
    found = read_rows(body.get("data"), "data", count, lambda row: _vector(row.get("embedding")))
    widths = {len(row) for row in found}
    if len(widths) > 1 or widths == {0}:
        raise ResponseError(f"vectors of one answer have the widths {sorted(widths)}")
    vectors = rows(widths.pop())
    vectors[:] = found
    return vectors


def read_rows(found: object, name: str, count: int, read: Callable[[dict[str, Any]], Any]) -> list[Any]:
    """``read`` of each of exactly ``count`` rows, in the order of their ``index``.

    Raises:
        ResponseError: Rows are missing, too many, double, or no objects.
    """
    if not isinstance(found, list):
        raise ResponseError(f"the answer has no list {name!r}")
    if len(found) != count:
        raise ResponseError(f"{name!r} has {len(found)} rows for {count} items")
    rows: list[Any] = [None] * count
    seen = bytearray(count)
    for row in found:
        index = row.get("index") if isinstance(row, dict) else None
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
            raise ResponseError(
                f"a row of {name!r} has the index {index!r} where 0 to {count - 1} are possible"
            )
        if seen[index]:
            raise ResponseError(f"{name!r} has two rows of index {index}")
        seen[index] = 1
        rows[index] = read(row)
    return rows


def _vector(value: object) -> Vectors:
    """One vector, from base64 or from a list of numbers."""
    try:
        if isinstance(value, str):
            raw = binascii.a2b_base64(value, strict_mode=True)
            return np.frombuffer(raw, "<f4")
        if isinstance(value, list) and all(type(number) in {int, float} for number in value):
            return np.asarray(value, np.float32)
    except (ValueError, OverflowError) as error:
        raise ResponseError(f"an embedding cannot be decoded: {error}") from None
    raise ResponseError(
        f"an embedding is {type(value).__name__} where base64 or a list of numbers was expected"
    )
