"""Texts that are read together, so that NumPy's fixed costs are paid once for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragbridge.errors import ConfigurationError

_Edges: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32]]
BATCH = 1 << 18
"""Characters that are read together: enough for fixed costs to vanish, few enough for memory."""
_NOWHERE = np.empty(0, dtype=np.intp)
_BORDER = "\n"
_SURROGATES = re.compile("[\ud800-\udfff]")

Units: TypeAlias = NDArray[np.unsignedinteger]
"""The characters of a text as numbers: of 8 bits if all are ASCII, else of 16, or of 32 where there are emoji."""


def units_of(text: str) -> Units:
    """The characters of a text as numbers; lone surrogates are characters, too."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) == 2 * len(text):
        return np.frombuffer(units, dtype="<u2")
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


class Texts:
    r"""Several texts joined to one, in which each is read as if it stood alone.

    A line feed stands between them. No rule for words or sentences looks across one: what precedes it ends before it
    or with it, and what follows begins anew, combining marks included (Unicode annex 29: WB3a, WB3b, WB4, SB4). The one
    exception is a carriage return before it, which forms one segment with it: so the end of a text is a boundary because
    it is the end of a text, whatever the joined text says.

    Attributes:
        joined: The joined text.
        alone: Whether there is but one text, and nothing beside it.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.alone = len(texts) == 1
        if self.alone:
            self.joined = texts[0]
            return
        self.joined = _BORDER.join(texts)
        sizes = np.fromiter(map(len, texts), dtype=np.int32, count=len(texts))
        # The i-th text stands behind i line feeds.
        stops = sizes.cumsum(dtype=np.int32) + np.arange(len(texts), dtype=np.int32)
        self.edges = stops - sizes, stops

    @classmethod
    def within(cls, whole: str, edges: Sequence[tuple[int, int]]) -> Texts | None:
        """Parts of a text as texts of their own, without a copy; None where one might be read in another way alone.

        A part that has a line feed at both its ends, inside or outside, has the words and sentences that it would have
        alone: what is true of the line feed between texts is true of these.
        """
        for start, end in edges:
            if start and _BORDER not in whole[start - 1 : start + 1]:
                return None
            if end < len(whole) and whole[end] != _BORDER:
                return None
        texts = cls.__new__(cls)
        texts.joined, texts.alone = whole, False
        starts, stops = np.array(edges, dtype=np.int32).reshape(-1, 2).T
        texts.edges = starts, stops
        return texts

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Start and end of each text."""
        if self.alone:
            return iter([(0, len(self.joined))])
        return zip(self.starts.tolist(), self.stops.tolist(), strict=True)

    @cached_property
    def edges(self) -> _Edges:
        """Where each text starts in the joined text, and where it ends."""
        return np.zeros(1, dtype=np.int32), np.array([len(self.joined)], dtype=np.int32)

    @property
    def starts(self) -> NDArray[np.int32]:
        """Where each text starts in the joined text."""
        return self.edges[0]

    @property
    def stops(self) -> NDArray[np.int32]:
        """Where each text ends in it."""
        return self.edges[1]

    @property
    def whole(self) -> str:
        """The joined text, without lone surrogates."""
        return without_surrogates(self.joined)

    def wide(self) -> NDArray[np.intp]:
        """Places of the characters that UTF-16 writes as two units, ascending."""
        if self.joined.isascii():
            return _NOWHERE
        units = units_of(self.joined)
        return np.flatnonzero(units > 0xFFFF) if units.itemsize > 2 else _NOWHERE

    def floors(self, places: NDArray[np.int32]) -> NDArray[np.int32] | None:
        """Where the text begins that each place lies in, or right behind; None if it is the only one."""
        if self.alone:
            return None
        return self.starts[self.starts.searchsorted(places, side="right") - 1]

    def slices(self, places: NDArray[np.int32]) -> Iterator[tuple[int, int]]:
        """For each text, which of ``places`` lie in it, ascending places that no text has at its start: first and last + 1."""
        if self.alone:
            return iter([(0, len(places))])
        before = places.searchsorted(self.stops, side="right").tolist()
        return zip([0, *before[:-1]], before, strict=True)


def batches(documents: Iterable[str], most: int = 0) -> Iterator[list[str]]:
    """Documents in their order, as many at once as have ``most`` characters together (0: ``BATCH``); a longer one is alone.

    Raises:
        ConfigurationError: One is no str; the message names its index.
    """
    most = most or BATCH
    batch: list[str] = []
    size = 0
    for index, document in enumerate(documents):
        if not isinstance(document, str):
            raise ConfigurationError(f"documents[{index}] is {type(document).__name__}, not str")
        length = len(document) + 1  # the border that follows
        size += length
        if size > most and batch:
            yield batch
            batch, size = [], length
        batch.append(document)
    if batch:
        yield batch


def without_surrogates(text: str) -> str:
    """The text with each lone surrogate replaced by a symbol, since libraries refuse them. Offsets do not change."""
    if text.isascii():
        return text
    try:
        text.encode("utf-16-le")  # twice as fast as UTF-8
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text
