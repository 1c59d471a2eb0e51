"""The application with all commands, and its exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragbridge.cli import cache, chunk, demo, elastic, limits, models, search, serve, streams
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
app.add_typer(cache.app, name="cache")
app.add_typer(elastic.app, name="elastic")


def run() -> None:
    """Run the command of the arguments and exit. An error is one line, never a traceback."""
    code = 1
    try:
        app()
    except SystemExit as ended:  # how typer ends
        code = ended.code if isinstance(ended.code, int) else 0
    except RagbridgeError as error:
        streams.complain(error)
    except OSError as error:
        streams.complain(streams.described(error))
    sys.exit(streams.finish(code))


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
