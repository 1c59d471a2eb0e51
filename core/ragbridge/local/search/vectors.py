"""Dense vectors as documents bring them: lists of numbers, base64 of floats, hexadecimal digits of bytes.

Source: ``DenseVectorFieldMapper``, 9.5. Strings of base64 (float32, big-endian) are taken from 9.3 on.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.local.search.types import MOST_DIMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.local.search.mapping import Field

UNIT = 1e-4
"""How far the squared length of a vector may be from 1 with ``dot_product``."""


def dense(field: Field, value: Any, document: str) -> NDArray[np.float32]:
    """A ``dense_vector``, of shape (dims,); bits are unpacked to 0 and 1.

    Args:
        field: The field; its ``dims`` may still be unknown.
        value: As it was sent.
        document: The document, for sentences: ``document with id '1'``.

    Raises:
        ValueError: The value is no such vector. The message is Elasticsearch's.
    """
    element = field.parameters.get("element_type", "float")
    numbers = _numbers(field, element, value)
    if element == "bit":
        numbers = np.unpackbits(numbers.astype(np.int8).view(np.uint8)).astype(np.float32)
    dims = field.parameters.get("dims")
    if dims is not None and len(numbers) != dims:
        more = (
            "more dimensions" if len(numbers) > dims else f"a different number of dimensions [{len(numbers)}]"
        )
        raise ValueError(
            f"The [{field.type}] field [{field.path}] in doc [{document}] has {more} than defined in the mapping [{dims}]"
        )
    if not 1 <= len(numbers) <= MOST_DIMS * (8 if element == "bit" else 1):
        raise ValueError(
            f"The number of dimensions should be in the range [1, {MOST_DIMS}] but was [{len(numbers)}]"
        )
    if element != "bit":
        check_length(numbers, str(field.parameters.get("similarity", "cosine")), element)
    return numbers


def rank_vectors(field: Field, value: Any, document: str) -> NDArray[np.float32]:
    """A ``rank_vectors``, of shape (vectors, dims).

    Raises:
        ValueError: The value is no list of such vectors.
    """
    if isinstance(value, np.ndarray):
        value = list(value)
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(row, list | str | np.ndarray) for row in value)
    ):
        raise ValueError(
            f"The [{field.type}] field [{field.path}] in doc [{document}] must be a list of vectors"
        )
    element = field.parameters.get("element_type", "float")
    rows = [_numbers(field, element, row) for row in value]
    dims = field.parameters.get("dims") or len(rows[0])
    if any(len(row) != dims for row in rows):
        raise ValueError(
            f"The [{field.type}] field [{field.path}] in doc [{document}] has vectors of other widths than [{dims}]"
        )
    return np.stack(rows)


def as_sent(field: Field, numbers: NDArray[np.float32]) -> NDArray[np.float32] | NDArray[np.int8]:
    """The numbers that a document shows: bytes as whole numbers, bits as bytes of eight."""
    element = field.parameters.get("element_type", "float")
    if element == "bit":
        return np.packbits(numbers.astype(np.uint8), axis=-1).view(np.int8)
    return numbers.astype(np.int8) if element == "byte" else numbers


def check_length(numbers: NDArray[np.float32], similarity: str, element: str = "float") -> None:
    """Refuse vectors that a similarity cannot compare.

    Raises:
        ValueError: A zero vector with ``cosine``, or one that is not of unit length with ``dot_product``.
    """
    square = float(np.dot(numbers, numbers))
    if similarity == "cosine" and square == 0:
        reason = "does not support vectors with zero magnitude"
    elif similarity == "dot_product" and element in {"float", "bfloat16"} and abs(square - 1) > UNIT * 10:
        reason = "can only be used with unit-length vectors"
    else:
        return
    preview = ", ".join(str(number) for number in numbers[:5]) + (", ..." if len(numbers) > 5 else "")
    raise ValueError(f"The [{similarity}] similarity {reason}. Preview of invalid vector: [{preview}]")


def _numbers(field: Field, element: str, value: Any) -> NDArray[np.float32]:
    """The numbers of a vector, checked one by one."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float32)
    numbers = _decoded(field, element, value) if isinstance(value, str) else _listed(field, value)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        names = {"nan": "NaN", "inf": "infinite", "-inf": "infinite"}
        found = str(numbers[bad[0]])
        raise ValueError(
            f"element_type [{element}] vectors do not support {names[found]} values but found [{found}] at dim [{bad[0]}];"
        )
    if element in {"byte", "bit"}:
        bad = np.flatnonzero((numbers != np.rint(numbers)) | (numbers < -128) | (numbers > 127))
        if len(bad):
            raise ValueError(
                f"element_type [{element}] vectors only support integers between [-128, 127] but found "
                f"[{numbers[bad[0]]:g}] at dim [{bad[0]}];"
            )
    if element == "bfloat16":
        bits = numbers.view(np.uint32)
        numbers = ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)
    return numbers


def _listed(field: Field, value: Any) -> NDArray[np.float32]:
    if not isinstance(value, list) or not all(type(number) in {int, float} for number in value):
        raise ValueError(
            f"The [{field.type}] field [{field.path}] takes a list of numbers or a string of base64"
        )
    with np.errstate(over="ignore"):
        return np.array(value, dtype=np.float32)


def _decoded(field: Field, element: str, value: str) -> NDArray[np.float32]:
    """Base64 of big-endian float32, or of bytes; hexadecimal digits of bytes."""
    dims = field.parameters.get("dims")
    try:
        if element in {"byte", "bit"}:
            count = None if dims is None else dims // (8 if element == "bit" else 1)
            digits = count is None or len(value) == 2 * count
            content = bytes.fromhex(value) if digits else binascii.a2b_base64(value, strict_mode=True)
            return np.frombuffer(content, np.int8).astype(np.float32)
        content = binascii.a2b_base64(value, strict_mode=True)
        if element == "bfloat16" and dims is not None and len(content) == 2 * dims:
            return (np.frombuffer(content, ">u2").astype(np.uint32) << 16).view(np.float32)
        return np.frombuffer(content, ">f4").astype(np.float32)
    except ValueError as error:
        raise ValueError(f"failed to parse vector of field [{field.path}]: {error}") from error
