"""Classes of characters, as far as word boundaries and words depend on them (Unicode annex 29, ICU's word rules).

Most characters can be judged by themselves and their neighbours; those of the classes from ``ATTACHED``
on cannot (combining marks, Hebrew, Hangul, and the scripts that ICU cuts with a dictionary): for them, ICU decides.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ragbridge.chunking.boundaries import character_classes

# The order is what makes words.py fast: each question there is one comparison.
MID_ANY = 0  # . ' and typographic quotes: join two letters, or two digits
MID_LETTER = 1  # : joins two letters
MID_NUMBER = 2  # , ; join two digits
OTHER = 3  # never joins anything
SPACE = 4  # joins its like
UNDERSCORE = 5  # joins letters, digits and its like; alone it is not a word
DIGIT = 6
LETTER = 7
ATTACHED = 8  # from here on ICU is asked. Combining and format characters: belong to what is before them
CONTEXT = 9  # never makes a word
CONTEXT_WORD = 10
HANGUL = 11
CJK = 12  # kana and ideographs
CJK_MARK = 13  # a word only beside CJK: iteration marks, radicals
CONNECTOR = LAST_CLASS = 14  # like the underscore

LETTERS = "ghijklmnopqrstu"
"""How each class is written in ``_character_classes.RUNS``."""


@cache
def classes() -> NDArray[np.uint8]:
    """The class of every code point."""
    runs = re.findall(f"([0-9a-f]+)([{LETTERS}])", character_classes.RUNS)
    values = np.array([LETTERS.index(letter) for _, letter in runs], dtype=np.uint8)
    return np.repeat(values, [int(length, 16) for length, _ in runs])


@cache
def latin_classes() -> bytes:
    """The same for the first 256 code points, as a table for ``bytes.translate``."""
    return classes()[:256].tobytes()


FOREIGN = 0x80
"""Stand-ins from here on are no ASCII characters: ICU must be asked about what they stand for."""


@cache
def stand_ins() -> NDArray[np.uint8]:
    """For every code point an ASCII character of the same class, or ``FOREIGN`` where there is none."""
    ascii_ = [ord(character) for character in ".:,* _0a"]  # in the order of the classes
    return np.array([*ascii_, *[FOREIGN] * (LAST_CLASS + 1 - ATTACHED)], dtype=np.uint8)[classes()]
