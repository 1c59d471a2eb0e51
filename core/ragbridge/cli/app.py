"""The application with all commands, and its exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragbridge import Jina
from ragbridge.cli import cache, chunk, demo, doctor, elastic, embed, limits, models, search, serve, streams
from ragbridge.errors import AuthenticationError, RagbridgeError, RequestError
from ragbridge.values.public import __version__

ELASTIC_KEY = "ELASTIC_API_KEY"

app = typer.Typer(
    name="ragbridge",
    help="Embeddings, reranking and retrieval for LangChain, LlamaIndex and Haystack, by the Jina AI API and Elasticsearch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (demo, search, embed, chunk, serve, models, limits, doctor):
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
        streams.complain(f"{error}{_advice(error)}")
    except OSError as error:
        streams.complain(streams.described(error))
    sys.exit(streams.finish(code))


def _advice(error: RagbridgeError) -> str:
    """What to do about an error that the core cannot tell, since it does not know of options and of this command."""
    elastic = sys.argv[1:2] == ["elastic"] or any(each.startswith("--inference-id") for each in sys.argv)
    if isinstance(error, AuthenticationError):
        name = ELASTIC_KEY if elastic else Jina.KEY_VARIABLES[0]
        return f"; check the key in {name}"
    if isinstance(error, RequestError) and not error.sent:
        return f"; check {'--url' if elastic else '--base-url'}, and that a server runs there"
    return ""


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
