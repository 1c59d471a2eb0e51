"""``ragbridge read``: web pages as Markdown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragbridge.cli import connection, files, streams, terminal
from ragbridge.cli.options import (
    INPUT,
    OUTPUT,
    AsLines,
    ErrorColumn,
    Fails,
    Form,
    InputForm,
    OnError,
)
from ragbridge.cli.results import Writing, of_windows
from ragbridge.cli.rows import Reading, Row

if TYPE_CHECKING:
    from ragbridge import Jina, Page, RagbridgeError

PAGES = "Page"
AHEAD = 64
"""Pages that are asked for together at most."""


def read(
    urls: Annotated[
        list[str] | None,
        typer.Argument(metavar="URL...", help="Pages; - or nothing for standard input.", show_default=False),
    ] = None,
    *,
    return_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="content (Markdown of the main part, unless given), markdown (of all of it), text or html.",
            rich_help_panel=PAGES,
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How pages are fetched: browser for quality, direct for speed.",
            rich_help_panel=PAGES,
        ),
    ] = None,
    target_selector: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CSS", help="Only elements of this kind. May be repeated.", rich_help_panel=PAGES
        ),
    ] = None,
    remove_selector: Annotated[
        list[str] | None,
        typer.Option(metavar="CSS", help="No elements of this kind. May be repeated.", rich_help_panel=PAGES),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", min=500, help="Cut pages that are longer.", rich_help_panel=PAGES),
    ] = None,
    as_json: AsLines = False,
    url_column: Annotated[
        str, typer.Option(metavar="NAME", help="The key of addresses in JSON Lines.", rich_help_panel=INPUT)
    ] = "url",
    form: InputForm = Form.AUTO,
    page_column: Annotated[
        str, typer.Option(metavar="NAME", help="Where pages are written.", rich_help_panel=OUTPUT)
    ] = "page",
    error_column: ErrorColumn = "error",
    on_error: Fails = OnError.FAIL,
    pages: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON object of address -> HTML, Markdown or plain text: read by the embedded engine, without a network.",
        ),
    ] = None,
    base_url: connection.BaseUrl = None,
    limits: connection.Limits = "auto",
) -> None:
    """Read web pages as Markdown, in the order of their addresses, as they come.

    Works without a key too, 20 pages a minute.
    """
    from ragbridge import ReaderOptions

    options = ReaderOptions(
        return_format=return_format,  # type: ignore[arg-type]
        engine=engine,  # type: ignore[arg-type]
        target_selector=target_selector or None,
        remove_selector=remove_selector or None,
        max_tokens=max_tokens,
    )
    writing = Writing(as_json, on_error, error_column)
    taken = writing.taken({page_column: "--page-column"})
    reading = Reading("addresses", url_column, taken, form, whole=on_error is OnError.RECORD)
    with _reader(base_url, limits, pages) as client:

        def find(rows: list[Row]) -> Iterable[Page | RagbridgeError]:
            return client.read_each([row.text.strip() for row in rows], options=options)

        writing.write(
            of_windows(reading.windows(urls, AHEAD), find),
            added=lambda page: {page_column: _fields(page)},
            shown=_shown(several=len(urls or ()) != 1),
        )


def _reader(url: str | None, limits: str, pages: Path | None) -> Jina:
    """The reader at an address; else Jina's, with a key or without; or the embedded engine's."""
    from ragbridge import Jina
    from ragbridge.client.secret import find_key
    from ragbridge.services.jina.session import AUTO

    if pages is not None:
        if url not in {None, Jina.LOCAL}:
            raise typer.BadParameter("--pages and --base-url exclude each other")
        from ragbridge.local import Engine

        return connection.client(Jina.LOCAL, limits, engine=Engine(pages=files.pages(pages)))
    if url is None and find_key(None, Jina.KEY_VARIABLES) is None:
        if limits != AUTO:
            raise typer.BadParameter(f"--limits is for a key: set {Jina.KEY_VARIABLES[0]}, or leave it out")
        streams.say(connection.KEYLESS)
        return Jina(limits="keyless")
    return connection.client(url or Jina.BASE_URL, limits)


def _fields(page: Page) -> dict[str, Any]:
    """What is known of a page."""
    return {name: value for name, value in dataclasses.asdict(page).items() if value not in (None, "", ())}


def _shown(*, several: bool) -> Callable[[Row, Page], str]:
    """The content of a page; of several, each below its address."""
    number = count(1)

    def shown(row: Row, page: Page) -> str:
        if page.warning:
            streams.say(f"{row.where}: {page.warning}")
        content = page.content or page.text or page.html or ""
        said = terminal.printable(content.replace("\r\n", "\n")).rstrip("\n")
        heading = f"--- {next(number)}: {terminal.printable(page.url)} ---\n"
        return f"{heading}{said}\n" if several else said

    return shown
