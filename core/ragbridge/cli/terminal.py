"""What is printed: results go to standard output, progress to standard error and only to terminals."""

from __future__ import annotations

import io
import os
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

WIDTH = 200
"""Width of tables in files and pipes, where nothing has to fit."""


def output() -> Console:
    """Standard output: colour on a terminal, plain text elsewhere."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def columns() -> int:
    """Width of the terminal, or what ``COLUMNS`` says; 80 where neither is known."""
    return shutil.get_terminal_size().columns


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


def printable(text: str) -> str:
    """``text`` without control characters, which could move the cursor or change colours."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
