"""``ragbridge models``: what each model can do."""

from __future__ import annotations

import dataclasses
import json

import typer

from ragbridge.cli.connection import AsJson
from ragbridge.cli.terminal import output
from ragbridge.models import MODELS, Model


def models(*, as_json: AsJson = False) -> None:
    """List Jina's models as requests are checked against them: products, context in tokens, widths of the vectors, inputs.

    With --json also tasks and options. For the models of an Elasticsearch, see `ragbridge elastic endpoints list`; for
    Jina's current offer and prices, `Jina.models()`.
    """
    if as_json:
        typer.echo(json.dumps([_row(model) for model in MODELS.values()], indent=2))
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)  # fits into 80 columns
    table.add_column("model", style="bold", no_wrap=True)
    table.add_column("products", min_width=11)
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
    output().print(table)


def _row(model: Model) -> dict[str, object]:
    row = dataclasses.asdict(model)
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in row.items()}
