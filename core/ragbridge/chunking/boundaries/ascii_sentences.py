"""Sentence boundaries of ASCII text, equal to ICU 78's, without ICU (Unicode annex 29, rules SB1 to SB998).

Every end of line ends a sentence. Otherwise a sentence ends after ``. ! ?``, closing characters and white space,
unless what follows forbids it. Most places are judged by the three characters that follow; a regular expression
looks at the others.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragbridge.chunking.boundaries.words import BLOCK

_OTHER, _LOWER, _UPPER, _DIGIT, _CLOSE, _SPACE, _GO_ON, _STOP, _MARK, _LINE_FEED, _RETURN = range(11)
_CLASSES: Final = {
    _CLOSE: "\"'()[]{}",
    _SPACE: " \t\v\f",
    _GO_ON: ",-:;",  # Sentence_Break=SContinue; the semicolon since Unicode 15.1
    _STOP: ".",  # ATerm: may be an abbreviation
    _MARK: "!?",  # STerm
    _LINE_FEED: "\n",
    _RETURN: "\r",
}

_END: Final = re.compile(
    r"""
    (?: \. (?! [0-9] | (?<=[A-Za-z]\.) [A-Z] )   # SB6, SB7: 3.14, U.S
        [\"'()\[\]{}]*+ [\ \t\v\f]*+
        (?! [^A-Za-z.!?\r\n]*+ [a-z] )           # SB8: etc. and
    |   [!?] [\"'()\[\]{}]*+ [\ \t\v\f]*+
    )
    (?! [.!?,\-:;\r\n] )                         # SB8a, SB10
    """,
    re.VERBOSE,
)


# Verdicts on a terminator: the offset from it to the sentence's end; negative if no sentence ends.
_LOOK, _AFTER_IT, _NO_END = 0, 1, -(2**31)
_AHEAD = 3  # characters after it that a verdict sees: enough for ".  Next" and ".) Next"


@cache
def _table() -> bytes:
    table = bytearray(256)
    for code, characters in _CLASSES.items():
        for character in characters:
            table[ord(character)] = code
    for code, first, last in ((_LOWER, "a", "z"), (_UPPER, "A", "Z"), (_DIGIT, "0", "9")):
        table[ord(first) : ord(last) + 1] = bytes([code]) * (ord(last) - ord(first) + 1)
    return bytes(table)


@cache
def _verdicts() -> NDArray[np.int32]:
    """The verdicts by the classes of a terminator, from ``_STOP`` on, and of the three characters after it."""
    classes = range(_RETURN + 1)
    verdicts = np.full((_RETURN + 1 - _STOP, *[_RETURN + 1] * _AHEAD), _AFTER_IT, dtype=np.int32)
    verdicts[_RETURN - _STOP, _LINE_FEED] = _NO_END
    for code in (_STOP, _MARK):
        verdicts[code - _STOP] = [
            [[_verdict(code, a, b, c) for c in classes] for b in classes] for a in classes
        ]
    return verdicts


def _verdict(code: int, *following: int) -> int:
    """The verdict on ``. ! ?``, by the classes of the characters after it."""
    if code == _STOP and following[0] in (_LOWER, _DIGIT):
        return _NO_END
    # Closing characters and then spaces belong to the sentence.
    ends = 0
    for kind in (_CLOSE, _SPACE):
        while ends < _AHEAD and following[ends] == kind:
            ends += 1
    if ends == _AHEAD:
        return _LOOK
    if following[ends] >= _GO_ON or (code == _STOP and following[ends] == _LOWER):
        return _NO_END
    if code == _MARK or (following[ends] == _UPPER and ends):
        return ends + 1
    return _LOOK


def sentence_ends(text: str) -> NDArray[np.int64]:
    """Where sentences end, trailing white space included, ascending; the last is the text's end."""
    parts = [_ends_in_block(text, start) for start in range(0, len(text), BLOCK)]
    ends = np.concatenate([*parts, np.array([len(text)] if text else [], dtype=np.int64)])
    return ends[:-1] if len(ends) > 1 and ends[-2] == ends[-1] else ends


def _ends_in_block(text: str, start: int) -> NDArray[np.int64]:
    """Ends of the sentences whose terminator is in ``text[start : start + BLOCK]``."""
    size = min(BLOCK, len(text) - start)
    # Some more characters to look ahead. Beyond the text's end stands OTHER, which forbids no boundary.
    codes = np.frombuffer(
        text[start : start + size + _AHEAD].encode("latin-1").translate(_table()) + bytes(_AHEAD), np.uint8
    )
    places = (codes[:size] >= _STOP).nonzero()[0]
    verdicts = _verdicts()[codes[places] - _STOP, codes[1:][places], codes[2:][places], codes[3:][places]]
    ends: NDArray[np.int64] = places + verdicts
    if start:
        ends += start
    doubtful = (verdicts == _LOOK).nonzero()[0]
    matches = [_END.match(text, place) for place in ends[doubtful].tolist()]
    ends[doubtful] = [match.end() if match else _NO_END for match in matches]
    sentence_ends: NDArray[np.int64] = ends[ends > 0]
    return sentence_ends
