"""Texts that are read together, so that NumPy's fixed costs are paid once for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

BATCH = 1 << 17
"""Characters that are read together: enough for fixed costs to vanish, few enough for the processor's cache."""
_BORDER = "\n"
_SURROGATES = re.compile("[\ud800-\udfff]")


class Texts:
    r"""Several texts joined to one, in which each is read as if it stood alone.

    A line feed stands between them. No rule for words or sentences looks across one: what precedes it ends before it
    or with it, and what follows begins anew, combining marks included (Unicode annex 29: WB3a, WB3b, WB4, SB4). The one
    exception is a carriage return before it, which forms one segment with it: so the end of a text is a boundary because
    it is the end of a text, whatever the joined text says.

    Attributes:
        whole: The joined text, without lone surrogates.
        starts: Where each text starts in it.
        stops: Where each text ends in it.
        alone: Whether there is but one text, and nothing beside it.
    """

    __slots__ = ("alone", "starts", "stops", "whole")

    def __init__(self, texts: Sequence[str]) -> None:
        self.alone = len(texts) == 1
        if self.alone:
            self.whole = without_surrogates(texts[0])
            self.starts, self.stops = [0], [len(texts[0])]
            return
        self.whole = without_surrogates(_BORDER.join(texts))
        # The i-th text stands behind i line feeds.
        self.starts = [*accumulate((len(text) + 1 for text in texts[:-1]), initial=0)]
        self.stops = [start + len(text) for start, text in zip(self.starts, texts, strict=True)]

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
        texts.whole, texts.alone = whole, False
        texts.starts = [start for start, _ in edges]
        texts.stops = [end for _, end in edges]
        return texts

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Start and end of each text."""
        return zip(self.starts, self.stops, strict=True)

    def edges(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """``starts`` and ``stops`` as arrays."""
        return np.array(self.starts, dtype=np.int32), np.array(self.stops, dtype=np.int32)

    def floors(self, places: NDArray[np.int32]) -> NDArray[np.int32] | None:
        """Where the text begins that each place lies in, or right behind; None if it is the only one."""
        if self.alone:
            return None
        starts, _ = self.edges()
        return starts[starts.searchsorted(places, side="right") - 1]

    def slices(self, places: NDArray[np.int32]) -> Iterator[tuple[int, int]]:
        """For each text, which of ``places`` lie in it, ascending places that no text has at its start: first and last + 1."""
        if self.alone:
            return iter([(0, len(places))])
        _, stops = self.edges()
        before = places.searchsorted(stops, side="right").tolist()
        return zip([0, *before[:-1]], before, strict=True)


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in their order, as many at once as have ``BATCH`` characters together; a longer one is alone."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > BATCH:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text) + len(_BORDER)
    if batch:
        yield batch


def without_surrogates(text: str) -> str:
    """The text with each lone surrogate replaced by a symbol, since libraries refuse them. Offsets do not change."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text
