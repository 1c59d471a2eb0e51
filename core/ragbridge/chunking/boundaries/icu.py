"""Word and sentence boundaries of any text, by ICU (``icu4py``, extra ``icu``).

ICU hands every segment to Python as an object, which is slow. So it is asked only about the stretches that need
it: around characters of the classes from ``CONTEXT`` on, out to the nearest places where a boundary is certain.

icu4py gives no rule status, so whether a segment is a word is read from the class of its last character that is
not ``ATTACHED``. Compared with the status from ICU's C library (``ubrk_getRuleStatus``) on random strings of all classes,
this differed only in sequences that do not occur in text: runs of CJK that end in an emoji joined by a zero-width joiner, marks of
``CJK_MARK`` with combining marks or beside Tangut.
"""

# ruff: noqa: RUF001

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from operator import itemgetter
from typing import Any, Final

import numpy as np
from icu4py.breakers import SentenceBreaker, WordBreaker
from numpy.typing import NDArray

from ragbridge.chunking.boundaries import ascii_sentences
from ragbridge.chunking.boundaries.characters import (
    ATTACHED,
    CJK,
    CJK_MARK,
    CONNECTOR,
    CONTEXT_WORD,
    DIGIT,
    FOREIGN,
    HANGUL,
    LETTER,
    MID_ANY,
    OTHER,
    SPACE,
    UNDERSCORE,
    classes,
    latin_classes,
    stand_ins,
)
from ragbridge.chunking.boundaries.long import LONG, LongSegments, padded_length
from ragbridge.chunking.boundaries.words import Mask, Segments
from ragbridge.chunking.texts import units_of, without_surrogates


def segments(block: str) -> Segments:
    """Word boundaries of one block of any text; a lone surrogate is any symbol."""
    if len(block) >= LONG:
        codes = _stand_ins_for(block)
        if codes is not None:
            return LongSegments(block, codes)
    return IcuSegments(without_surrogates(block))


def _stand_ins_for(block: str) -> NDArray[np.uint8] | None:
    """For each character an ASCII one of its class, padded; None if one has none, so that ICU must be asked."""
    units = units_of(block)
    codes = np.empty(padded_length(len(block)), dtype=np.uint8)
    codes[: len(block)] = units
    codes[len(block) :] = 0
    beyond = (units > 0x7F).nonzero()[0]
    if 4 * beyond.size > units.size:
        codes[: len(block)] = stand_ins().take(units)
    else:  # where most are ASCII it is faster to look up the others alone
        codes[beyond] = stand_ins()[units[beyond]]
    return None if (codes >= FOREIGN).any() else codes


class IcuSegments(Segments):
    """Word boundaries of one block of any text without surrogates."""

    def __init__(self, block: str) -> None:
        codes = _classes_of(f"\0{block}\0")
        context = np.flatnonzero(codes >= ATTACHED) - 1
        self._stretch: Mask | None = None
        if context.size:
            self._ask(block, codes, context)
            codes[codes >= ATTACHED] = OTHER
        self._judge(block, codes)

    def _ask(self, block: str, codes: NDArray[np.uint8], context: NDArray[np.intp]) -> None:
        """Has ICU cut the stretches around the characters at ``context``."""
        # A place after OTHER or SPACE and before DIGIT or LETTER is a boundary in every context.
        certain = np.flatnonzero(
            ((codes[:-1] - OTHER) <= SPACE - OTHER) & ((codes[1:] - DIGIT) <= LETTER - DIGIT)
        )
        certain = np.unique(np.concatenate([[0], certain, [len(block)]]))
        which = np.unique(certain.searchsorted(context, side="right") - 1)
        starts, stops = certain[which], certain[which + 1]
        steps = np.zeros(len(block) + 1, dtype=np.int8)
        steps[starts] += 1
        steps[stops] -= 1
        stretch = np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_)
        text = "".join(
            [block[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        )
        ends = _word_segments(text)
        places = np.flatnonzero(stretch)[ends - 1] + 1
        self._stretch, self._starts, self._places, self._words = (
            stretch,
            starts,
            places,
            places[_are_words(codes[1:-1][stretch], ends)],
        )

    def ends(self) -> NDArray[np.intp]:
        """Where words end, ascending."""
        simple = super().ends()
        if self._stretch is None:
            return simple
        return np.sort(np.concatenate([simple[~self._stretch[simple - 1]], self._words]))

    def breaks(self) -> Mask:
        """For every place, 0 and the end included: is it a boundary?"""
        breaks = super().breaks()
        if self._stretch is not None:
            breaks[:-1][self._stretch] = False
            breaks[self._starts] = True
            breaks[self._places] = True
        return breaks


def _classes_of(text: str) -> NDArray[np.uint8]:
    """The class of each character."""
    units = text.encode("utf-16-le")
    if len(units) > 2 * len(text) or len(text) < 2000:
        return classes()[np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)]
    # The low bytes by a table of bytes, which is fast, and what lies beyond Latin-1 one by one.
    numbers = np.frombuffer(units, dtype=np.uint16)
    low = numbers.astype(np.uint8).tobytes().translate(latin_classes())
    codes = np.frombuffer(bytearray(low), dtype=np.uint8)
    beyond = (numbers > 0xFF).nonzero()[0]
    codes[beyond] = classes()[numbers[beyond]]
    return codes


def _are_words(codes: NDArray[np.uint8], ends: NDArray[np.int64]) -> Mask:
    """Which of the segments that end at ``ends`` are words (have a rule status other than 0)?"""
    starts = np.concatenate([[0], ends[:-1]])
    attached = codes == ATTACHED
    last = np.maximum.accumulate(np.where(attached, -1, np.arange(len(codes))))[ends - 1]
    kind = codes[last]
    bare = last == ends - 1
    words = np.isin(kind, [DIGIT, LETTER, CONTEXT_WORD, CJK])
    words |= (kind == HANGUL) & bare
    words |= np.isin(kind, [UNDERSCORE, CONNECTOR]) & bare & (last > starts)
    words |= (kind == MID_ANY) & (last > starts)  # Hebrew with a geresh: the only such segment
    cjk = np.concatenate([(codes == CJK) | (codes == CJK_MARK), [False]])
    words |= (kind == CJK_MARK) & (cjk[last - 1] | cjk[last + 1])
    return words & (last >= starts)


_ALIKE: Final = {
    "'": "‘’‚‛",  # closing and opening characters: one class
    '"': "“”„‟«»‹›",
    "-": "–—",
    "*": "…•·©®°€£§",  # what no rule for sentences speaks of
    " ": "\xa0",
    "a": "".join(map(chr, [*range(0xDF, 0xF7), *range(0xF8, 0x100)])),
    "A": "".join(map(chr, [*range(0xC0, 0xD7), *range(0xD8, 0xDF)])),
}
"""ASCII characters, and others of the same Sentence_Break: what European text has beside ASCII."""


@cache
def _sentence_stand_ins() -> NDArray[np.uint8]:
    """For each 16-bit character the ASCII one that stands for it, or 0."""
    table = np.zeros(1 << 16, dtype=np.uint8)
    for character, alike in _ALIKE.items():
        table[[ord(other) for other in alike]] = ord(character)
    return table


def sentence_ends(text: str) -> NDArray[np.int64]:
    """Where sentences end, trailing white space included, ascending; the last is the text's end."""
    units = units_of(text)
    beyond = (units > 0x7F).nonzero()[0]
    # ICU takes 50 us for 5,000 characters, the rules for ASCII a fifth.
    if units.itemsize == 2 and 4 * beyond.size < units.size:
        found = _sentence_stand_ins()[units[beyond]]
        if found.all():
            codes = units.astype(np.uint8)
            codes[beyond] = found
            return ascii_sentences.sentence_ends(codes.tobytes().decode("ascii"))
    return _code_points(text, SentenceBreaker(text, "root").segments())


def _word_segments(text: str) -> NDArray[np.int64]:
    return _code_points(text, WordBreaker(text, "root").segments())


def _code_points(text: str, segments: Iterator[tuple[int, int]] | Any) -> NDArray[np.int64]:
    """The ends of segments that ICU gives in UTF-16 units."""
    ends = np.fromiter(map(itemgetter(1), segments), dtype=np.int64)
    wide = wide_characters(text)
    if wide.size:
        ends -= (wide + np.arange(len(wide))).searchsorted(ends)
    return ends


def wide_characters(text: str) -> NDArray[np.int64]:
    """Positions of the characters that UTF-16 writes as two units."""
    if len(text.encode("utf-16-le")) == 2 * len(text):
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32) > 0xFFFF)
