"""CBOR (RFC 8949) as services write it: told from JSON, and read as what JSON could say.

``cbor2`` decodes it (extra ``speed``); without it, nobody asks for CBOR. Everything that JSON has no form for is refused, so
that whoever reads an answer needs to know of one form alone: tags, bytes, keys that are no texts, what stands for "undefined".
"""

from __future__ import annotations

import functools
import io
from typing import Any

PREFIX = b"\xd9\xd9\xf7"
"""The tag that says "this is CBOR" (55799, RFC 8949, 3.4.6), which may stand in front of anything."""

_LARGEST = 64
"""Bits of a number at most: what has more is a tagged one, which no service counts with."""
_SCALARS = frozenset({str, float, bool, type(None)})


_SINCE = (6, 1, 2)
"""The version of ``cbor2``: since 6 it bounds the depth of what it reads and lets the engine write floats, and 6.0.0 reads
objects in lists as something else. 6.1.0 and 6.1.1 panic where a body is cut off."""


@functools.cache
def installed() -> bool:
    """Whether CBOR can be read and written here."""
    from importlib import metadata  # brings the email package

    try:
        version = metadata.version("cbor2")
    except metadata.PackageNotFoundError:
        return False
    numbers = tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())
    return numbers >= _SINCE


def is_cbor(body: bytes | bytearray) -> bool:
    """Whether ``body`` begins as an object or a list in CBOR does. No text in UTF-8 begins so, and so no JSON."""
    return bool(body) and (0x80 <= body[0] <= 0xBF or bytes(body[:3]) == PREFIX)


def read_cbor(body: bytes | bytearray) -> Any:
    """What ``body`` says: dicts with texts as keys, lists, texts, numbers, booleans, None.

    Lengths that it announces cost nothing: ``cbor2`` takes memory for what is there.

    Raises:
        ValueError: It is no CBOR, or not all of it is, or it holds what JSON has no form for; or ``cbor2`` is missing.
    """
    try:
        import cbor2
    except ImportError:
        raise ValueError(
            'it is CBOR, which cannot be read without cbor2: pip install "ragbridge[speed]"'
        ) from None
    source = io.BytesIO(body)
    if bytes(body[:3]) == PREFIX:
        source.seek(3)
    try:
        value = cbor2.load(source)  # leaves `source` where the value ends
    except (cbor2.CBORError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if source.tell() != len(body):
        raise ValueError(f"extra data: byte {source.tell()}")
    _check(value)
    return value


def _check(value: Any) -> None:
    """Raise ``ValueError`` where ``value`` holds something that JSON has no form for, or holds a part of it twice."""
    waiting, seen = [value], set[int]()
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind is dict or kind is list:
            if id(item) in seen:
                raise ValueError("a part of it is shared, which JSON has no form for")
            seen.add(id(item))
            if kind is dict:
                if not set(map(type, item)) <= {str}:
                    raise ValueError("an object has a key that is no text")
                item = item.values()
            waiting += [inner for inner in item if type(inner) not in _SCALARS]
        elif kind is int:
            if (~item if item < 0 else item).bit_length() > _LARGEST:  # CBOR has -1 - n for each n of 64 bits
                raise ValueError(f"a number has {item.bit_length()} bits")
        elif kind not in _SCALARS:
            raise ValueError(f"it holds {kind.__name__}, which JSON has no form for")
