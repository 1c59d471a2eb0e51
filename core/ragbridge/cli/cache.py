"""``ragbridge cache``: what a cache's file holds, and emptying it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from ragbridge.cache import CacheInfo, SqliteCache
from ragbridge.cli.commands import Command, Group
from ragbridge.cli.connection import AsJson
from ragbridge.cli.terminal import printable
from ragbridge.errors import ConfigurationError

app = typer.Typer(
    cls=Group,
    help="Files of answers that were paid for once (cache=PATH).",
    rich_markup_mode=None,
    add_completion=False,
)

File: TypeAlias = Annotated[
    Path, typer.Argument(metavar="PATH", help="The file that cache= names.", show_default=False)
]


@app.command(cls=Command)
def info(path: File, *, as_json: AsJson = False) -> None:
    """Show how many answers a cache holds and what it takes on disk."""
    found = _info(_opened(path))
    if as_json:
        shown = {"path": str(found.path), "answers": found.answers, "bytes": found.bytes}
        typer.echo(json.dumps(shown, indent=2))
        return
    typer.echo(f"{printable(str(found.path))}: {_size(found)}")


@app.command(cls=Command)
def clear(
    path: File,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete all answers of a cache. They have to be paid for again."""
    cache = _opened(path)
    before = _info(cache)
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigurationError("nobody can be asked whether to delete them: give --yes")
        typer.confirm(f"Delete {_size(before)} in {printable(str(before.path))}?", abort=True, err=True)
    try:
        cache.clear()
    except OSError as error:
        raise _unusable(error) from error
    after = _info(cache)
    if as_json:
        shown = {"path": str(after.path), "deleted": before.answers, "bytes": after.bytes}
        typer.echo(json.dumps(shown, indent=2))
        return
    typer.echo(
        f"{printable(str(after.path))}: {before.answers:,} answers deleted, {after.bytes:,} bytes left"
    )


def _opened(path: Path) -> SqliteCache:
    """The cache in a file that is there: asking about one must not make it."""
    if not path.expanduser().is_file():
        raise ConfigurationError(f"{path} is no file: name the one that cache= names")
    return SqliteCache(path)


def _info(cache: SqliteCache) -> CacheInfo:
    try:
        return cache.info()
    except OSError as error:
        raise _unusable(error) from error


def _unusable(error: OSError) -> ConfigurationError:
    return ConfigurationError(str(error))


def _size(found: CacheInfo) -> str:
    return f"{found.answers:,} answers, {found.bytes:,} bytes"
