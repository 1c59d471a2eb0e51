"""The encodings of a vector in an answer: the values of ``embedding_type``."""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.local.refusals import Refusal

if TYPE_CHECKING:
    from ragbridge.local.fields import Fields

_NAMES = ("embedding_type", "encoding_format", "encoding_type", "embedding_types")


def read_encoding(fields: Fields) -> Callable[[Any], bytes]:
    """The encoder that the request asks for.

    Raises:
        Refusal: 500 for a list of types, as on the service.
    """
    if isinstance(fields.get(*_NAMES), list):
        raise Refusal(500, "An unexpected error occurred", code="INTERNAL_ERROR", shape="nested")
    return _ENCODERS[fields.choice(*_NAMES, among=tuple(_ENCODERS)) or "float"]


def encoder(name: str) -> Callable[[Any], bytes]:
    """The encoder of one type of vectors."""
    return _ENCODERS[name]


def _float(vector: Any) -> bytes:
    return json.dumps(vector.astype(np.float64).round(8).tolist()).encode()


def _base64(vector: Any) -> bytes:
    return b'"%b"' % b2a_base64(vector.astype("<f4", copy=False).tobytes(), newline=False)


def _ubinary(vector: Any) -> bytes:
    return json.dumps(np.packbits(vector > 0).tolist()).encode()


def _binary(vector: Any) -> bytes:
    """``ubinary`` minus 128, most significant bit first (measured on the hosted service)."""
    return json.dumps((np.packbits(vector > 0).astype(np.int16) - 128).tolist()).encode()


_ENCODERS: Mapping[str, Callable[[Any], bytes]] = {
    "float": _float,
    "base64": _base64,
    "binary": _binary,
    "ubinary": _ubinary,
}
