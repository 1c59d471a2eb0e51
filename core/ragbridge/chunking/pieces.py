"""Pieces of texts between separators: what the strategy ``recursive`` cuts and joins again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from ragbridge.chunking.boundaries.words import Words
from ragbridge.chunking.lines import Lines
from ragbridge.chunking.separators import Budget, Finder
from ragbridge.chunking.texts import Texts

Piece: TypeAlias = tuple[int, int, int]
"""Where a piece starts and ends in the joined text, and its words."""


class Pieces:
    """The pieces of several texts: at first each text is one.

    Attributes:
        short: Those that have no more words than allowed, in any order.
        long: The others.
    """

    def __init__(self, texts: Texts, words: Words, size: int) -> None:
        self.short: list[Piece] = []
        self.long: list[Piece] = []
        self._words, self._size = words, size
        self._lines: Lines | None = None
        self._texts = texts
        for (start, stop), (first, last) in zip(texts, texts.slices(words.ends), strict=True):
            self._add((start, stop, last - first))

    def _add(self, piece: Piece) -> None:
        (self.long if piece[2] > self._size else self.short).append(piece)

    def cut(self, finder: Finder, budget: Budget) -> None:
        """Cuts what is long at a separator, and joins neighbours up to the size."""
        if self._lines is None:
            self._lines = Lines(self._words.text)
        long, self.long = self.long, []
        borders: list[int] = []
        runs: list[tuple[int, int]] = []  # for each piece that is cut, its first and its last border
        for piece in long:
            start, end, _ = piece
            places = [place for place in finder(self._lines, start, end, budget) if start < place < end]
            if not places:
                self.long.append(piece)
                continue
            runs.append((len(borders), len(borders) + len(places) + 1))
            borders += [start, *places, end]
        if runs:
            array = np.array(borders, dtype=np.int32)
            totals = self._words.totals(array, self._texts.floors(array))
            for first, last in runs:
                for piece in _joined(array.data, totals.data, first, last, self._size):
                    self._add(piece)


def _joined(
    borders: Sequence[int], total: Sequence[int], first: int, last: int, size: int
) -> Iterator[Piece]:
    """The pieces between two borders, as many together as fit; ``total``: the words before each border."""
    while first < last:
        # The first piece that no longer fits. A piece that is too long stays alone.
        following = max(bisect_right(total, total[first] + size, first, last + 1) - 1, first + 1)
        yield borders[first], borders[following], total[following] - total[first]
        first = following
