"""Where things are printed: results on standard output, progress on standard error and on terminals only."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

WIDTH = 200
"""Columns of tables that no terminal shows: in a file or a pipe nothing has to fit."""


def output() -> Console:
    """Standard output: colour on a terminal, plain text elsewhere."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def progress() -> Progress:
    """A progress bar on standard error that leaves no trace; nothing at all where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    shown = sys.stderr.isatty()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        # Up to 14.2 at least, rich ends even a disabled bar with an empty line where it is no terminal.
        console=Console(stderr=True) if shown else Console(file=io.StringIO()),
        transient=True,
        disable=not shown,
    )


def printable(text: str) -> str:
    """``text`` without what would move the cursor or colour the screen: files hold anything."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
