"""Marks on the characters of a text, one bit each: set together, counted, and found by their number.

A text of 5,000 characters has some 800 words, and the word strategy wants to know where ten of them end. A list of all ends
takes NumPy longer than finding them does; eight marks in a byte are counted at once, and only the words of 64
bits that hold a wanted one are looked at. Masks of bytes cost eight times as much to combine.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bits: TypeAlias = NDArray[np.uint64]
"""A bit for each character, the lowest first; at least one more, which is 0, behind the last."""
_WORD = np.dtype("<u8")
_ONE, _HIGHEST = np.uint64(1), np.uint64(63)


def bits(mask: NDArray[Any]) -> Bits:
    """The mask as bits: what is not 0 is marked. Its length is a multiple of 64, and its last item is 0."""
    return np.packbits(mask, bitorder="little").view(_WORD)


def mask(marked: Bits, length: int) -> NDArray[np.bool_]:
    """The marks of ``length`` characters, each as a byte again."""
    return np.unpackbits(marked.view(np.uint8), count=length, bitorder="little").view(np.bool_)


def before(marked: Bits) -> Bits:
    """Which characters stand right before a marked one."""
    moved = marked >> _ONE
    moved[:-1] |= marked[1:] << _HIGHEST
    return moved


def behind(marked: Bits) -> Bits:
    """Which characters stand right behind a marked one."""
    moved = marked << _ONE
    moved[1:] |= marked[:-1] >> _HIGHEST
    return moved


def places(marked: Bits) -> NDArray[np.intp]:
    """The places of all marks, ascending."""
    octets = marked.view(np.uint8)
    some = (octets != 0).nonzero()[0]  # NumPy is slow to find what is not 0 among numbers
    if 8 * some.size > octets.size:
        return np.unpackbits(octets, bitorder="little").view(np.bool_).nonzero()[0]
    # Where marks are rare, only the bytes that have one are looked at.
    found = np.unpackbits(octets[some], bitorder="little").view(np.bool_).nonzero()[0]
    at: NDArray[np.intp] = (some << 3)[found >> 3] + (found & 7)
    return at


class Marks:
    """Marks that can be counted, and found by their number."""

    __slots__ = ("_bits", "_totals")

    def __init__(self, marked: Bits) -> None:
        self._bits = marked
        # The marks before each word of 64 bits, and all.
        self._totals = np.zeros(len(marked) + 1, dtype=np.int32)
        _ones(marked).cumsum(out=self._totals[1:])

    def __len__(self) -> int:
        return int(self._totals[-1])

    def before(self, places: NDArray[np.int32]) -> NDArray[np.int32]:
        """How many marks stand before each place."""
        words = places >> 6
        below = self._bits[words] & ~(~np.uint64(0) << (places & 63).astype(np.uint64))
        totals: NDArray[np.int32] = self._totals[words] + _ones(below)
        return totals

    def find(self, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
        """Where the marks of these numbers stand; the first has the number 0."""
        words = self._totals.searchsorted(numbers, side="right") - 1
        found = self._bits[words]
        marked = places(found)
        ones = _ones(found).cumsum(dtype=np.int32)
        # Of the marks in `found`, those of the i-th word begin at ones[i - 1].
        index = numbers - self._totals[words]
        index[1:] += ones[:-1]
        at: NDArray[np.int32] = (marked[index] & 63) + (words << 6)
        return at


def count_by_steps(words: Bits) -> NDArray[np.uint8]:
    """How many bits are set in each: sums of 2, 4 and 8 neighbours, then of the eight bytes."""
    pairs = words - ((words >> 1) & 0x5555555555555555)
    fours = (pairs & 0x3333333333333333) + ((pairs >> 2) & 0x3333333333333333)
    eights = (fours + (fours >> 4)) & 0x0F0F0F0F0F0F0F0F
    counts: NDArray[np.uint8] = ((eights * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.uint8)
    return counts


_ones = getattr(np, "bitwise_count", count_by_steps)  # NumPy 2
