"""Results of a call that are no rows of one array: one object for each item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ragbridge.errors import ResponseError

T = TypeVar("T")


class Results(Generic[T]):
    """The list that all answers of a call are read into.

    Args:
        count: Items of the whole call.
        blank: Stands for an item that has no result.
        encode: Makes bytes of a result, for a cache.
        decode: Reads them; raises ``ValueError`` where they are not what ``encode`` made.
    """

    def __init__(
        self, count: int, blank: T, *, encode: Callable[[T], bytes], decode: Callable[[bytes], T]
    ) -> None:
        self._rows: list[T | None] = [None] * count
        self._blank = blank
        self._encode = encode
        self._decode = decode

    def write(self, places: Sequence[int], rows: Sequence[T]) -> None:
        """Put ``rows`` where ``places`` says."""
        for place, row in zip(places, rows, strict=True):
            self._rows[place] = row

    def restart(self, count: int) -> None:
        """Forget what was read: the answer has another number of rows than was expected."""
        self._rows = [None] * count

    def all(self) -> tuple[T, ...]:
        """All results, in the order of the items.

        Raises:
            ResponseError: One has neither been read nor left out.
        """
        return self.only(range(len(self._rows)))

    def only(self, places: Sequence[int]) -> tuple[T, ...]:
        """The results at ``places``.

        Raises:
            ResponseError: One has neither been read nor left out.
        """
        rows: list[T] = []
        for place in places:
            row = self._rows[place]
            if row is None:
                raise ResponseError(f"the result of item {place} was never read")
            rows.append(row)
        return tuple(rows)

    def leave_out(self, place: int) -> None:
        """There is no result for ``place``."""
        self._rows[place] = self._blank

    def copy(self, place: int, places: Sequence[int]) -> None:
        """Give ``places`` the result at ``place``."""
        for each in places:
            self._rows[each] = self._rows[place]

    def kept(self, places: Sequence[int]) -> list[bytes]:
        """The results at ``places`` as a cache has them."""
        return [self._encode(row) for row in self.only(places)]

    def take(self, places: Sequence[int], values: Sequence[bytes]) -> Sequence[int]:
        """Read what a cache had. Returns the places whose value could be read."""
        taken = []
        for place, value in zip(places, values, strict=True):
            try:
                self._rows[place] = self._decode(value)
            except (ValueError, TypeError, LookupError, ArithmeticError):
                continue
            taken.append(place)
        return taken
