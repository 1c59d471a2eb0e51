"""From the body of an embeddings answer into one array, without Python floats on the way where it can be.

Two readers give the same result. The fast one walks over rows that stand as the service writes them and decodes each
in place; the careful one parses the whole body. Whatever the fast one finds odd, it leaves to the careful one, which
either reads it or says what is wrong.

Binary vectors come as JSON numbers, one a byte, and are kept as the bytes that they stand for: a bit for each
dimension, the most significant first. The service's ``binary`` is that byte minus 128 (an offset, no two's complement).
"""

from __future__ import annotations

import binascii
import functools
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.client.answers import read_rows
from ragbridge.client.vectors import Sheet, check_finite, is_numbers, one_width
from ragbridge.client.wire import loads
from ragbridge.errors import ResponseError
from ragbridge.flow import Response
from ragbridge.hosts import JINA, Host
from ragbridge.services.jina.wire import billed, decode, model_of

if TYPE_CHECKING:
    from ragbridge.client.vectors import Vectors
    from ragbridge.values.embeddings import EmbeddingType

try:
    from pybase64 import b64decode as _pybase64

    def _decode(text: Any) -> bytes:
        return _pybase64(text, None, True)
except ImportError:

    def _decode(text: Any) -> bytes:
        return binascii.a2b_base64(text, strict_mode=True)


_TYPE = rb'(?:"object"\s*:\s*"embedding"\s*,\s*)?'
_INDEX = rb'"index"\s*:\s*(?P<index>\d{1,9})\s*'
_VECTOR = rb'"embedding"\s*:\s*"'
_REST = rb'(?:,\s*"(?:object|encoding_format)"\s*:\s*"\w+"\s*){0,2}'
"""What hosts write behind the rest: llama.cpp the encoding of each row (``server-common.cpp``)."""
_END = rb"\}\s*(?P<end>[,\]])\s*"
_INDEX_FIRST = (
    rb"\s*\{\s*" + _TYPE + _INDEX + rb",\s*" + _TYPE + _VECTOR,
    rb'"\s*' + _REST + _END,
)
_INDEX_LAST = (rb"\s*\{\s*" + _TYPE + _VECTOR, rb'"\s*,\s*' + _INDEX + _REST + _END)
_HEADS = tuple(re.compile(head) for head, _ in (_INDEX_FIRST, _INDEX_LAST))
_DATA = re.compile(rb'"data"\s*:\s*\[')


@functools.lru_cache(maxsize=64)
def _row(index_first: bool, length: int) -> tuple[re.Pattern[bytes], int, int, int]:
    """A row whose vector has ``length`` characters, which are not looked at: it is matched in one step.

    Returns:
        The pattern, and which of its groups are the index, the vector, and what ends the row.
    """
    head, tail = _INDEX_FIRST if index_first else _INDEX_LAST
    pattern = re.compile(b"%b(?P<vector>.{%d})%b" % (head, length, tail), re.DOTALL)
    groups = pattern.groupindex
    return pattern, groups["index"], groups["vector"], groups["end"]


def read_vectors(
    response: Response, *, sheet: Sheet, places: Sequence[int], asked: str, host: Host = JINA
) -> tuple[str, int | None]:
    """Read the vectors of the items at ``places`` into ``sheet``, each into the row of its item.

    Args:
        response: A success.
        sheet: Where the rows go.
        places: Where the items that were sent stand in the caller's list.
        asked: Name of the model that was asked for.
        host: Who answered.

    Returns:
        The model's name as the service gave it, and the tokens billed.

    Raises:
        ResponseError: A row is missing, double or of another width, or holds something other than finite numbers.
    """
    rows = functools.partial(sheet.rows, places)
    plain = sheet.embedding_type == "float" and response.status < 300
    scanned = _scan(response.body, len(places), rows) if plain else None
    if scanned is None:
        body = host.read_embedding(decode(response))
        vectors = _parse(body, len(places), rows, sheet.embedding_type)
    else:
        vectors, body = scanned
    check_finite(vectors, places)
    sheet.confirm(places, vectors)
    return model_of(body, asked), billed(body)


def read_pages(response: Response, *, sheet: Sheet, asked: str) -> tuple[str, int | None]:
    """Read the vectors of one item's pages into ``sheet``, as many as the service found: at least one.

    Raises:
        ResponseError: As ``read_vectors``.
    """
    body = decode(response)
    count = count_rows(body)
    sheet.restart(count)
    places = range(count)
    vectors = _parse(body, count, functools.partial(sheet.rows, places), sheet.embedding_type)
    check_finite(vectors, places)
    sheet.confirm(places, vectors)
    return model_of(body, asked), billed(body)


def count_rows(body: dict[str, Any]) -> int:
    """How many rows the service sends, where that is its own affair: at least one is expected."""
    rows = body.get("data")
    return max(len(rows), 1) if isinstance(rows, list) else 1


class _OddError(ValueError):
    """The body is not written the plain way."""


def _scan(
    body: bytes | bytearray, count: int, rows: Callable[[int], Vectors]
) -> tuple[Vectors, dict[str, Any]] | None:
    """The rows and what stands around them, where all of it is written the plain way; else None."""
    try:
        start = _expect(_DATA.search(body)).end()
        vectors, end = _scan_rows(body, start, count, rows)
        # What stands around the rows must be a JSON object whose own "data" is the list that was read, and no other.
        rest = loads(body[:start] + b'"these rows"]' + body[end:])
    except (ValueError, RecursionError):
        return None
    return (vectors, rest) if isinstance(rest, dict) and rest.get("data") == ["these rows"] else None


def _scan_rows(
    body: bytes | bytearray, position: int, count: int, rows: Callable[[int], Vectors]
) -> tuple[Vectors, int]:
    """The rows from ``position`` on, and where they end."""
    index_first = _HEADS[0].match(body, position)
    first = _expect(index_first or _HEADS[1].match(body, position)).end()
    length = body.index(b'"', first) - first
    size = length * 3 // 4 - body.count(b"=", max(first, first + length - 2), first + length)
    if not size or size % 4:
        raise _OddError
    vectors = rows(size // 4)
    target, source = vectors.data.cast("B"), memoryview(body)
    seen = bytearray(count)
    row, number, vector, last = _row(index_first is not None, length)
    more = True
    while more:
        match = _expect(row.match(body, position))  # each begins where the last one ended
        index = int(match[number])
        if index >= count or seen[index]:
            raise _OddError
        seen[index] = 1
        begin = match.start(vector)
        start = index * size
        target[start : start + size] = _decode(source[begin : begin + length])
        more, position = match[last] == b",", match.end()
    if not all(seen):
        raise _OddError
    if sys.byteorder == "big":
        vectors.byteswap(inplace=True)
    return vectors, position


def _expect(match: re.Match[bytes] | None) -> re.Match[bytes]:
    if match is None:
        raise _OddError
    return match


def _parse(
    body: dict[str, Any], count: int, rows: Callable[[int], Vectors], embedding_type: EmbeddingType
) -> Vectors:
    """The rows of a parsed body, with an error for each way in which they can be wrong."""
    read = read_rows(
        body.get("data"), "data", count, lambda row: read_vector(row.get("embedding"), embedding_type)
    )
    vectors = rows(one_width(read))
    vectors[:] = read
    return vectors


def read_vector(value: object, embedding_type: EmbeddingType) -> Vectors:
    """One vector, from base64 or a list of numbers; from a list alone where it is binary.

    Raises:
        ResponseError: It is something else.
    """
    if embedding_type != "float":
        return _bytes_of(value, embedding_type)
    try:
        if isinstance(value, str):
            return np.frombuffer(_decode(value), "<f4")
        if is_numbers(value):
            with np.errstate(over="ignore"):  # beyond float32: found with what else is not finite
                return np.asarray(value, np.float32)
    except (ValueError, OverflowError) as error:
        raise ResponseError(f"an embedding cannot be decoded: {error}") from None
    raise ResponseError(
        f"an embedding is {type(value).__name__} where base64 or a list of numbers was expected"
    )


def read_token_vectors(value: object, width: int | None) -> Vectors:
    """The vectors of one input's tokens, each base64 or a list of numbers: float32 of shape (tokens, dimensions).

    Raises:
        ResponseError: There is none, or one has another width, or holds something other than finite numbers.
    """
    if not isinstance(value, list) or not value:
        raise ResponseError("'embeddings' is no list with a vector for each token")
    rows = [read_vector(token, "float") for token in value]
    told = one_width(rows, "the tokens of one input have vectors of")
    if width is not None and told != width:
        raise ResponseError(f"vectors have {told} dimensions where {width} were expected")
    vectors = np.stack(rows).astype(np.float32, copy=False)
    if not np.isfinite(vectors).all():
        raise ResponseError("the vectors of an input's tokens hold numbers that are not finite")
    return vectors


_OFFSETS = {"binary": 128, "ubinary": 0}


def _bytes_of(value: object, embedding_type: EmbeddingType) -> Vectors:
    """One packed vector. A server that does not know the type sends floats: those are no bytes, and an error."""
    if not is_numbers(value):
        raise ResponseError(
            f"a {embedding_type} embedding is {type(value).__name__} where a list of numbers was expected"
        )
    offset = _OFFSETS[embedding_type]
    try:
        whole = [int(number) for number in value]
        if whole == value:
            return np.frombuffer(bytes([offset + number for number in whole]), np.uint8)
    except (ValueError, OverflowError):  # beyond a byte; not finite
        pass
    raise ResponseError(
        f"a {embedding_type} embedding holds something other than whole numbers from {-offset} to {255 - offset}"
    )
