"""Approximate boundaries of any text without ICU: the fallback of ``strict=False``.

Every character is replaced by an ASCII character of its kind, and the ASCII rules are applied. Right for Latin,
Greek and Cyrillic, with rare exceptions. Wrong elsewhere: kana and ideographs are a word each (ICU uses a dictionary: about
1.6 characters a word), a run of Thai, Lao, Khmer or Burmese is one word, and case is unknown for most scripts.
"""

from __future__ import annotations

import unicodedata

import numpy as np
from numpy.typing import NDArray

from ragbridge.chunking.boundaries import ascii_sentences
from ragbridge.chunking.boundaries.words import Segments

_CJK = "\x80"  # stands for a kana or an ideograph; alone in the ASCII rules
_PUNCTUATION = {
    "\u2018\u2019\u201b": "'",
    "\u3002\uff0e\uff61\u0964\u0965": "!",  # full stops that end a sentence whatever follows
    "\uff01\uff1f\u061f\u203c\u2047\u2048\u2049": "!",
    "\uff0c\u3001\u060c": ",",
    "\uff1a": ":",
    "\uff1b": ";",
    "\x85\u2028\u2029": "\n",
}
_STAND_INS = {character: ascii_ for characters, ascii_ in _PUNCTUATION.items() for character in characters}
_KINDS = {"Lu": "A", "Lt": "A", "Nd": "0", "Pc": "_", "Zs": " ", "Pi": '"', "Pf": '"', "Ps": "(", "Pe": ")"}


class _StandIns(dict[int, str]):
    """A table for ``str.translate`` that fills itself."""

    def __missing__(self, code_point: int) -> str:
        self[code_point] = stand_in = _stand_in(chr(code_point))
        return stand_in


def _stand_in(character: str) -> str:
    if character.isascii():
        return character
    if character in _STAND_INS:
        return _STAND_INS[character]
    kind = unicodedata.category(character)
    if kind == "Lo" and unicodedata.name(character, "").startswith(("CJK", "HIRAGANA", "KATAKANA")):
        return _CJK
    if kind in _KINDS:
        return _KINDS[kind]
    return "a" if kind[0] in "LM" else "*"


class ApproximateSegments(Segments):
    """Word boundaries of one block of any text."""

    def __init__(self, block: str) -> None:
        super().__init__(block.translate(_StandIns()))

    def ends(self) -> NDArray[np.intp]:
        """Where words end, ascending."""
        block = np.frombuffer(self._block.encode("latin-1"), dtype=np.uint8)
        return np.union1d(super().ends(), np.flatnonzero(block == ord(_CJK)) + 1)


def sentence_ends(text: str) -> NDArray[np.int64]:
    """Where sentences end, trailing white space included, ascending; the last is the text's end."""
    return ascii_sentences.sentence_ends(text.translate(_StandIns()))
