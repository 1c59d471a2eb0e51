"""A text and its line feeds, found once for all separators that begin with one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LINE_FEED = 10


class Lines:
    """A text in which separators are looked for.

    Attributes:
        text: The text.
    """

    __slots__ = ("_before", "_found", "_runs", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._found: tuple[NDArray[np.int32], NDArray[np.unsignedinteger]] | None = None
        self._before: dict[str, memoryview[int]] = {}
        self._runs: dict[int, memoryview[int]] = {}

    def _feeds(self) -> tuple[NDArray[np.int32], NDArray[np.unsignedinteger]]:
        """The line feeds, and the character after each; a line feed at the end is followed by itself."""
        if self._found is None:
            units = _units(self.text)
            feeds = (units == _LINE_FEED).nonzero()[0].astype(np.int32)
            self._found = feeds, units.take(feeds + 1, mode="clip") if units.size else units
        return self._found

    def before(self, character: str, start: int, end: int) -> Sequence[int]:
        """The line feeds between two places that this character may follow, ascending."""
        if character not in self._before:
            feeds, following = self._feeds()
            self._before[character] = feeds[following == ord(character)].data
        return _between(self._before[character], start, end)

    def runs(self, length: int, start: int, end: int) -> Sequence[int]:
        """Where runs of exactly so many line feeds begin between two places, neither of which is inside a run."""
        if length not in self._runs:
            feeds, _ = self._feeds()
            firsts = np.flatnonzero(np.diff(feeds, prepend=-2) != 1)
            lengths = np.diff(firsts, append=len(feeds))
            self._runs[length] = feeds[firsts[lengths == length]].data
        return _between(self._runs[length], start, end)


def _between(places: memoryview[int], start: int, end: int) -> Sequence[int]:
    first = bisect_left(places, start)
    return places[first : bisect_left(places, end, first)].tolist()


def _units(text: str) -> NDArray[np.unsignedinteger]:
    """The text's characters as numbers."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) == 2 * len(text):
        return np.frombuffer(units, dtype=np.uint16)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
