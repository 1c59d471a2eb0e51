"""``ragbridge models``: what each model can do."""

from __future__ import annotations

import dataclasses
import json
from difflib import get_close_matches
from typing import Annotated

import typer

from ragbridge.cli.connection import AsJson
from ragbridge.cli.terminal import show, wrapped
from ragbridge.errors import ConfigurationError
from ragbridge.models import MODELS, Model, lookup


def _complete(incomplete: str) -> list[str]:
    return [name for name in MODELS if name.startswith(incomplete)]


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="One model, with its tasks and options.",
            show_default=False,
            autocompletion=_complete,
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List Jina's models as requests are checked against them: products, context in tokens, widths of the vectors, inputs.

    With NAME or --json also tasks and options. For the models of an Elasticsearch, see `ragbridge elastic endpoints list`; for
    Jina's current offer and prices, `Jina.models()`.
    """
    if name is not None:
        _show(_found(name), as_json=as_json)
        return
    if as_json:
        typer.echo(json.dumps([_row(model) for model in MODELS.values()], indent=2))
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)  # fits into 80 columns
    table.add_column("model", style="bold", no_wrap=True)
    table.add_column("products", min_width=12)
    table.add_column("context", justify="right", no_wrap=True)
    table.add_column("width", justify="right", no_wrap=True)
    table.add_column("other widths")
    table.add_column("inputs")
    for model in MODELS.values():
        table.add_row(
            model.name,
            ", ".join(sorted(model.products)),
            f"{model.context:,}",
            str(model.dimensions or ""),
            ", ".join(str(size) for size in model.sizes if size != model.dimensions),
            ", ".join(model.modalities),
        )
    show(table)


def _found(name: str) -> Model:
    """The model of that name, or of one of its names on the hub.

    Raises:
        ConfigurationError: There is none; with those that are near.
    """
    model = lookup(name)
    if model is None:
        near = get_close_matches(name, MODELS, n=3, cutoff=0.5)
        meant = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        raise ConfigurationError(
            f"{name!r} is no model that is known here; {meant}ragbridge models lists all"
        )
    return model


def _show(model: Model, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_row(model), indent=2))
        return
    widths = model.sizes or ((model.dimensions,) if model.dimensions else ())
    rows = {
        "model": model.name,
        "products": ", ".join(sorted(model.products)),
        "context": f"{model.context:,} tokens",
        "width": f"{model.dimensions:,}" if model.dimensions else "",
        "widths": ", ".join(map(str, widths)) if len(widths) > 1 else "",
        "of tokens": str(model.token_dimensions or ""),
        "inputs": ", ".join(model.modalities),
        "query task": model.task_for("query") or "",
        "document task": model.task_for("document") or "",
        "tasks": ", ".join(model.tasks),
        "options": ", ".join(sorted(model.options)),
        "prefixes": ", ".join(f"{task}: {prefix!r}" for task, prefix in model.prompts.items()),
        "listwise": f"{model.window} documents are compared in one pass" if model.window else "",
        "on Elastic": f"{model.eis_task}" if model.eis_task else "",
    }
    width = max(len(name) for name, value in rows.items() if value)
    for name, value in rows.items():
        if value:
            typer.echo(wrapped(value, f"{name:<{width}}  ", hanging=0))


def _row(model: Model) -> dict[str, object]:
    row = dataclasses.asdict(model)
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in row.items()}
