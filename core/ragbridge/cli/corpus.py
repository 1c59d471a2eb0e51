"""``ragbridge embed ... --out``: a corpus of files becomes files of vectors."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ragbridge.cli import terminal
from ragbridge.cli.chunk import Strategy, defaults
from ragbridge.cli.following import following
from ragbridge.cli.options import ROWS_FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragbridge import Jina
    from ragbridge.chunking import Chunker
    from ragbridge.corpus import Estimate, Report
    from ragbridge.elastic import Elastic


def estimate(
    inputs: Sequence[str], client: Jina | Elastic, asked: dict[str, Any], *, sample: bool, as_json: bool
) -> None:
    """Say how much a job is."""
    from ragbridge import corpus

    _say(corpus.estimate(list(inputs), client=client, sample=sample, **asked), as_json=as_json)


def run(
    inputs: Sequence[str],
    out: Path,
    client: Jina | Elastic,
    asked: dict[str, Any],
    written: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    """Run the job, or what is left of it, and say what was done.

    Args:
        inputs: Files, folders and patterns.
        out: Where the vectors go.
        client: Who makes them.
        asked: What is asked of the model, and of what: arguments of ``corpus.estimate`` and ``corpus.embed``.
        written: How it is written: arguments of ``corpus.embed`` alone.
        as_json: Whether the report is JSON.

    Raises:
        typer.Exit: The job is done, but for rows that failed.
    """
    from ragbridge import corpus

    with following() as watch:
        report = corpus.embed(list(inputs), out, client=client, watch=watch, **written, **asked)
    _say(report, as_json=as_json)
    if report.failed:
        raise typer.Exit(ROWS_FAILED)


def chunker(strategy: Strategy | None, max_chunk_size: int | None) -> Chunker | None:
    """The chunker of ``--chunk``, and with ``--max-chunk-size`` an overlap that fits."""
    if strategy is None:
        return None
    from ragbridge.chunking import Chunker

    settings = {"strategy": strategy.value, **defaults(strategy)}
    if max_chunk_size is not None:
        settings["max_chunk_size"] = max_chunk_size
        if "overlap" in settings:
            settings["overlap"] = min(settings["overlap"], max_chunk_size // 2)
    return Chunker.from_settings(settings)


def _say(found: Report | Estimate, *, as_json: bool) -> None:
    """The result: on standard output, as JSON or as a small table."""
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), indent=2, default=str))
        return
    lines = found.lines()
    width = max(len(name) for name, _ in lines)
    for name, figure in lines:
        typer.echo(f"{name:<{width}}  {terminal.printable(figure)}")
    sys.stdout.flush()
