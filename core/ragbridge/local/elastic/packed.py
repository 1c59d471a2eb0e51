"""Answers as CBOR, written as Jackson writes them for Elasticsearch: indefinite objects and lists, floats of four bytes.

Vectors are written by NumPy, everything else by ``cbor2``; where that is not installed, the engine answers JSON.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import cbor2

_VECTORS = frozenset({"text_embedding", "embeddings"})
"""Lists of objects whose ``embedding`` holds floats. Other numbers with a fraction are floats where that loses nothing."""
_OBJECT, _LIST, _END = b"\xbf", b"\x9f", b"\xff"
_KEY = b"\x69embedding"


def as_cbor(body: object) -> bytes:
    """``body``, an answer of Elasticsearch's API, as CBOR."""
    import cbor2

    if isinstance(body, dict) and len(body) == 1:
        ((name, rows),) = body.items()
        if name in _VECTORS and isinstance(rows, list) and all(row.keys() == {"embedding"} for row in rows):
            written = (_OBJECT + _KEY + _floats(row["embedding"]) + _END for row in rows)
            return b"".join([_OBJECT, cbor2.dumps(name), _LIST, *written, _END, _END])
    return cbor2.dumps(body, indefinite_containers=True, encoders={float: _write_float})


def _floats(numbers: list[float]) -> bytes:
    packed = np.empty((len(numbers), 5), np.uint8)
    packed[:, 0] = 0xFA
    packed[:, 1:] = np.array(numbers, ">f4").view(np.uint8).reshape(-1, 4)
    return _LIST + packed.tobytes() + _END


def _write_float(encoder: cbor2.CBOREncoder, value: Any) -> None:
    try:
        short = struct.pack(">f", value)
    except OverflowError:
        short = b""
    is_same = bool(short) and struct.unpack(">f", short)[0] == value
    encoder.write(b"\xfa" + short if is_same else b"\xfb" + struct.pack(">d", value))
