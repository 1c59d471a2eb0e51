"""Where separators of the recursive strategy match: the built-in ones, plain text, and users' regular expressions.

All of them see only a slice of the text, as Elasticsearch's matcher sees only its region.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

from ragbridge.chunking.java_regex import Translation, translate
from ragbridge.chunking.lines import Lines
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.rules.chunking import BLANK_LINE, END_OF_LINE, SETEXT


@dataclass(slots=True)
class Budget:
    """The time that users' expressions may take for one text, in seconds.

    Elasticsearch lets an expression read ten times the text's length. Here the budget is one second, for slow machines,
    plus one microsecond per character and separator: ten reads at twice the time that `regex` needs.
    """

    left: float

    @classmethod
    def for_text(cls, text: str, separators: int) -> Budget:
        """The budget for a text of this length."""
        return cls(1.0 + 1e-6 * len(text) * separators)


Finder: TypeAlias = Callable[[Lines, int, int, Budget], Sequence[int]]
"""Starts of all matches in a slice of a text, from its start to its end, ascending; places in the text."""


@lru_cache(maxsize=256)
def separator(pattern: str) -> Finder:
    """The finder for a separator.

    Raises:
        ConfigurationError: It is not a regular expression of Java, or not one that ragbridge can run the same way.
    """
    if pattern in (BLANK_LINE, END_OF_LINE):
        newlines = 2 if pattern == BLANK_LINE else 1
        return lambda lines, start, end, _: newline_runs(lines, start, end, newlines)
    if pattern in SETEXT:
        return lambda lines, start, end, _: setext_headings(lines, start, end, SETEXT[pattern])
    translation = translate(pattern)
    if translation.literal:
        return lambda lines, start, end, _: occurrences(lines, start, end, translation.literal)
    return _bounded(translation) or _timed(pattern, translation)


def newline_runs(lines: Lines, start: int, end: int, length: int) -> Sequence[int]:
    """Starts of runs of exactly ``length`` newlines."""
    text = lines.text
    cut = (start and text[start - 1 : start + 1] == "\n\n") or text[end - 1 : end + 1] == "\n\n"
    if cut or len(text) < _SHORT:
        # What a slice leaves of a run may have the right length; and in a short text this is faster.
        return [start + match.start() for match in _NEWLINES[length].finditer(text[start:end])]
    return lines.runs(length, start, end)


def setext_headings(lines: Lines, start: int, end: int, mark: str) -> Sequence[int]:
    """Starts of setext headings: a newline, a line that is not blank, and a line of ``mark`` alone.

    The same as the built-in expression, without its walk over every line. Java's ``.`` does not match any of its
    line terminators, and matches do not overlap: the newline that ends one cannot begin the next.
    """
    starts: list[int] = []
    text = lines.text
    free = start  # where the next match may begin
    for line_end in lines.before(mark, start, end):
        after = line_end + 1 + _run_length(text, line_end + 1, end, mark)
        place = text.rfind("\n", free, line_end)
        if text.startswith("\n", after, end) and place >= 0:
            line = text[place + 1 : line_end]
            if line.strip(" \t\v\f") and not _TERMINATOR.search(line):
                starts.append(place)
                free = after + 1
    return starts


_SHORT = 20_000
# Written out, and the lookbehind last: `re` then looks for the literal text, which is much faster.
_NEWLINES = {len(run): re.compile(f"{run}(?!\n)(?<!\n{run})") for run in ("\n", "\n\n")}
_TERMINATOR = re.compile("[\r\x85\u2028\u2029]")
_RUNS = {mark: re.compile(f"{mark}+") for mark in SETEXT.values()}


def _run_length(text: str, start: int, end: int, mark: str) -> int:
    run = _RUNS[mark].match(text, start, end)
    return len(run[0]) if run else 0


def occurrences(lines: Lines, start: int, end: int, literal: str) -> Sequence[int]:
    """Starts of a plain text, without overlaps."""
    text = lines.text
    if literal[0] == "\n" and len(literal) > 1:
        candidates = lines.before(literal[1], start, end)
        starts: list[int] = []
        for place in candidates:
            if place >= start and text.startswith(literal, place, end):
                starts.append(place)
                start = place + len(literal)
        return starts
    if any(text.find(character, start, end) < 0 for character in literal):  # much faster than the whole
        return []
    starts = []
    place = text.find(literal, start, end)
    while place >= 0:
        starts.append(place)
        place = text.find(literal, place + len(literal), end)
    return starts


def _bounded(translation: Translation) -> Finder | None:
    """A finder that uses the standard library. It has no timeout, so the expression must be bounded."""
    if not translation.bounded:
        return None
    try:
        compiled = re.compile(translation.python)
    except re.error:  # such as a lookbehind of several lengths, which `regex` knows
        return None
    # A slice, not `pos`: a lookbehind would look beyond it.
    return lambda lines, start, end, _: [
        start + match.start() for match in compiled.finditer(lines.text[start:end])
    ]


def _timed(pattern: str, translation: Translation) -> Finder:
    try:
        import regex  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise ConfigurationError(
            f"separator [{pattern}]: an expression with repetitions may take very long, and only the package regex "
            'can stop it: install it with `pip install "ragbridge[icu]"`, or use separators without repetitions'
        ) from None
    try:
        compiled = regex.compile(translation.python, regex.VERSION0)
    except regex.error as error:
        raise ConfigurationError(f"separator [{pattern}] is not a regular expression: {error}") from None

    def find(lines: Lines, start: int, end: int, budget: Budget) -> Sequence[int]:
        begin = time.monotonic()
        try:
            matches = compiled.finditer(lines.text[start:end], timeout=max(budget.left, 1e-3))
            return [start + match.start() for match in matches]
        except TimeoutError:
            raise ConfigurationError(
                f"Chunk separator regex [{pattern}] has exceeded the character read limit (here: the time for it); "
                "use a simpler expression"
            ) from None
        finally:
            budget.left -= time.monotonic() - begin

    return find
