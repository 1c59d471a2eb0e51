"""CBOR is read as what JSON could say, and refused in words otherwise: no other error, and no memory for what is not there."""

from __future__ import annotations

import json
import struct
import sys
import tracemalloc
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge.ground.cbor import PREFIX, is_cbor, read_cbor

SAID = {"took": 3, "errors": False, "items": [None, -1, "täxt", 0.5, {"": [True, {}]}]}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40)
@given(VALUES, st.booleans())
def test_what_json_can_say_is_read_as_it_was_meant(value: Any, indefinite: bool) -> None:
    """By lengths, or open-ended as Jackson writes; the tag that says "this is CBOR" in front changes nothing."""
    written = cbor2.dumps(value, indefinite_containers=indefinite)
    assert read_cbor(written) == read_cbor(PREFIX + written) == value


@settings(max_examples=40)
@given(VALUES)
def test_cbor_and_json_are_told_apart_by_their_first_bytes(value: Any) -> None:
    """Of objects and lists, which answers are."""
    for holder in ([value], {"a": value}):
        assert is_cbor(cbor2.dumps(holder))
        assert is_cbor(cbor2.dumps(holder, indefinite_containers=True))
        assert not is_cbor(json.dumps(holder).encode())
        assert not is_cbor(b"\xef\xbb\xbf" + json.dumps(holder, ensure_ascii=False).encode())
    assert not is_cbor(b"")


@pytest.mark.parametrize("indefinite", [True, False])
def test_half_of_it_is_refused_wherever_it_ends(indefinite: bool) -> None:
    """At each byte; and a byte more as well."""
    whole = cbor2.dumps(SAID, indefinite_containers=indefinite)
    assert read_cbor(whole) == SAID
    for end in range(len(whole)):
        with pytest.raises(ValueError, match="."):
            read_cbor(whole[:end])
    with pytest.raises(ValueError, match="extra data"):
        read_cbor(whole + b"\xff")


REFUSED = {
    "bytes": b"\x41\xaa",
    "undefined": b"\xf7",
    "a simple value": b"\xf0",
    "a date": bytes.fromhex("c074323031332d30332d32315432303a30343a30305a"),
    "a decimal": bytes.fromhex("c48221196ab3"),
    "a number too large for a float": bytes.fromhex("c5821b7fffffffffffffff01"),
    "a number of 4,000 digits": b"\xc2\x59\x06\x80" + b"\xff" * 1664,
    "a regular expression": bytes.fromhex("d8236428612b29"),
    "an unknown tag": bytes.fromhex("d9fffe01"),
    "tags in tags": b"\xc6" * 50_000 + b"\x00",
    "a list in lists": b"\x81" * 50_000 + b"\x00",
    "a list that holds itself": bytes.fromhex("d81c81d81d00"),
    "a part that is there twice": bytes.fromhex("82d81c8101d81d00"),
    "a key that is a number": b"\xa1\x01\x02",
    "a key that is a list": b"\xa1\x80\x01",
    "no text in UTF-8": b"\x61\xff",
    "an end without a beginning": b"\xff",
    "a reserved length": b"\x1c",
    "JSON": b'{"a": 1}',
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_json_has_no_form_for_is_refused(what: str) -> None:
    """Wherever it stands."""
    for body in (REFUSED[what], b"\xbf\x61a" + REFUSED[what] + b"\xff", b"\x9f" + REFUSED[what] + b"\xff"):
        with pytest.raises(ValueError, match="."):
            read_cbor(body)


@pytest.mark.parametrize("kind", [0x40, 0x60, 0x80, 0xA0], ids=["bytes", "text", "list", "object"])
@pytest.mark.parametrize("length", [2**31, 2**40, 2**63 - 1, 2**64 - 1])
def test_a_length_that_is_not_there_takes_no_memory(kind: int, length: int) -> None:
    """It is refused, by less than a megabyte."""
    body = bytes([kind | 27]) + struct.pack(">Q", length) + b"\x00" * 100
    tracemalloc.start()
    with pytest.raises(ValueError, match="."):
        read_cbor(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000


def test_without_the_library_it_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway may send CBOR to somebody who cannot have asked for it."""
    monkeypatch.setitem(sys.modules, "cbor2", None)
    with pytest.raises(ValueError, match=r"ragbridge\[speed\]"):
        read_cbor(b"\xa0")
