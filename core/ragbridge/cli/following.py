"""Shows how far a job is: one line on a terminal, elsewhere one line a minute. On standard error."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ragbridge.cli import streams

if TYPE_CHECKING:
    from ragbridge.corpus import Progress

MINUTE = 60.0
"""Seconds between two lines where there is no terminal."""
TIMES_A_SECOND = 4


@contextmanager
def following(every: float = MINUTE) -> Iterator[Callable[[Progress], None]]:
    """Gives what a job's progress is handed to; shows it until the block ends.

    Args:
        every: Seconds between two lines where there is no terminal.
    """
    if sys.stderr.isatty():
        yield from _live()
    else:
        yield from _lines(every)


def _live() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    class Shown:
        """Looked at by rich's own thread."""

        progress: Progress | None = None

        def __rich__(self) -> Text:
            return Text("reading" if self.progress is None else line(self.progress), overflow="ellipsis")

    shown = Shown()

    def watch(progress: Progress) -> None:
        shown.progress = progress

    with Live(shown, console=Console(stderr=True), refresh_per_second=TIMES_A_SECOND, transient=True):
        yield watch


def _lines(every: float) -> Iterator[Callable[[Progress], None]]:
    over = threading.Event()
    threads: list[threading.Thread] = []

    def watch(progress: Progress) -> None:
        def tell() -> None:
            while not over.wait(every):
                streams.say(line(progress))

        threads.append(threading.Thread(target=tell, daemon=True, name="ragbridge-progress"))
        threads[-1].start()

    try:
        yield watch
    finally:
        over.set()
        for thread in threads:
            thread.join()


def line(progress: Progress) -> str:
    """Percent, rows, tokens, rate, time left, cost, failures, and what is waited for."""
    from ragbridge.corpus.report import duration

    eta, cost, waiting = progress.eta, progress.cost, progress.waiting
    parts = [
        f"{progress.share:4.0%}",
        f"{progress.done:,} of {progress.rows:,} rows",
        f"{progress.tokens:,} tokens",
        f"{progress.rate:,.0f} rows/s",
        "" if eta is None else f"{duration(eta)} left",
        "" if cost is None else f"cost {cost:,.4f}",
        f"{progress.failed:,} failed" if progress.failed else "",
        "" if waiting is None else f"waiting: {waiting[0]}, {waiting[1]:.0f} s",
    ]
    return " | ".join(part for part in parts if part)
