"""Rows of vectors: read from answers into one array, checked on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence, Sized
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np

from ragbridge.errors import ResponseError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.values.embeddings import EmbeddingType

    Vectors: TypeAlias = NDArray[Any]  # float32, or bytes

_NUMBERS: dict[EmbeddingType, Any] = {
    "float": np.float32,
    "binary": np.uint8,
    "ubinary": np.uint8,
    "byte": np.int8,
    "bit": np.int8,
}
_PACKED = frozenset({"binary", "ubinary", "bit"})
"""Types that pack eight dimensions into a byte."""


class Sheet:
    """The one array that all answers of a job are read into. The first answer tells its width.

    The array is handed out only when every row has been confirmed.

    Args:
        count: Rows of the whole job.
        width: Dimensions expected; None where the model is not known.
        embedding_type: What the numbers are; None where the first answer tells.
    """

    def __init__(
        self, count: int, width: int | None = None, embedding_type: EmbeddingType | None = "float"
    ) -> None:
        self._count = count
        self._kind: EmbeddingType | None = embedding_type
        self._width = width // 8 if width is not None and embedding_type in _PACKED else width
        self._vectors: Vectors | None = None
        self._read = bytearray(count)
        self._lock = threading.Lock()

    @property
    def embedding_type(self) -> EmbeddingType:
        """What the numbers are: floats where no answer has told."""
        return self._kind or "float"

    @property
    def vectors(self) -> Vectors:
        """All rows, of shape (count, dimensions); (count, dimensions / 8) where they are packed.

        Raises:
            ResponseError: A row has not been read.
        """
        if (missing := self._read.find(0)) >= 0:
            raise ResponseError(f"the vector of item {missing} was never read")
        if self._vectors is None:
            return np.empty((0, self._width or 0), _NUMBERS[self.embedding_type])
        return self._vectors

    def write(self, start: int, rows: Sequence[Any] | Vectors, kind: EmbeddingType | None = None) -> None:
        """Put ``rows`` into their place, from the item ``start`` on, and confirm them.

        Raises:
            ResponseError: They are of several widths, or of another type or width than those of another answer, or hold
                numbers that are not finite.
        """
        stop = start + len(rows)
        vectors = self.rows(start, stop, one_width(rows), kind)
        vectors[:] = rows
        check_finite(vectors, start)
        self.confirm(start, stop)

    def rows(self, start: int, stop: int, width: int, kind: EmbeddingType | None = None) -> Vectors:
        """The rows ``[start:stop]``, to be written by one answer and then confirmed.

        Raises:
            ResponseError: The answer's vectors have another type or width than those of the model, or of another answer.
        """
        with self._lock:
            if kind is not None:
                self._kind = self._kind or kind
                if kind != self._kind:
                    raise ResponseError(f"{kind} vectors where {self._kind} vectors were expected")
            if self._width is not None and width != self._width:
                unit = "dimensions" if self.embedding_type == "float" else "bytes"
                raise ResponseError(f"vectors have {width} {unit} where {self._width} were expected")
            if self._vectors is None:
                self._width = width
                self._vectors = np.empty((self._count, width), _NUMBERS[self.embedding_type])
            return self._vectors[start:stop]

    def confirm(self, start: int, stop: int) -> None:
        """The rows ``[start:stop]`` have been read and are right."""
        self._read[start:stop] = b"\1" * (stop - start)

    def leave_out(self, row: int) -> None:
        """There is no vector for ``row``: it holds no numbers (NaN)."""
        if self._vectors is not None:
            self._vectors[row] = np.nan
        self.confirm(row, row + 1)

    def restart(self, count: int) -> None:
        """Forget what was read: the answer has another number of rows than was expected."""
        self._count, self._vectors, self._read = count, None, bytearray(count)


def check_finite(vectors: Vectors, start: int) -> None:
    """Raise ``ResponseError`` where a row holds infinity or NaN."""
    if not np.isfinite(vectors).all():
        row = start + int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ResponseError(f"the vector of item {row} holds numbers that are not finite")


def one_width(rows: Iterable[Sized], of: str = "vectors of one answer have") -> int:
    """The width that all of ``rows`` have.

    Raises:
        ResponseError: They have several, or none.
    """
    widths = {len(row) for row in rows}
    if len(widths) != 1 or widths == {0}:
        raise ResponseError(f"{of} the widths {sorted(widths)}")
    return widths.pop()


def floats_of(value: object, name: str) -> Vectors:
    """One vector of float32, from a list of numbers.

    Args:
        value: What stands in the answer.
        name: What an error calls it.

    Raises:
        ResponseError: It is something else, empty, or holds numbers that are not finite.
    """
    if not is_numbers(value) or not value:
        raise ResponseError(f"{name} is no list of numbers")
    try:
        with np.errstate(over="ignore"):
            vector = np.array(value, np.float32)
    except OverflowError:
        vector = np.array([np.inf], np.float32)
    if not np.isfinite(vector).all():
        raise ResponseError(f"{name} holds numbers that are not finite")
    return vector


def is_numbers(value: object) -> TypeGuard[list[float]]:
    """Whether ``value`` is a list of numbers, of which booleans are none."""
    return isinstance(value, list) and set(map(type, value)) <= {int, float}
