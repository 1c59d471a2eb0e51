"""Vectors in documents: NumPy arrays of floats, written as base64 or as JSON, without Python's floats in between.

As base64 a vector of 1,024 is 5.5 KB and 20 us, as JSON 21 KB and a millisecond (2026-11-29). Elasticsearch takes it for
``dense_vector`` fields since 9.3: float32, big-endian (elastic/elasticsearch#137072; ``pack_dense_vector`` of its clients). In any
other field it would be a text, so what is written as base64 is decided by the field, see ``packing``.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ragbridge.ground.records import dataclass
from ragbridge.services.elastic.encoding import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector: TypeAlias = NDArray[Any]  # of one dimension, finite floats

Takes: TypeAlias = "Callable[[str | None, Vector], bool]"
"""Whether the field at a path (names joined by dots; None: not known) takes an array as base64."""

_MARK = secrets.token_hex(16)
"""Stands for an array while the document around it is written. No text of a caller's holds it."""
_GAP = re.compile(f'"{_MARK}"'.encode())
_WIDEST = 8
"""Bytes of a float at most: longer ones have no form in JSON."""


def _base64() -> Callable[[bytes], bytes]:
    try:
        import pybase64
    except ImportError:  # extra speed
        return base64.b64encode
    return pybase64.b64encode  # type: ignore[no-any-return,unused-ignore]


def _number_writer() -> Callable[[Any], bytes]:
    """Writes an array of doubles as a JSON list: the same numbers with orjson and without."""
    try:
        import orjson
    except ImportError:  # extra speed
        return lambda array: json.dumps(array.tolist(), separators=(",", ":")).encode()
    return lambda array: orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)


_encode = _base64()
_write = _number_writer()


@dataclass(frozen=True, slots=True)
class Draft:
    """A document as JSON, with gaps where its vectors go.

    Attributes:
        parts: What stands around the vectors: one more than there are vectors.
        vectors: The arrays, each with the path of its field.
    """

    parts: tuple[bytes, ...]
    vectors: tuple[tuple[str | None, Vector], ...] = ()

    def written(self, takes: Takes) -> bytes:
        """The document, its vectors as base64 where ``takes`` says so."""
        if not self.vectors:
            return self.parts[0]
        found = [self.parts[0]]
        for (path, vector), part in zip(self.vectors, self.parts[1:], strict=True):
            packed = _packed(vector) if takes(path, vector) else None
            found += [_write(_doubles(vector)) if packed is None else packed, part]
        return b"".join(found)

    def content(self) -> Iterator[bytes]:
        """What the document says, however its vectors are written and whichever floats they are."""
        yield from self.parts
        for _, vector in self.vectors:
            yield _content(vector)


def draft(document: Mapping[str, Any], *, name: str) -> Draft:
    """``document`` as JSON, but for its NumPy arrays of floats.

    Args:
        document: The caller's.
        name: What the caller knows it by.

    Raises:
        ConfigurationError: It holds something that JSON has no form for.
    """
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return Draft((encode(document, name=name),))
    held: list[Vector] = []

    def hold(value: Any) -> str | None:
        if type(value) is not numpy.ndarray or not _is_vector(value) or not numpy.isfinite(value).all():
            return None
        held.append(value)
        return _MARK

    body = encode(document, name=name, hold=hold)
    if not held:
        return Draft((body,))
    paths: dict[int, str | None] = {}
    for path, vector in _arrays(document, ""):
        paths[id(vector)] = path if paths.get(id(vector), path) == path else None
    return Draft(tuple(_GAP.split(body)), tuple((paths.get(id(vector)), vector) for vector in held))


def _is_vector(value: Vector) -> bool:
    return value.ndim == 1 and value.dtype.kind == "f" and value.dtype.itemsize <= _WIDEST and value.size > 0


def _floats(vector: Vector, order: str) -> tuple[Vector, bool]:
    """``vector`` as float32 of a byte order, and whether every number is still the same."""
    import numpy as np

    if vector.dtype.itemsize <= 4:
        return vector.astype(f"{order}f4"), True
    with np.errstate(over="ignore"):
        floats = vector.astype(f"{order}f4")
    return floats, bool((floats == vector).all())


def _packed(vector: Vector) -> bytes | None:
    """``vector`` as a JSON text; None where a number is too large for float32."""
    import numpy as np

    floats, is_same = _floats(vector, ">")
    if not is_same and not np.isfinite(floats).all():
        return None
    return b'"%b"' % _encode(floats.tobytes())


def _content(vector: Vector) -> bytes:
    """The numbers, the same for floats of any size that hold them."""
    floats, is_same = _floats(vector, "<")
    return (floats if is_same else vector.astype("<f8")).tobytes()


def _doubles(vector: Vector) -> Vector:
    """``vector`` as orjson takes it: in one piece, and as the floats that Python would write."""
    import numpy as np

    return np.ascontiguousarray(vector, np.float64)


def _arrays(value: Any, path: str) -> Iterator[tuple[str, Vector]]:
    """The arrays in a document and the paths of their fields, through objects and lists of objects."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _arrays(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            if isinstance(inner, Mapping):
                yield from _arrays(inner, path)
    elif type(value) is sys.modules["numpy"].ndarray:
        yield path, value
