"""Pages of help and messages about wrong usage: plain text that breaks between words, whatever the width.

Only typer's public names and what its commands have had since 0.26 is used: the module that it keeps click in is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from ragbridge.cli.terminal import columns

WIDEST = 100
"""Columns of a page at most: longer lines are hard to read."""
NARROWEST = 30
ARGUMENTS, OPTIONS = "Arguments", "Options"


def page(command: Any, ctx: Any) -> str:
    """What ``--help`` shows of a command."""
    formatter = ctx.formatter_class(width=max(min(columns(), WIDEST), NARROWEST) - 1)
    command.format_help(ctx, formatter)
    return "\n".join(line.rstrip() for line in formatter.getvalue().splitlines()).rstrip("\n")


def usage_pieces(command: Any, ctx: Any) -> list[str]:
    """What stands behind the command's name in its first line."""
    pieces = [command.options_metavar]
    for parameter in command.get_params(ctx):
        if parameter.param_type_name == "argument":
            name = parameter.metavar or parameter.name.upper()
            pieces.append(name if parameter.required else f"[{name}]")
    return pieces


def write_options(command: Any, ctx: Any, formatter: Any) -> None:
    """Write arguments and options, each panel under its heading."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is None:
            continue
        name, says = record
        if parameter.param_type_name == "argument":
            name = parameter.metavar or parameter.name.upper()  # without its type, which can be a long list
            panels.setdefault(ARGUMENTS, []).append((name, says))
        else:
            panels.setdefault(getattr(parameter, "rich_help_panel", None) or OPTIONS, []).append((name, says))
    for heading in sorted(panels, key=lambda name: (name != ARGUMENTS, name != OPTIONS)):
        write_table(heading, panels[heading], formatter)


def write_table(heading: str, rows: Sequence[tuple[str, str]], formatter: Any) -> None:
    """Write names and what they are, below one another where there is little room."""
    if not rows:
        return
    with formatter.section(typer.style(heading, bold=True)):
        named = [(typer.style(name, bold=True), says) for name, says in rows]
        formatter.write_dl(named, col_max=min(30, formatter.width // 3))


def wrong_usage(error: Any) -> str:
    """What is wrong with the arguments, and where to look, in one line."""
    message = str(error.format_message()) if not getattr(error, "possibilities", None) else ""
    if not message:
        meant = " or ".join(repr(name) for name in error.possibilities)
        message = f"{error.message}. Did you mean {meant}?"
    if error.__class__ is typer.BadParameter and error.param is None:
        message = str(error.message)  # without "Invalid value", which says nothing where no value is named
    if not message.endswith((".", "?", "!")):
        message += "."
    command = error.ctx.command_path if error.ctx is not None else "ragbridge"
    return f"{message} See {command} --help"
