"""The commands: what each is for, and how its module is loaded when it is called, not before.

``ragbridge --help`` is looked at before anything else is done. It imports neither rich nor a command.
"""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from ragbridge.cli import help_pages
from ragbridge.cli.terminal import coloured

SUMMARIES = {
    "embed": "Turn texts into vectors, or files into files of vectors.",
    "rerank": "Order texts by how well they answer a query.",
    "classify": "Give each text the label that fits it best.",
    "read": "Read web pages as Markdown.",
    "search": "Search files by meaning.",
    "chunk": "Show where Elasticsearch would cut a text.",
    "models": "List what each model can do.",
    "limits": "List the published rate limits of each tier.",
    "doctor": "Check key, server, versions and extras; say what to do.",
    "demo": "Compare one pipeline in LangChain, LlamaIndex and Haystack.",
    "serve": "Serve the embedded engine over HTTP.",
    "cache": "Show or empty a file of answers that were paid for.",
    "elastic": "List, create and change Elasticsearch's inference endpoints.",
}
"""Each command of the application, in the order in which they are listed."""


class Command(TyperCommand):
    """A command whose help is plain text, as wide as the terminal."""

    def get_help(self, ctx: Any) -> str:
        """The page that ``--help`` shows."""
        ctx.color = coloured()
        return help_pages.page(self, ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What stands behind the command's name in its first line."""
        return help_pages.usage_pieces(self, ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, by their panels."""
        help_pages.write_options(self, ctx, formatter)


class Group(TyperGroup):
    """A command of commands. Without one of them it shows its help, and ends with exit code 2."""

    def get_help(self, ctx: Any) -> str:
        """The page that ``--help`` shows."""
        ctx.color = coloured()
        return help_pages.page(self, ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        rows = [(name, self.commands[name].get_short_help_str(1000)) for name in self.list_commands(ctx)]
        help_pages.write_table("Commands", rows, formatter)
        help_pages.write_options(self, ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands before the command."""
        if not args and not ctx.resilient_parsing:
            typer.echo(self.get_help(ctx), err=True, color=ctx.color)
            ctx.exit(2)
        return super().parse_args(ctx, args)


class Commands(Group):
    """The application: every command stands in for a module that is imported when it is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, summary in SUMMARIES.items():
            self.commands[name] = Later(name, help=summary)


class Later(Command):
    """A command that is not loaded yet."""

    def loaded(self) -> Any:
        """The command itself: of a module with an application that, else the function of the module's name."""
        name = str(self.name)
        module = importlib.import_module(f"ragbridge.cli.{name}")
        application = getattr(module, "app", None)
        if application is None:
            application = typer.Typer(add_completion=False, rich_markup_mode=None)
            application.command(name, cls=Command)(getattr(module, name))
        command = get_command(application)
        command.name = name
        return command

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the command itself, so that all else is asked of it."""
        return self.loaded().make_context(info_name, args, parent=parent, **extra)
