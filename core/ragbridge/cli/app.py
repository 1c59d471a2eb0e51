"""All commands under one name, and how each of them ends."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from ragbridge.cli import chunk, demo, elastic, limits, models, search, serve
from ragbridge.errors import RagbridgeError
from ragbridge.values.public import __version__

app = typer.Typer(
    name="ragbridge",
    help="Embeddings, reranking and retrieval for LangChain, LlamaIndex and Haystack, by the Jina AI API and Elasticsearch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (demo, search, chunk, serve, models, limits):
    app.command()(getattr(command, command.__name__.rpartition(".")[2]))
app.add_typer(elastic.app, name="elastic")


def run() -> None:
    """Run what the arguments say and exit; an error is one line, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal of another encoding shows ? for what it lacks
    try:
        app()
    except RagbridgeError as error:
        sys.stderr.write(f"ragbridge: {error}\n")
        sys.exit(1)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"ragbridge {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
