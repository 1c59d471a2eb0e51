"""``ragbridge classify``: the label that fits each text best."""

from __future__ import annotations

from collections.abc import Iterable
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
    classifiers,
)
from ragbridge.cli.results import Writing, of_windows
from ragbridge.cli.rows import Reading, Row

if TYPE_CHECKING:
    from ragbridge import Classification, RagbridgeError


def classify(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT...",
            help="What is classified; - or nothing for standard input.",
            show_default=False,
        ),
    ] = None,
    *,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            "-l",
            metavar="LABEL",
            help="A label; any number. They say what they mean, best in words.",
        ),
    ] = None,
    classifier: Annotated[
        str | None, typer.Option(metavar="ID", help="A classifier that was trained, in place of labels.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The model; see ragbridge models.", autocompletion=classifiers),
    ] = None,
    as_json: AsLines = False,
    text_column: TextColumn = "text",
    form: InputForm = Form.AUTO,
    label_column: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Where labels are written; scores beside it, as NAME_score.",
            rich_help_panel=OUTPUT,
        ),
    ] = "label",
    error_column: ErrorColumn = "error",
    on_error: Fails = OnError.FAIL,
    local: connection.Local = False,
    base_url: connection.BaseUrl = None,
    host: connection.Host = None,
    limits: connection.Limits = "auto",
    cache: Cache = None,
) -> None:
    """Print the label that fits each text best, with its score, in the order of the texts, as they come."""
    if not label and classifier is None:
        raise typer.BadParameter("labels are missing: --label LABEL, once for each, or --classifier ID")
    score_column = f"{label_column}_score"
    writing = Writing(as_json, on_error, error_column)
    taken = writing.taken({label_column: "--label-column", score_column: "--label-column"})
    reading = Reading("texts", text_column, taken, form, whole=on_error is OnError.RECORD)
    asked: dict[str, Any] = {"labels": label or None, "classifier": classifier, "model": model}
    width = max(map(len, label or [""]))
    url = connection.base_url(base_url, local=local)
    with connection.client(url, limits, cache, host) as client:

        def find(rows: list[Row]) -> Iterable[Classification | RagbridgeError]:
            found = client.classify([row.text for row in rows], **asked, on_error="report")
            results: dict[int, Classification | RagbridgeError] = {row.index: row for row in found}
            results.update((failure.index, failure.error) for failure in found.failed)
            return (results[place] for place in range(len(rows)))

        writing.write(
            of_windows(reading.windows(texts), find),
            added=lambda found: {label_column: found.label, score_column: round(float(found.score), 6)},
            shown=lambda row, found: terminal.fitted(
                row.text, after=f"{terminal.printable(found.label):<{width}}  {found.score:.3f}  "
            ),
        )
