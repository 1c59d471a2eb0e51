"""Rows of vectors: read from answers into one array, checked on the way."""

from __future__ import annotations

import sys
import threading
from collections import Counter
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


_CODES: tuple[EmbeddingType, ...] = ("float", "binary", "ubinary", "byte", "bit")
"""What a byte in front of a kept vector says its numbers are. New types come last: caches hold these numbers."""


class Sheet:
    """The one array that all answers of a call are read into, a row for each item. The first answer tells its width.

    The array is handed out only when every row has been confirmed or left out.

    Args:
        count: Rows of the whole call.
        width: Dimensions expected; None where the model is not known.
        embedding_type: What the numbers are; None where the first answer tells.
    """

    def __init__(
        self, count: int, width: int | None = None, embedding_type: EmbeddingType | None = "float"
    ) -> None:
        self._count = count
        self._kind: EmbeddingType | None = embedding_type
        self._marks = embedding_type is None
        self._width = width // 8 if width is not None and embedding_type in _PACKED else width
        self._vectors: Vectors | None = None
        self._read = bytearray(count)
        self._known = False  # whether some rows are from a cache
        self._absent: set[int] = set()
        self._lock = threading.Lock()

    @property
    def embedding_type(self) -> EmbeddingType:
        """What the numbers are: floats where no answer has told."""
        return self._kind or "float"

    @property
    def vectors(self) -> Vectors:
        """All rows, of shape (count, dimensions); (count, dimensions / 8) where they are packed.

        Rows that are left out hold NaN; zeros where the numbers are bytes.

        Raises:
            ResponseError: A row has neither been read nor left out.
        """
        if (missing := self._read.find(0)) >= 0:
            raise ResponseError(f"the vector of item {missing} was never read")
        if self._vectors is None:
            return self._blank(self._count, self._width or 0)
        if self._absent:
            self._vectors[sorted(self._absent)] = self._blank(1, 1)
        return self._vectors

    def only(self, places: Sequence[int]) -> Vectors:
        """The rows at ``places``, which have been read."""
        if self._vectors is None:
            return self._blank(len(places), self._width or 0)
        rows: Vectors = self._vectors[list(places)]
        return rows

    def _blank(self, count: int, width: int) -> Vectors:
        numbers = _NUMBERS[self.embedding_type]
        return np.full((count, width), np.nan if numbers is np.float32 else 0, numbers)

    def write(
        self, places: Sequence[int], rows: Sequence[Any] | Vectors, kind: EmbeddingType | None = None
    ) -> None:
        """Put ``rows`` where ``places`` says, and confirm them.

        Raises:
            ResponseError: They are of several widths, or of another type or width than those of another answer, or hold
                numbers that are not finite.
        """
        vectors = self.rows(places, one_width(rows), kind)
        vectors[:] = rows
        check_finite(vectors, places)
        self.confirm(places, vectors)

    def rows(self, places: Sequence[int], width: int, kind: EmbeddingType | None = None) -> Vectors:
        """An array for the rows at ``places``, to be written by one answer and then confirmed.

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
                those = (
                    f"{self._width} were expected"
                    if not self._known
                    else (
                        f"those in the cache have {self._width}: if the model was changed, tell them apart by cache_version"
                    )
                )
                raise ResponseError(f"vectors have {width} {unit} where {those}")
            if self._vectors is None:
                self._width = width
                self._vectors = np.empty((self._count, width), _NUMBERS[self.embedding_type])
        if _is_run(places):
            return self._vectors[places[0] : places[0] + len(places)]
        return np.empty((len(places), width), self._vectors.dtype)

    def confirm(self, places: Sequence[int], rows: Vectors) -> None:
        """The rows at ``places`` have been read into ``rows``, and are right."""
        if _is_run(places):
            self._read[places[0] : places[0] + len(places)] = b"\1" * len(places)
            return
        if self._vectors is not None:
            self._vectors[list(places)] = rows
        for place in places:
            self._read[place] = 1

    def leave_out(self, place: int) -> None:
        """There is no vector for ``place``."""
        self._absent.add(place)
        self._read[place] = 1

    def restart(self, count: int) -> None:
        """Forget what was read: the answer has another number of rows than was expected."""
        self._count, self._vectors, self._read = count, None, bytearray(count)

    def kept(self, places: Sequence[int]) -> list[bytes]:
        """The rows at ``places`` as a cache has them: their numbers, little-endian; behind a mark where types differ."""
        mark = bytes([_CODES.index(self.embedding_type)]) if self._marks else b""
        rows = self.only(places)
        if sys.byteorder == "big":
            rows = rows.byteswap()
        return [mark + row.tobytes() for row in rows]

    def take(self, places: Sequence[int], values: Sequence[bytes]) -> Sequence[int]:
        """Put what a cache had into the rows at ``places``. Returns those whose value is a vector like the others."""
        # What most of them are: one that is damaged must not decide for the others.
        (size, head), _ = Counter(
            (len(value), value[:1] if self._marks else b"") for value in values
        ).most_common(1)[0]
        kind: EmbeddingType = self.embedding_type
        if self._marks:
            if not head or head[0] >= len(_CODES):
                return ()
            kind = _CODES[head[0]]
        numbers = np.dtype(_NUMBERS[kind]).newbyteorder("<")
        if self._width is not None:
            size = len(head) + self._width * numbers.itemsize
        if size <= len(head) or (size - len(head)) % numbers.itemsize:
            return ()
        alike = [
            (place, value)
            for place, value in zip(places, values, strict=True)
            if len(value) == size and value.startswith(head)
        ]
        if not alike:
            return ()
        taken = [place for place, _ in alike]
        content = b"".join(value[len(head) :] for _, value in alike)
        found = np.frombuffer(content, numbers).reshape(len(taken), -1)
        finite = np.isfinite(found).all(axis=1)
        if not finite.all():
            taken, found = [taken[index] for index in np.flatnonzero(finite)], found[finite]
        if not taken:
            return ()
        rows = self.rows(taken, found.shape[1], kind)
        self._known = True
        rows[:] = found
        self.confirm(taken, rows)
        return taken

    def copy(self, place: int, places: Sequence[int]) -> None:
        """Give the rows at ``places`` what stands in the row at ``place``."""
        if self._vectors is not None:
            self._vectors[list(places)] = self._vectors[place]
        for each in places:
            self._read[each] = 1


def _is_run(places: Sequence[int]) -> bool:
    """Whether ``places`` follow one another. Those of a call that sends all of its items are a range."""
    return isinstance(places, range) and places.step == 1 and len(places) > 0


def check_finite(vectors: Vectors, places: Sequence[int]) -> None:
    """Raise ``ResponseError`` where a row holds infinity or NaN; it names the item at its place."""
    if b"\0" in np.isfinite(vectors).tobytes():  # half the price of NumPy's own reduction
        row = places[int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])]
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
