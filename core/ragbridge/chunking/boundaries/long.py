"""Word boundaries of long blocks: many comparisons of all characters, instead of a look at each.

Each character is read as an ASCII one of its class: ASCII text as it is, other text by a table of stand-ins. Letters and
digits are two ranges then, found by comparisons, which NumPy does for 32 characters at a time; to translate characters to
classes takes it seven times as long. The masks become bits at once, see ``marks``. That is some sixty calls of
NumPy, whatever the length: below ``LONG`` characters ``words.Segments`` is faster.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragbridge.chunking.boundaries.marks import Bits, before, behind, bits, mask, places
from ragbridge.chunking.boundaries.words import LINE_END, Mask, Segments

LONG = 1 << 15
"""Characters from which on this way is the faster one."""


def ascii_segments(block: str) -> Segments:
    """Word boundaries of one block of ASCII text."""
    if len(block) < LONG:
        return Segments(block)
    codes = block.encode("ascii").ljust(padded_length(len(block)), b"\0")
    return LongSegments(block, np.frombuffer(codes, dtype=np.uint8))


def padded_length(length: int) -> int:
    """At least one character more, which is in no word, and as many as ``bits`` needs."""
    return length // 64 * 64 + 64


class LongSegments(Segments):
    """Word boundaries of one long block whose characters need no context."""

    def __init__(self, block: str, codes: NDArray[np.uint8]) -> None:
        """Finds the characters that are inside words; ``codes``: for each an ASCII one of its class, padded."""
        look = _Look(codes)
        letters = look.between("a", "z", folded=True)
        digits = look.between("0", "9")
        words = letters | digits
        if "_" in block:
            underscores = look.any_of("_")
            words |= underscores
            words ^= underscores & ~(before(words) | behind(words))  # alone it is not a word
        # What joins what is before and after it: can't, 3.14.
        words |= look.any_of(".':") & before(letters) & behind(letters)
        words |= look.any_of(".',;") & before(digits) & behind(digits)
        self._block, self._codes, self._words = block, codes, words

    def ends(self) -> NDArray[np.intp]:
        """Where words end, ascending."""
        return places(self.last()) + 1

    def last(self) -> Bits:
        """The last character of every word."""
        return self._words & ~before(self._words)

    def breaks(self) -> Mask:
        """For every place, 0 and the end included: is it a boundary?"""
        spaces = bits(self._codes == ord(" "))
        joined = self._words & behind(self._words)
        joined |= spaces & behind(spaces)
        breaks = mask(~joined, len(self._block) + 1)
        if "\r" in self._block:  # found much faster than "\r\n"
            breaks[[match.start() + 1 for match in LINE_END.finditer(self._block)]] = False
        return breaks


class _Look:
    """Finds characters; in memory that is taken once, since a text is longer than the processor's nearest caches."""

    def __init__(self, codes: NDArray[np.uint8]) -> None:
        self._codes = codes
        self._first, self._second = np.empty_like(codes), np.empty_like(codes)

    def between(self, first: str, last: str, *, folded: bool = False) -> Bits:
        """Those of a range; ``folded``: capitals as if they were small."""
        codes = self._codes
        if folded:  # this bit makes small letters of capitals, and no letter of anything else
            codes = np.bitwise_or(codes, 0x20, out=self._first)
        np.subtract(codes, ord(first), out=self._first)  # what is below the first wraps around
        return bits(np.less_equal(self._first, ord(last) - ord(first), out=self._second.view(np.bool_)))

    def any_of(self, characters: str) -> Bits:
        """Those of a few; twice as fast as comparisons."""
        differences = np.bitwise_xor(self._codes, ord(characters[0]), out=self._first)
        for character in characters[1:]:
            other = np.bitwise_xor(self._codes, ord(character), out=self._second)
            np.minimum(differences, other, out=differences)
        return ~bits(differences)
