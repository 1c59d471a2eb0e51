"""Analysis: the terms of a text, with their positions and where they stand.

The standard analyzer follows Unicode's word boundaries as Lucene's ``StandardTokenizer`` does: ideographs and hiragana
are terms of their own, ``:``, ``.`` and apostrophes join letters, ``,`` and ``.`` join digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from ragbridge.local.elastic.errors import Failure

LONGEST = 255
"""Characters of a term; a longer one is cut into several (``StandardAnalyzer.DEFAULT_MAX_TOKEN_LENGTH``)."""
GAP = 100
"""Positions between two values of a field (``position_increment_gap``)."""

STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
    ]
)
"""``EnglishAnalyzer.ENGLISH_STOP_WORDS_SET``."""


class Term(NamedTuple):
    """One term: its text, its position among the terms, and the range of characters it stands for."""

    text: str
    position: int
    start: int
    end: int


Analyzer: TypeAlias = Callable[[str], list[Term]]

_IDEOGRAPH = "\u3005-\u3007\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KATAKANA = "\u30a1-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u1ab0-\u1aff\u1dc0-\u1dff\u200d\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
)
_LETTER = f"(?:[^\\W\\d_{_IDEOGRAPH}{_KATAKANA}][{_MARKS}]*)"
_DIGIT = f"(?:\\d[{_MARKS}]*)"
_STANDARD = re.compile(
    f"[{_IDEOGRAPH}][{_MARKS}]*"
    f"|[{_KATAKANA}]+"
    "|[\u2600-\u27bf\U0001f300-\U0001faff][\ufe0f\u200d\U0001f3fb-\U0001f3ff]*"
    f"|_*(?:{_LETTER}|{_DIGIT})"
    f"(?:{_LETTER}|{_DIGIT}|_|(?<=[^\\W\\d_])[.:'\u00b7\u2018\u2019](?=[^\\W\\d_])|(?<=\\d)[.,;'\u2018\u2019](?=\\d))*"
)
_ASCII = re.compile(
    r"\w+(?:(?:(?<=[a-z])[.:'](?=[a-z])|(?<=[0-9])[.,;'](?=[0-9]))\w+)*", re.ASCII | re.IGNORECASE
)
"""The same for texts of ASCII, several times as fast; what it finds of underscores alone is no term."""
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"\S+")


def _matches(pattern: re.Pattern[str], text: str, *, lower: bool) -> list[Term]:
    lowered = text.lower() if lower else text
    if len(lowered) != len(text):  # a few letters become two
        lowered = "".join(one.lower() if len(one.lower()) == 1 else one for one in text)
    spans = [match.span() for match in pattern.finditer(text)]
    if all(end - start <= LONGEST for start, end in spans):
        return [Term(lowered[start:end], place, start, end) for place, (start, end) in enumerate(spans)]
    terms: list[Term] = []
    for start, end in spans:
        for begin in range(start, end, LONGEST):
            stop = min(begin + LONGEST, end)
            terms.append(Term(lowered[begin:stop], len(terms), begin, stop))
    return terms


def standard(text: str) -> list[Term]:
    """Words by Unicode's boundaries, in lower case."""
    if not text.isascii():
        return _matches(_STANDARD, text, lower=True)
    terms = _matches(_ASCII, text, lower=True)
    if "_" in text and not all(term.text.strip("_") for term in terms):
        return [
            term._replace(position=place)
            for place, term in enumerate(term for term in terms if term.text.strip("_"))
        ]
    return terms


def simple(text: str) -> list[Term]:
    """Runs of letters, in lower case."""
    return _matches(_LETTERS, text, lower=True)


def stop(text: str) -> list[Term]:
    """As ``simple``, without English stop words, whose positions stay empty."""
    return [term for term in simple(text) if term.text not in STOP_WORDS]


def whitespace(text: str) -> list[Term]:
    """What stands between white space."""
    return _matches(_WORDS, text, lower=False)


def keyword(text: str) -> list[Term]:
    """The whole text."""
    return [Term(text, 0, 0, len(text))]


ANALYZERS: dict[str, Analyzer] = {
    "default": standard,
    "standard": standard,
    "simple": simple,
    "stop": stop,
    "whitespace": whitespace,
    "keyword": keyword,
}
"""The analyzers that the engine has."""

_ELSEWHERE = frozenset(
    [
        "arabic",
        "armenian",
        "basque",
        "bengali",
        "brazilian",
        "bulgarian",
        "catalan",
        "cjk",
        "czech",
        "danish",
        "dutch",
        "english",
        "estonian",
        "finnish",
        "french",
        "galician",
        "german",
        "greek",
        "hindi",
        "hungarian",
        "indonesian",
        "irish",
        "italian",
        "latvian",
        "lithuanian",
        "norwegian",
        "persian",
        "portuguese",
        "romanian",
        "russian",
        "serbian",
        "sorani",
        "spanish",
        "swedish",
        "thai",
        "turkish",
        "fingerprint",
        "pattern",
        "snowball",
    ]
)
"""Analyzers that Elasticsearch has and the engine has not."""


def analyzer(name: str) -> Analyzer:
    """The analyzer of this name.

    Raises:
        Failure: 501 where only Elasticsearch has it, 400 where nobody has.
    """
    known = ANALYZERS.get(name)
    if known is None and name in _ELSEWHERE:
        raise Failure(
            501,
            f"the analyzer [{name}] is not offered by the embedded engine, which has "
            f"[{', '.join(sorted(ANALYZERS))}]; use one of them or an Elasticsearch cluster",
            kind="unsupported_operation_exception",
        )
    if known is None:
        raise Failure(
            400, f"analyzer [{name}] has not been configured in mappings", kind="mapper_parsing_exception"
        )
    return known


def terms_of(values: Iterable[object], analyze: Analyzer) -> list[Term]:
    """The terms of all values of a field. Between two values there is a gap of positions."""
    every: list[Term] = []
    base = 0
    for number, value in enumerate(values):
        terms = analyze(text_of(value))
        if number:
            base += GAP
        every += [term._replace(position=term.position + base) for term in terms] if base else terms
        base = every[-1].position + 1 if every else base
    return every


def text_of(value: object) -> str:
    """A value as Elasticsearch writes it as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
