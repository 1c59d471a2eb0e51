"""Vectors that are written the plain way are read without the rest of the answer; what is not is left to the parser."""

from __future__ import annotations

import json
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import cbor2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import ResponseError
from ragbridge.client.vectors import Sheet
from ragbridge.flow import Response
from ragbridge.services.elastic.inference.dense import read_vectors
from ragbridge.services.elastic.inference.plain import read_floats

NAME = "text_embedding"
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
ROWS = st.integers(1, 9).flatmap(
    lambda width: st.lists(st.lists(FLOATS, min_size=width, max_size=width), min_size=1, max_size=5)
)


def jackson(rows: list[Any], name: str = NAME, number: Callable[[float], bytes] | None = None) -> bytes:
    """An answer as Elasticsearch's CBOR generator writes it."""
    write = number or (lambda value: b"\xfa" + struct.pack(">f", value))
    lists = (b"\x9f" + b"".join(map(write, row)) + b"\xff" for row in rows)
    each = b"".join(b"\xbf\x69embedding" + row + b"\xff" for row in lists)
    return b"\xbf" + cbor2.dumps(name) + b"\x9f" + each + b"\xff\xff"


def read(body: bytes, count: int, task: str = NAME) -> Any:
    """What a whole call makes of an answer, or a ``ResponseError``."""
    sheet = Sheet(count, embedding_type=None)
    sheet.write(
        range(count), *read_vectors(Response(200, {"x-elastic-product": "Elasticsearch"}, body), task, count)
    )
    return sheet.vectors


def others(rows: list[list[float]]) -> Iterator[tuple[str, bytes]]:
    """Right answers that are written otherwise."""
    value = {NAME: [{"embedding": row} for row in rows]}
    yield "lists by their lengths", cbor2.dumps(value)
    yield "doubles", cbor2.dumps(value, indefinite_containers=True)
    yield "the shortest floats", cbor2.dumps(value, canonical=True)
    yield (
        "doubles as Jackson writes them",
        jackson(rows, number=lambda value: b"\xfb" + struct.pack(">d", value)),
    )
    yield "a tag in front", b"\xd9\xd9\xf7" + jackson(rows)
    yield "a name beside it", b"\xbf\x61a\x01" + jackson(rows)[1:]
    yield "a name behind it", jackson(rows)[:-1] + b"\x61a\x01\xff"
    yield "a name beside each", jackson(rows).replace(b"\xbf\x69", b"\xbf\x61a\x01\x69")
    yield "JSON with a name beside it", json.dumps({"a": 1, **value}).encode()


@settings(max_examples=30)
@given(ROWS, st.sampled_from([None, 2]))
def test_both_forms_give_the_same_vectors_to_the_bit(rows: list[list[float]], indent: int | None) -> None:
    """And both are read without the rest; zeros keep their signs."""
    wanted = np.array(rows, np.float32)
    for name in (NAME, "embeddings"):
        body = json.dumps({name: [{"embedding": row} for row in rows]}, indent=indent).encode()
        for written in (body, jackson(rows, name)):
            found = read_floats(written, name, len(rows))
            assert found is not None
            assert found.astype(np.float32).tobytes() == wanted.tobytes()


@settings(max_examples=30)
@given(ROWS)
def test_what_is_written_otherwise_is_read_by_the_parser(rows: list[list[float]]) -> None:
    """Lengths, doubles, half floats, tags, further names: the vectors are the same."""
    wanted = np.array(rows, np.float32)
    for what, body in others(rows):
        assert read_floats(body, NAME, len(rows)) is None, what
        assert np.array_equal(read(body, len(rows)), wanted), what


ONE = [[0.5, -1.0, 2.0], [1.0, 0.25, 4.0]]
PLAIN = jackson(ONE)


@pytest.mark.parametrize("form", ["cbor", "json"])
def test_half_of_an_answer_is_damaged_wherever_it_ends(form: str) -> None:
    """At each byte: the same kind of error in both forms, which another attempt may not meet."""
    body = PLAIN if form == "cbor" else json.dumps({NAME: [{"embedding": row} for row in ONE]}).encode()
    for end in range(len(body)):
        with pytest.raises(ResponseError, match="the body is not") as caught:
            read(body[:end], 2)
        assert caught.value.damaged
        assert caught.value.retryable


def test_a_byte_that_was_changed_gives_other_numbers_or_an_error() -> None:
    """Each byte of an answer in CBOR by each of several: never another shape, never NaN, never Python's own error."""
    for place in range(len(PLAIN)):
        for byte in (0x00, 0x7F, 0x80, 0x9F, 0xBF, 0xC2, 0xD8, 0xF7, 0xF9, 0xFA, 0xFB, 0xFF):
            try:
                found = read(PLAIN[:place] + bytes([byte]) + PLAIN[place + 1 :], 2)
            except ResponseError:
                continue
            assert found.shape == (2, 3)
            assert np.isfinite(found).all()


NOT_A_NUMBER = {
    "infinity": struct.pack(">Bf", 0xFA, float("inf")),
    "NaN": struct.pack(">Bf", 0xFA, float("nan")),
    "NaN in half a float": bytes.fromhex("f97e00"),
    "a double beyond float32": struct.pack(">Bd", 0xFB, 1e300),
    "true": b"\xf5",
    "null": b"\xf6",
    "undefined": b"\xf7",
    "a text": b"\x611",
    "bytes": b"\x411",
    "a list": b"\x80",
    "an object": b"\xa0",
    "a date": bytes.fromhex("c101"),
    "a number beyond 64 bits": b"\xc2\x49\x01" + b"\x00" * 8,
}


@pytest.mark.parametrize("what", NOT_A_NUMBER)
def test_what_is_no_finite_number_is_refused_in_a_row(what: str) -> None:
    """In any place of it."""
    for place in range(3):
        numbers = [b"\xfa\x3f\x00\x00\x00"] * 3
        numbers[place] = NOT_A_NUMBER[what]
        body = jackson([[0, 1, 2]], number=lambda value, numbers=numbers: numbers[int(value)])
        with pytest.raises(ResponseError):
            read(body, 1)


WRONG = {
    "a row too few": (jackson(ONE[:1]), "1 vectors for 2"),
    "a row too many": (jackson(ONE * 2), "4 vectors for 2"),
    "another width": (jackson([[1.0, 2.0], [1.0]]), "widths"),
    "no numbers": (jackson([[], []]), "widths"),
    "another list": (jackson(ONE, "results"), "no list of objects 'text_embedding'"),
    "another name": (jackson(ONE).replace(b"embedding\x9f\xfa", b"embeddins\x9f\xfa"), "no list of numbers"),
    "no object": (cbor2.dumps([1]), "not a JSON object"),
}


@pytest.mark.parametrize("what", WRONG)
def test_counts_widths_and_names_are_those_that_were_promised(what: str) -> None:
    """In CBOR as in JSON, with the same words."""
    body, says = WRONG[what]
    with pytest.raises(ResponseError, match=says):
        read(body, 2)
    with pytest.raises(ResponseError, match=says):
        read(json.dumps(cbor2.loads(body)).encode(), 2)


def test_no_more_is_parsed_than_vectors_can_have() -> None:
    """A byte of CBOR may be a list, which takes 64 once it is read. Nor is it asked for again: it would be paid again."""
    empty = b"\xbf" + cbor2.dumps(NAME) + b"\x9f" + b"\x80" * 2_000_000 + b"\xff\xff"
    tracemalloc.start()
    with pytest.raises(ResponseError, match="more than 1 vectors can have") as caught:
        read(empty, 1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not caught.value.retryable
    assert most < 1_000_000


@pytest.mark.parametrize(
    "row",
    [
        b"[true, 1]",
        b"[1, false]",
        b"[null, 1]",
        b'["1", 2]',
        b"[[1], 2]",
        b"[1, {}]",
        b"[1e400, 1]",
        b"[NaN, 1]",
    ],
)
def test_what_is_no_number_in_json_is_refused_as_before(row: bytes) -> None:
    """Though the fast reader packs numbers without looking at each."""
    with pytest.raises(ResponseError):
        read(b'{"text_embedding": [{"embedding": %b}]}' % row, 1)
