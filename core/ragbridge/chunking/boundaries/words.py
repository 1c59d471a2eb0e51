"""Word boundaries of a text, and how Elasticsearch counts words between two places (``countWords``, ``skipWords``).

Offsets are code points. A *boundary* is a place where ICU's word iterator stops: 0, the end, and every end of a
segment. A *word* is a segment with a rule status other than 0: letters, digits, kana, ideographs, but no white
space, no punctuation, no symbol. See Unicode annex 29; ICU 78.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragbridge.chunking.boundaries.characters import (
    DIGIT,
    LAST_CLASS,
    LETTER,
    MID_ANY,
    MID_LETTER,
    MID_NUMBER,
    SPACE,
    UNDERSCORE,
    latin_classes,
)
from ragbridge.chunking.boundaries.marks import Bits, bits

Offsets: TypeAlias = NDArray[np.int32]
"""Offsets in a text. 32 bits need half the memory of 64, and suffice for texts below 2 GB."""
Mask: TypeAlias = NDArray[np.bool_]

BLOCK = 1 << 17
"""Characters in one block: small enough for the temporaries to stay in the processor's cache."""
_SAFE = re.compile(r"[ \n][A-Za-z0-9]")
"""Between these two there is a boundary in every context, so a text may be cut there without changing another."""
LINE_END = re.compile("\r\n")


@cache
def _joins() -> Mask:
    """Which characters between two others join them, by the classes of left, middle and right."""
    joins = np.zeros((LAST_CLASS + 1,) * 3, dtype=np.bool_)
    joins[LETTER, [MID_ANY, MID_LETTER], LETTER] = True
    joins[DIGIT, [MID_ANY, MID_NUMBER], DIGIT] = True
    return joins


class Segments:
    """Word boundaries of one block whose characters need no context: every ASCII text."""

    def __init__(self, block: str) -> None:
        # One character of padding on both sides, so that no rule has to ask for the edges.
        codes = f"\0{block}\0".encode("latin-1").translate(latin_classes())
        self._judge(block, np.frombuffer(codes, dtype=np.uint8))

    def _judge(self, block: str, codes: NDArray[np.uint8]) -> None:
        """Finds the characters that are inside words; ``codes`` are padded."""
        inside = codes >= UNDERSCORE
        middle = codes[1:-1] <= MID_NUMBER
        middle &= inside[:-2]
        middle &= inside[2:]
        left = middle.nonzero()[0]
        if left.size:
            inside[1:][left] = _joins()[codes[left], codes[1:][left], codes[2:][left]]
        if "_" in block:  # alone it is not a word
            kept = codes[1:-1] != UNDERSCORE
            kept |= inside[:-2]
            kept |= inside[2:]
            inside[1:-1] &= kept
        self._block, self._codes, self._inside = block, codes, inside

    def ends(self) -> NDArray[np.intp]:
        """Where words end, ascending."""
        return (self._inside[:-1] > self._inside[1:]).nonzero()[0]

    def last(self) -> Bits:
        """The last character of every word."""
        last = np.zeros(len(self._block) // 64 * 64 + 64, dtype=np.bool_)
        last[self.ends() - 1] = True
        return bits(last)

    def breaks(self) -> Mask:
        """For every place, 0 and the end included: is it a boundary?"""
        joined = self._inside[:-1] & self._inside[1:]
        spaces = self._codes == SPACE
        joined |= spaces[:-1] & spaces[1:]
        if "\r" in self._block:  # found much faster than "\r\n"
            joined[[match.start() + 1 for match in LINE_END.finditer(self._block)]] = True
        return ~joined


Segmenter: TypeAlias = Callable[[str], Segments]


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """The text in blocks of about ``BLOCK`` characters, cut where that changes no boundary, and their offsets."""
    start = 0
    while len(text) - start > 2 * BLOCK:
        cut = _SAFE.search(text, start + BLOCK)
        if cut is None:
            break
        yield start, text[start : cut.start() + 1]
        start = cut.start() + 1
    yield start, text[start:]


def word_ends(text: str, segmenter: Segmenter = Segments) -> Offsets:
    """Where words end, ascending: all that the word strategy needs."""
    return _concatenate([_moved(segmenter(block).ends(), offset) for offset, block in blocks(text)])


def _moved(ends: NDArray[np.intp], offset: int) -> Offsets:
    moved = ends.astype(np.int32)
    if offset:
        moved += offset
    return moved


def _concatenate(parts: list[Offsets]) -> Offsets:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


class Words:
    """Words and boundaries of a whole text, or of several that are joined.

    Attributes:
        text: The text.
        ends: Where words end, ascending.
    """

    def __init__(
        self, text: str, segmenter: Segmenter = Segments, stops: Sequence[int] | Offsets = ()
    ) -> None:
        """Reads the text.

        Args:
            text: The text.
            segmenter: Finds the boundaries of a block.
            stops: Where the texts end that are joined in it: boundaries, whatever follows.
        """
        self.text = text
        ends = []
        self._breaks = np.empty(len(text) + 1, dtype=np.bool_)
        for offset, block in blocks(text):
            segments = segmenter(block)
            ends.append(_moved(segments.ends(), offset))
            self._breaks[offset : offset + len(block) + 1] = segments.breaks()
        self.ends = _concatenate(ends)
        if len(stops):
            self.stop_at(stops)

    def stop_at(self, stops: Sequence[int] | Offsets) -> None:
        """Make boundaries of these places: there end texts that are read alone."""
        self._breaks[np.asarray(stops, dtype=np.intp)] = True

    def totals(self, borders: Offsets, floors: Offsets | None = None) -> NDArray[np.int64]:
        r"""Words before each border, where those from one border to the next are counted by ``countWords``.

        These are the words that end in ``start <= end <= stop``, and often one more: Elasticsearch goes back to
        the boundary before ``start``; where that boundary ends a word, the word is counted again. It happens where
        one separator stands between: "First line\nSecond line" has 2 + 3 words.

        Args:
            borders: Offsets in the text.
            floors: Where the text of each border begins, if several are joined: no word that ends there or before is counted.
        """
        totals = np.zeros(len(borders), dtype=np.int64)
        if not self.ends.size:
            return totals
        first = self.ends.searchsorted(borders)
        at = self.ends.take(first, mode="clip") == borders  # does a word end right there?
        counts = first[1:] + at[1:]
        counts -= first[:-1]
        again = self._counted_again(borders, first)
        if floors is not None:
            counts -= (at & (borders == floors))[:-1]
            again &= self.ends[first - 1] > floors
        counts += again[:-1]
        counts.cumsum(out=totals[1:])
        return totals

    def _counted_again(self, starts: Offsets, first: NDArray[np.intp]) -> Mask:
        """Is the boundary strictly before each start the end of a word? ``first``: words that end before it."""
        # If no word ends before a start, -1 selects the last word, which ends beyond it: harmless.
        following = self.ends[first - 1] + 1
        again: Mask = following == starts
        clear = self._breaks.take(following, mode="clip")
        clear |= again
        doubtful = (~clear).nonzero()[0]
        if doubtful.size:
            # Rare: a segment of several characters (spaces) stands between the word and the start.
            doubtful = doubtful[first[doubtful] > 0]
            ends = self.ends[first[doubtful] - 1].tolist()
            stops = {end: self._after(end) for end in set(ends)}
            again[doubtful] = [stops[end] >= start for end, start in zip(ends, starts[doubtful], strict=True)]
        return again

    def skip(self, start: int, number: int, floor: int = 0) -> int:
        """``skipWords``: the boundary after the segment that follows the ``number``-th word from ``start`` on.

        For 0 it is the boundary before ``start``. A word that ends at that boundary is counted, as in ``totals``. The
        text that holds ``start`` begins at ``floor``.
        """
        if number == 0:
            return self.before(start, floor)
        first = self.ends.searchsorted(np.int32(start))
        index = int(first) + number - 1
        if start > floor and self.ends.size:
            index -= int(self._counted_again(np.array([start], dtype=np.int32), np.array([first]))[0])
        return self._after(int(self.ends[index])) if index < len(self.ends) else len(self._breaks) - 1

    def before(self, start: int, floor: int = 0) -> int:
        """The last boundary before ``start``; ``floor``, where the text begins, if there is none."""
        reach = 64
        while start > floor:
            low = max(floor, start - reach)
            breaks = np.flatnonzero(self._breaks[low:start])
            if breaks.size:
                return low + int(breaks[-1])
            reach *= 8
        return floor

    def _after(self, place: int) -> int:
        """The first boundary after ``place``; the end if there is none."""
        rest = self._breaks[place + 1 :]
        return place + 1 + int(np.argmax(rest)) if rest.size else place
