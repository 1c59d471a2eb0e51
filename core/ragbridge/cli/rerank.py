"""``ragbridge rerank``: texts in the order in which they answer a query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragbridge.cli import connection, terminal
from ragbridge.cli.options import (
    OUTPUT,
    AsLines,
    Cache,
    ErrorColumn,
    Fails,
    Form,
    InputForm,
    OnError,
    TextColumn,
    rerankers,
)
from ragbridge.cli.results import Writing
from ragbridge.cli.rows import Reading, Row

if TYPE_CHECKING:
    from ragbridge import Jina, RagbridgeError


def rerank(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What is asked.")],
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT...", help="What is ranked; - or nothing for standard input.", show_default=False
        ),
    ] = None,
    *,
    top: Annotated[
        int | None,
        typer.Option("--top", "-n", metavar="N", min=1, help="How many to print; all unless given."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The model; see ragbridge models.", autocompletion=rerankers),
    ] = None,
    as_json: AsLines = False,
    text_column: TextColumn = "text",
    form: InputForm = Form.AUTO,
    score_column: Annotated[
        str, typer.Option(metavar="NAME", help="Where scores are written.", rich_help_panel=OUTPUT)
    ] = "score",
    error_column: ErrorColumn = "error",
    on_error: Fails = OnError.FAIL,
    local: connection.Local = False,
    base_url: connection.BaseUrl = None,
    host: connection.Host = None,
    limits: connection.Limits = "auto",
    cache: Cache = None,
) -> None:
    """Print texts by how well they answer a query, best first, with their scores.

    All of them are read before the first is printed: a ranking needs them all.
    """
    if not query.strip():
        raise typer.BadParameter("the query is empty")
    writing = Writing(as_json, on_error, error_column)
    taken = writing.taken({score_column: "--score-column"})
    reading = Reading("texts", text_column, taken, form, whole=on_error is OnError.RECORD)
    url = connection.base_url(base_url, local=local)
    with connection.client(url, limits, cache, host) as client:
        rows = list(reading.rows(texts))
        results = _ranked(client, query, rows, top=top, model=model, record=on_error is OnError.RECORD)
        writing.write(
            results,
            added=lambda score: {score_column: score},
            shown=lambda row, score: terminal.fitted(row.text, after=f"{score:6.3f}  "),
        )


def _ranked(
    client: Jina, query: str, rows: list[Row], *, top: int | None, model: str | None, record: bool
) -> Iterator[tuple[Row, float | RagbridgeError]]:
    """Rows with their scores, best first; behind them those that cannot be ranked, if they are recorded, else nothing but the first."""
    wrong = [(row, row.error) for row in rows if row.error is not None]
    if wrong and not record:
        yield wrong[0]
        return
    good = [row for row in rows if row.error is None]
    options: dict[str, Any] = {} if model is None else {"model": model}
    ranking = client.rerank(query, [row.text for row in good], top_n=top, **options)
    for place in ranking:
        yield good[place.index], float(place.score)
    yield from wrong
