"""Rows of vectors: read from answers into one array, checked on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragbridge.errors import ResponseError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.values.embeddings import EmbeddingType

    Vectors: TypeAlias = NDArray[Any]  # float32, or the bytes of a binary type


class Sheet:
    """The one array that all answers of a job are read into; made when the first of them tells its width.

    Args:
        count: Rows of the whole job.
        width: Dimensions expected; None where the model is not known.
        embedding_type: What the numbers are; eight dimensions make a byte of the binary types.
    """

    def __init__(self, count: int, width: int | None, embedding_type: EmbeddingType = "float") -> None:
        self._count = count
        self.embedding_type: EmbeddingType = embedding_type
        self._dtype = np.float32 if embedding_type == "float" else np.uint8
        self._width = width if width is None or embedding_type == "float" else width // 8
        self._vectors: Vectors | None = None
        self._read = bytearray(count)
        self._lock = threading.Lock()

    @property
    def vectors(self) -> Vectors:
        """What was read: (count, dimensions) of float32, or (count, dimensions / 8) of uint8.

        Raises:
            ResponseError: A row has not been read: what stands there is not a vector.
        """
        if (missing := self._read.find(0)) >= 0:
            raise ResponseError(f"the vector of item {missing} was never read")
        if self._vectors is None:
            return np.empty((0, self._width or 0), self._dtype)
        return self._vectors

    def confirm(self, start: int, stop: int) -> None:
        """The rows ``[start:stop]`` have been read and are right."""
        self._read[start:stop] = b"\1" * (stop - start)

    def rows(self, start: int, stop: int, width: int) -> Vectors:
        """The rows ``[start:stop]``, to be written by one answer.

        Raises:
            ResponseError: The answer's vectors are wider or narrower than those of the model, or of another answer.
        """
        with self._lock:
            if self._width is not None and width != self._width:
                unit = "dimensions" if self._dtype is np.float32 else "bytes"
                raise ResponseError(f"vectors have {width} {unit} where {self._width} were expected")
            if self._vectors is None:
                self._width = width
                self._vectors = np.empty((self._count, width), self._dtype)
            return self._vectors[start:stop]

    def leave_out(self, row: int) -> None:
        """There is no vector for ``row``: it holds no numbers (NaN)."""
        if self._vectors is not None:
            self._vectors[row] = np.nan
        self.confirm(row, row + 1)

    def restart(self, count: int) -> None:
        """Forget what was read: the answer has another number of rows than was thought."""
        self._count, self._vectors, self._read = count, None, bytearray(count)


def check_finite(vectors: Vectors, start: int) -> None:
    """Raise ``ResponseError`` where a row holds infinity or what is no number."""
    if not np.isfinite(vectors).all():
        row = start + int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ResponseError(f"the vector of item {row} holds numbers that are not finite")


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
