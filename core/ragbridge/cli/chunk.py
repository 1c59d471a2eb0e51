"""``ragbridge chunk``: shows how a text is cut."""

from __future__ import annotations

import json
import warnings
from enum import StrEnum
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragbridge.cli import connection, files, streams, terminal
from ragbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragbridge.chunking import Chunk

_COLOURS = ("", "cyan")  # of chunks, in turn
_OVERLAP = "black on yellow"


class Strategy(StrEnum):
    """Elasticsearch's strategies."""

    NONE = "none"
    WORD = "word"
    SENTENCE = "sentence"
    RECURSIVE = "recursive"


def chunk(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A text in UTF-8; - for standard input.", show_default=False),
    ],
    *,
    strategy: Annotated[Strategy, typer.Option(help="How to cut.")] = Strategy.SENTENCE,
    max_chunk_size: Annotated[
        int | None, typer.Option(metavar="WORDS", help="Most words in a chunk; 250 unless given.")
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(metavar="WORDS", help="word: words of the chunk before to repeat; 100 unless given."),
    ] = None,
    sentence_overlap: Annotated[
        int | None,
        typer.Option(
            metavar="0|1", help="sentence: sentences of the chunk before to repeat; 1 unless given."
        ),
    ] = None,
    separator_group: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="recursive: plaintext or markdown; plaintext unless given."),
    ] = None,
    separator: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REGEX", help="recursive: where to cut instead, from coarse to fine; may be repeated."
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict/--no-strict",
            help="Whether to refuse text beyond ASCII without the extra icu, rather than approximate it.",
        ),
    ] = True,
    as_json: connection.AsJson = False,
) -> None:
    """Cut a text as Elasticsearch does and show the chunks, with offsets in code points.

    The heading of a chunk says how much it repeats of the chunk before; a terminal shows that part in colour.
    """
    given: dict[str, Any] = {
        "max_chunk_size": max_chunk_size,
        "overlap": overlap,
        "sentence_overlap": sentence_overlap,
        "separator_group": separator_group,
        "separators": separator or None,
    }
    settings = defaults(strategy) | {name: value for name, value in given.items() if value is not None}
    chunks = _cut(_read(file), {"strategy": strategy.value, **settings}, strict=strict)
    if as_json:
        rows = [{"start": row.start, "end": row.end, "text": row.text} for row in chunks]
        typer.echo(json.dumps(rows, indent=2))
    else:
        _show(chunks)


def defaults(strategy: Strategy) -> dict[str, Any]:
    """The settings in the form of Elasticsearch's API."""
    match strategy:
        case Strategy.NONE:
            return {}
        case Strategy.WORD:
            return {"max_chunk_size": 250, "overlap": 100}
        case _:
            return {"max_chunk_size": 250}


def _cut(text: str, settings: dict[str, Any], *, strict: bool) -> list[Chunk]:
    from ragbridge.chunking import Chunker

    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        chunker = Chunker.from_settings(settings, strict=strict)
    for warning in noted:
        streams.say(warning.message)
    return chunker.chunk(text)


def _read(path: Path) -> str:
    """The text of a file. Line ends are kept, so that offsets are those of the file.

    Raises:
        ConfigurationError: The file cannot be read or is not text. The message is one line.
    """
    name = "standard input" if path == files.STANDARD_INPUT else str(path)
    try:
        text = files.content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{name} is not UTF-8 text: byte {error.start} is in the way") from error
    if "\0" in text:
        raise ConfigurationError(f"{name} is binary, not text")
    return text


def _show(chunks: Sequence[Chunk]) -> None:
    from rich.text import Text

    console = terminal.output()
    before = 0
    for number, (row, colour) in enumerate(zip(chunks, cycle(_COLOURS)), start=1):
        repeated = max(min(before, row.end) - row.start, 0)
        before = row.end
        heading = f"--- {number}: {row.start}-{row.end}"
        heading += f", repeats {row.start}-{row.start + repeated}" if repeated else ""
        shown = Text()
        shown.append(f"{heading} ---\n", style="bold magenta")
        shown.append(_printable(row.text[:repeated]), style=_OVERLAP)
        shown.append(_printable(row.text[repeated:]), style=colour)
        console.print(shown, soft_wrap=not console.is_terminal, end="" if row.text.endswith("\n") else "\n")


def _printable(text: str) -> str:
    return terminal.printable(text.replace("\r\n", "\n"))
