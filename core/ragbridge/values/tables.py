"""Tables of results as HTML: what notebooks show of a value, whatever its texts hold and however many rows it has.

Texts may come from anywhere, so that all of them are escaped, cut, and kept from being read as formulas. Nothing is
fetched, nothing has a colour of its own: the tables are read on light and on dark pages alike.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from ragbridge.values.partial import Failure

ROWS = 10
"""Rows that are shown; the others are counted."""
COLUMNS = 20
"""Columns that are shown, of results whose columns others name."""
CHARACTERS = 240
"""Characters of a text that are shown in a cell."""
FAILURES = 3
"""Failures that are shown in full."""
SHORT = 3
"""Members of a list that a ``repr`` shows."""
NUMBERS = 6
"""Numbers of a vector that are shown, and members of a list."""

LONGEST = 10**30
"""Whole numbers from here on are not written out: Python refuses some, and all of them are noise."""

Cell: TypeAlias = object
"""A text, a number, None for an empty cell, or anything that ``brief`` says in a line."""

_LINE = "border-bottom: 1px solid rgba(128, 128, 128, 0.35)"
_PLACE = "vertical-align: top; padding: 0.25em 0.75em"
_TEXT = f"text-align: left; white-space: pre-wrap; overflow-wrap: anywhere; max-width: 48em; {_PLACE}"
_NUMBER = f"text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; {_PLACE}"
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""What is not to be shown: control characters, halves of characters, and what turns the direction of a whole line."""

_BLANK = re.compile(r"\s*\n(?:[^\S\n]*\n)*")
"""The end of a line and the blank lines after it."""


def table(
    summary: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    total: int,
    unit: str = "",
    failed: Sequence[Failure] = (),
) -> str:
    """A table with its first ``ROWS`` rows.

    Args:
        summary: What stands above it: a line.
        columns: The names of the columns.
        rows: The cells of each row. No more of it is read than is shown.
        total: How many rows there are.
        unit: What a row is, in the plural: ``"documents"``.
        failed: What has no result. The first few are named below the table.
    """
    shown = [list(row) for row in islice(rows, ROWS)]
    heads = [
        _cell(name, "th", _NUMBER if _numeric(shown, place) else _TEXT) for place, name in _first(columns)
    ]
    body = ["".join(_cell(row[place], "td") for place, _ in _first(columns)) for row in shown]
    more = []
    if total > len(shown):
        more.append(f"... {total - len(shown):,} more{unit and f' {unit}'}")
    if len(columns) > COLUMNS:
        more.append(
            f"... {len(columns) - COLUMNS:,} more columns: {', '.join(columns[COLUMNS : COLUMNS + 3])}, ..."
        )
    more += [
        f"[{failure.index}] {type(failure.error).__name__}: {failure.error}" for failure in failed[:FAILURES]
    ]
    if len(failed) > FAILURES:
        more.append(f"... {len(failed) - FAILURES:,} more failed")
    body += [_cell(line, "td", f"{_TEXT}; opacity: 0.75", span=max(len(heads), 1)) for line in more]
    return _whole(summary, f'<thead><tr style="{_LINE}">{"".join(heads)}</tr></thead>' if heads else "", body)


def pairs(summary: str, lines: Iterable[tuple[str, Cell]]) -> str:
    """A table of what things are called and what they are; lines without anything are left out."""
    body = [
        _cell(name, "th", _TEXT) + _cell(value, "td", _TEXT)
        for name, value in lines
        if value is not None and value not in ("", ())
    ]
    return _whole(summary, "", body)


def numbers(vector: Iterable[Any], count: int) -> str:
    """The first numbers of a vector with ``count`` of them, on a line."""
    shown = ", ".join(
        _number(value.item() if hasattr(value, "item") else value) for value in islice(vector, NUMBERS)
    )
    return f"{shown}, ..." if count > NUMBERS else shown


def counted(count: int, one: str, many: str = "") -> str:
    """``"1 text"``, ``"1,000 texts"``."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def first(things: Iterable[object]) -> str:
    """The first three of them in brackets, for a short ``repr``."""
    shown = [cut(repr(thing), 80) for thing in islice(things, SHORT + 1)]
    return f"[{', '.join(shown[:SHORT])}{', ...' if len(shown) > SHORT else ''}]"


def cut(text: str, characters: int = CHARACTERS) -> str:
    """The beginning of a text that is longer than ``characters``, else all of it."""
    return text if len(text) <= characters else f"{text[: characters - 3]}..."


def brief(value: object, depth: int = 2) -> str:
    """A value of any kind on a line, bounded: JSON's kinds by what they hold, others by their own words."""
    match value:
        case None:
            return ""
        case int() | float():
            return _number(value)
        case Mapping() | list() | tuple():
            return _members(value, depth)
        case bytes() | bytearray():
            return f"{len(value):,} bytes"
    return cut(str(value))


def _members(value: Mapping[Any, Any] | Sequence[Any], depth: int) -> str:
    left, right = "{}" if isinstance(value, Mapping) else "[]"
    if not depth:
        return f"{left}...{right}" if value else left + right
    if isinstance(value, Mapping):
        pairs = islice(value.items(), NUMBERS)
        parts = [f"{cut(str(name), 60)}: {brief(inner, depth - 1)}" for name, inner in pairs]
    else:
        parts = [brief(inner, depth - 1) for inner in value[:NUMBERS]]
    if len(value) > NUMBERS:
        parts.append(f"... {len(value) - NUMBERS:,} more")
    return f"{left}{', '.join(parts)}{right}"


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value) if abs(value) < LONGEST else "a long number"
    return f"{value:.4g}"


def _first(columns: Sequence[str]) -> Iterable[tuple[int, str]]:
    return enumerate(columns[:COLUMNS])


def _numeric(rows: Sequence[Sequence[Cell]], place: int) -> bool:
    cells = [row[place] for row in rows if row[place] is not None]
    return bool(cells) and all(_is_number(cell) for cell in cells)


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _cell(value: Cell, tag: str, style: str = "", span: int = 1) -> str:
    style = style or (_NUMBER if _is_number(value) else _TEXT)
    wide = f' colspan="{span}"' if span > 1 else ""
    return f'<{tag}{wide} dir="auto" style="{style}">{_escaped(cut(brief(value)))}</{tag}>'


def _escaped(text: str) -> str:
    return html.escape(_UNSEEN.sub("\N{REPLACEMENT CHARACTER}", _BLANK.sub("\n", text)))


def _whole(summary: str, head: str, rows: Sequence[str]) -> str:
    """The classes keep MathJax from taking what stands between two dollars for a formula."""
    body = "".join(f'<tr style="{_LINE}; background: transparent">{row}</tr>' for row in rows)
    return (
        '<div class="ragbridge tex2jax_ignore mathjax_ignore" style="color: inherit">'
        f'<div dir="auto" style="padding: 0.25em 0.75em; text-align: left">{_escaped(cut(summary))}</div>'
        f'<table style="border-collapse: collapse; color: inherit; margin: 0">{head}<tbody>{body}</tbody></table></div>'
    )
