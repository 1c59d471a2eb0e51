"""``ragbridge embed`` without ``--out``: texts become vectors on standard output."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import typer

from ragbridge.cli import terminal
from ragbridge.cli.results import Writing, of_windows
from ragbridge.cli.rows import WINDOW, Reading, Row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragbridge import Jina
    from ragbridge.elastic import Elastic

FILES = (
    ".jsonl",
    ".jsonl.gz",
    ".ndjson",
    ".ndjson.gz",
    ".csv",
    ".tsv",
    ".parquet",
    ".txt",
    ".md",
    ".markdown",
)
"""Ends of names that nobody means as texts."""
_SHOWN = 3
"""Numbers of a vector that people see."""


def refuse_files(arguments: Sequence[str]) -> None:
    """Refuse what is a file, or would be one but for a slip: its name is no text that anybody wants a vector of.

    Raises:
        typer.BadParameter: With the ways to say what is meant.
    """
    for word in arguments:
        named = word.lower().endswith(FILES) and not any(letter.isspace() for letter in word)
        if word != "-" and (named or os.path.exists(word)):  # noqa: PTH110 - Path refuses texts that are too long
            raise typer.BadParameter(
                f"{word} is a file: --out is missing (a folder, or a file that ends with .parquet or .jsonl). "
                f"For vectors on standard output: ragbridge embed < {word}"
            )


def run(
    arguments: Sequence[str],
    client: Jina | Elastic,
    options: Mapping[str, Any],
    *,
    reading: Reading,
    writing: Writing,
    vector_column: str,
) -> None:
    """Embed the arguments, or the rows of standard input, and write each vector when it is there.

    Args:
        arguments: Texts.
        client: Who embeds them.
        options: Those of ``ragbridge.corpus.asked.Asked``.
        reading: How rows are read.
        writing: How results are written.
        vector_column: The key of vectors.
    """
    from ragbridge.corpus.asked import Asked

    asked = Asked(**options)
    asked.check(client)

    def find(rows: list[Row]) -> Iterable[Any]:
        return (found for _, found in asked.stream(client, cast("Any", rows), cast("Any", _text), WINDOW))

    def added(vector: NDArray[Any]) -> dict[str, Any]:
        return {vector_column: numbers(vector)}

    writing.write(of_windows(reading.windows(arguments), find), added=added, shown=_shown)


def numbers(vector: NDArray[Any]) -> list[float] | list[int]:
    """A vector as numbers with no more digits than float32 has."""
    if vector.dtype.kind != "f":
        return [int(number) for number in vector]
    return [float(str(number)) for number in vector.astype("float32")]


def _text(row: Row) -> str:
    return row.text


def _shown(row: Row, vector: NDArray[np.float32] | NDArray[np.uint8]) -> str:
    first = " ".join(
        f"{number:7.4f}" if vector.dtype.kind == "f" else f"{number:3}" for number in vector[:_SHOWN]
    )
    unit = "numbers" if vector.dtype.kind == "f" else "bytes"
    return terminal.fitted(row.text, after=f"[{first} ... {len(vector):,} {unit}]  ")
