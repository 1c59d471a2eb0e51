"""The application with all commands, and its exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragbridge.cli import streams
from ragbridge.cli.commands import Commands
from ragbridge.cli.help_pages import wrong_usage
from ragbridge.errors import AuthenticationError, RagbridgeError, RequestError
from ragbridge.ground.public import __version__

ELASTIC_KEY = "ELASTIC_API_KEY"
WRONG_USAGE = 2

app = typer.Typer(
    name="ragbridge",
    cls=Commands,
    help="Embeddings, reranking and retrieval for LangChain, LlamaIndex and Haystack, by the Jina AI API and Elasticsearch.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's pages cost a third of a second, and do not fit into narrow terminals
)


def run() -> None:
    """Run the command of the arguments and exit. An error is one line, never a traceback."""
    code = 1
    try:
        code = app(prog_name="ragbridge", standalone_mode=False) or 0
    except SystemExit as ended:  # how typer ends where nobody reads its output, and after completion
        code = ended.code if isinstance(ended.code, int) else 0
    except typer.Abort:
        streams.say("nothing was done")
    except RagbridgeError as error:
        cause = error.__cause__ if isinstance(error.__cause__, RagbridgeError) else error
        streams.say(f"{error}{_advice(cause)}")
    except OSError as error:
        streams.say(streams.described(error))
    except Exception as error:
        if not isinstance(
            error, typer.BadParameter.__mro__[1]
        ):  # wrong usage of any kind, typer has no name for it
            raise
        streams.say(wrong_usage(error))
        code = WRONG_USAGE
    sys.exit(streams.finish(code))


def _advice(error: RagbridgeError) -> str:
    """What to do about an error that the core cannot tell, since it does not know of options and of this command."""
    elastic = sys.argv[1:2] == ["elastic"] or any(each.startswith("--inference-id") for each in sys.argv)
    if isinstance(error, AuthenticationError):
        from ragbridge import Jina

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
