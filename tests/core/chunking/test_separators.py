"""Separators: Java's expressions, in bounded time."""

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import ConfigurationError
from ragbridge.chunking import RecursiveChunker
from ragbridge.chunking.java_regex import translate
from ragbridge.chunking.lines import Lines
from ragbridge.chunking.separators import Budget, separator
from ragbridge.rules.chunking import BLANK_LINE, END_OF_LINE, GROUPS, SETEXT

# What Java's setext expressions say, with its own line ends and white space written out.
JAVA_SETEXT = {
    pattern: rf"\n(?![ \t\x0b\f]*(?:[\n\r\x85\u2028\u2029]|\Z))[^\n\r\x85\u2028\u2029]*\n{mark}{{1,}}\n"
    for pattern, mark in SETEXT.items()
}


def starts(pattern: str, text: str) -> list[int]:
    return list(separator(pattern)(Lines(text), 0, len(text), Budget.for_text(text, 1)))


@pytest.mark.parametrize("pattern", [BLANK_LINE, END_OF_LINE, *SETEXT, *GROUPS["markdown"][:2]])
@given(text=st.text(alphabet="\n\n\n-=# a\r\t\x85\u2028", max_size=40))
@settings(max_examples=60, deadline=None)
def test_built_in_separators_match_as_their_expressions(pattern: str, text: str) -> None:
    """The built-in separators run without expressions and find what Java's find, unusual line ends included."""
    expression = JAVA_SETEXT.get(pattern, pattern)
    assert starts(pattern, text) == [match.start() for match in re.finditer(expression, text)]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "ab", [0, 1, 2]),
        ("aa", "aaaaa", [0, 2]),
        (r"\n", "a\nb", [1]),
        (r"\.", "a.b", [1]),
        (r"\Qa.b\E", "a.b axb", [0]),
        (r"\x41\u0042\x{43}\0104", "-ABCD", [1]),
        ("a|b", "ab", [0, 1]),
        ("^a", "a\na\ra\x85a\u2028a\r\na", [0, 2, 4, 6, 8, 11]),
        ("^", "a\n", [0]),
        ("a$", "a\na\r\na\u2029a", [0, 2, 5, 7]),
        ("a.", "a\na\ra\x85ab", [6]),
        ("(?s)a.", "a\nab", [0, 2]),
        ("(?i)straße", "STRAßE strasse", [0]),
        ("(?i)é", "É", []),
        (r"\s", "a\xa0b\u2003c d", [5]),
        (r"\d", "a٣1", [2]),
        (r"\bé", "é aé", [3]),
        (r"a\b", "aé ab", [0]),
        (r"[\D]", "1٣", [1]),
        (r"[^\W]", "éa", [1]),
        (r"\S", " \x1cé", [1, 2]),
        (r"\R", "a\r\nb\u2028c", [1, 4]),
        (r"\h", "a\xa0\n", [1]),
        (r"[^\h]", " a", [1]),
        (r"[a\]\-\[^&|~]", "x]", [1]),
        (r"[a-c&]", "&", [0]),
        ("}]", "a}]", [1]),
        (r"-{3}", "-----", [0]),
        (r"\n{2,}", "a\n\n\nb\nc", [1]),
        ("(?<=a)b", "ab b", [1]),
        ("(?<x>a)", "ba", [1]),
    ],
)
def test_java_expressions(pattern: str, text: str, expected: list[int]) -> None:
    """Expressions mean what they mean to Java, where Python would read them differently too."""
    assert starts(pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"\s*\n\s*", "a \n b", [1]),
        (r"(a+)+b", "xaab", [1]),
        (r"(.)\1", "abba", [1]),
        (r"(?<c>.)\k<c>", "abba", [1]),
        (r"\p{Lu}", "aÉ", [1]),
        (r"[\p{L}]\P{L}", "aé1", [1]),
        ("(?<=a|bc)d", "ad bcd d", [1, 5]),
        ("a*+b", "aab", [0]),
    ],
)
def test_expressions_for_regex(pattern: str, text: str, expected: list[int]) -> None:
    """What may take long, or what the standard library does not know, runs in the package regex."""
    pytest.importorskip("regex")
    assert starts(pattern, text) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "[a",
        "*",
        "a**",
        "{",
        "a{,3}",
        "\\",
        r"\y",
        "[a&&b]",
        "[[a]b]",
        "(?x)a",
        r"\G",
        "[]a]",
        r"\k<",
        r"\x{110000}",
    ],
)
def test_bad_expressions_are_refused_by_name(pattern: str) -> None:
    """What Java refuses, or Python cannot do, is refused when the chunker is made."""
    with pytest.raises(ConfigurationError, match=re.escape(f"separator [{pattern}]")):
        RecursiveChunker(10, [pattern])


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+c", r"(\w+\s?)+$"])
def test_expressions_are_stopped(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An expression that would take forever is stopped, with Elasticsearch's message."""
    pytest.importorskip("regex")
    finder = separator(pattern)
    with pytest.raises(ConfigurationError, match=r"has exceeded the character read limit") as caught:
        finder(Lines("a" * 5000 + "!"), 0, 5001, Budget(0.05))
    assert f"Chunk separator regex [{pattern}]" in str(caught.value)


def test_the_time_is_for_the_whole_text() -> None:
    """Pieces share the time of their text: what one has used is not there for the next."""
    pytest.importorskip("regex")
    budget = Budget(0.05)
    finder = separator("(b|bb)+c")
    finder(Lines("b" * 15), 0, 15, budget)
    assert budget.left < 0.05
    with pytest.raises(ConfigurationError):
        finder(Lines("b" * 5000), 0, 5000, budget)


def test_without_regex_only_bounded_expressions_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package regex, what cannot take long still works, and the rest names the extra."""
    monkeypatch.setitem(sys.modules, "regex", None)
    separator.cache_clear()
    assert starts(r"[.!?]\s", "a. b! c") == [1, 4]
    assert len(RecursiveChunker(1, separator_group="markdown").chunk("one\n# two\n# three")) == 3
    with pytest.raises(ConfigurationError, match=r"ragbridge\[icu\]") as caught:
        RecursiveChunker(10, [r"\s*\n\s*"])
    assert r"separator [\s*\n\s*]" in str(caught.value)
    separator.cache_clear()


BOUNDED = ["a", r"\n+", r"#{1,6} ", "a|b|c", r"(?<!\n)\n\n(?!\n)", r"\n{3}", r"^\d\."]
UNBOUNDED = ["a+b", "(ab)+", "(a|b){2}", r"(a)\1", "a+|b", "a{2000}", "a?b?", "a|b|c|d|e|f|g|h|i|j"]


@pytest.mark.parametrize(
    ("pattern", "bounded"), [*((item, True) for item in BOUNDED), *((item, False) for item in UNBOUNDED)]
)
def test_what_counts_as_bounded(pattern: str, bounded: bool) -> None:
    """One short repetition of a character, or one at the end, cannot become slow; anything more may."""
    assert translate(pattern).bounded is bounded
