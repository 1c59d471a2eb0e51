"""Options that several commands have, in one wording."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from ragbridge.models import MODELS

INPUT, VECTORS, OUTPUT, SERVICE = "Input", "Vectors", "Output", "Service"
"""Panels of options on the pages of help."""

ROWS_FAILED = 3
"""Exit code of a command that did everything, but for rows that failed and were recorded."""


class OnError(StrEnum):
    """What is done about a row that fails."""

    FAIL = "fail"
    RECORD = "record"


class Form(StrEnum):
    """How standard input is read."""

    AUTO = "auto"
    LINES = "lines"
    JSONL = "jsonl"


def _complete(product: str, incomplete: str) -> list[str]:
    return [
        row.name for row in MODELS.values() if product in row.products and row.name.startswith(incomplete)
    ]


def embedders(incomplete: str) -> list[str]:
    """Names of models that embed, for shells."""
    return _complete("embed", incomplete)


def rerankers(incomplete: str) -> list[str]:
    """Names of models that rerank, for shells."""
    return _complete("rerank", incomplete)


def classifiers(incomplete: str) -> list[str]:
    """Names of models that classify, for shells."""
    return _complete("classify", incomplete)


TextColumn: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="The column, or key, of texts.", rich_help_panel=INPUT)
]
InputForm: TypeAlias = Annotated[
    Form,
    typer.Option(
        "--input",
        help="Standard input: an item a line, or JSON Lines; auto takes a first line that begins with { for JSON Lines.",
        rich_help_panel=INPUT,
    ),
]
Fails: TypeAlias = Annotated[
    OnError,
    typer.Option(
        "--on-error",
        help="What a row does that fails: end the command, or be recorded with its error (exit code 3).",
        rich_help_panel=OUTPUT,
    ),
]
ErrorColumn: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="Where it is written why a row failed.", rich_help_panel=OUTPUT)
]
AsLines: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON Lines and nothing else: a line an item, in order.")
]
Cache: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="FILE",
        dir_okay=False,
        help="Keep every answer there for good: nothing is paid for twice.",
        rich_help_panel=SERVICE,
    ),
]
