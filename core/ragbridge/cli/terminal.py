"""What is printed: results go to standard output, progress to standard error and only to terminals."""

from __future__ import annotations

import io
import os
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

WIDTH = 200
"""Width of tables in files and pipes, where nothing has to fit."""


def output() -> Console:
    """Standard output: colour on a terminal, plain text elsewhere."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def show(table: Table) -> None:
    """Print a table; on a terminal that its words do not fit into, its rows one below the other."""
    from rich.text import Text

    console = output()
    needed = console.measure(table, options=console.options.update(max_width=1000)).minimum
    if console.width >= needed:
        console.print(table)
        return
    headings = [str(column.header).replace("\n", " ") for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        first, *others = [Text.from_markup(str(cell)).plain for cell in row]
        console.print(Text(f"{headings[0]} {first}", style="bold"))
        said = "; ".join(
            f"{name} {cell}".strip() for name, cell in zip(headings[1:], others, strict=True) if cell
        )
        console.print(Text(wrapped(said, "  ")))


def columns(stream: int = 1) -> int:
    """Width of the terminal that a standard stream is, or what ``COLUMNS`` says; 80 where neither is known."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream).columns or 80
    except OSError:
        return 80


def coloured() -> bool:
    """Whether standard output may have colours, by rich's rules, without its import."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") in {"dumb", "unknown"}:
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def progress() -> Progress:
    """A progress bar on standard error that leaves no trace; none if that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    shown = sys.stderr.isatty()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        # Up to 14.2 at least, rich writes an empty line after a disabled bar if the output is not a terminal.
        console=Console(stderr=True) if shown else Console(file=io.StringIO()),
        transient=True,
        disable=not shown,
    )


def fitted(text: str, *, after: str = "") -> str:
    """``text`` in one line behind ``after``; on a terminal no wider than that, cut behind a word."""
    line = after + printable(" ".join(text.split()))
    if not sys.stdout.isatty():
        return line
    return cut(line, columns())


def wrapped(text: str, mark: str, *, hanging: int = 2) -> str:
    """``text`` behind a mark; on a terminal in lines that break between words, the later ones ``hanging`` columns further in."""
    line = printable(" ".join(text.split()))
    if not sys.stdout.isatty():
        return mark + line
    return textwrap.fill(
        line,
        max(columns() - 1, 20),
        initial_indent=mark,
        subsequent_indent=" " * (len(mark) + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )


def cut(line: str, width: int) -> str:
    """A line of ``width`` columns at most: one that is longer ends behind a word, and with an ellipsis."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(line) <= width:
        return line
    head = set_cell_size(line, width - 1)
    whole, space, _ = head.rpartition(" ")
    if line[len(head) : len(head) + 1] == " ":
        whole = head
    # What has no spaces, such as Chinese, and what begins with a very long word, is cut where it must be.
    kept = whole if space and cell_len(whole) > width // 2 else head
    return kept.rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def printable(text: str) -> str:
    """``text`` without control characters, which could move the cursor or change colours."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
