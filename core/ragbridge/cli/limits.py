"""``ragbridge limits``: what the service allows in each tier."""

from __future__ import annotations

import dataclasses
import json

import typer

from ragbridge._limits import TIERS
from ragbridge.cli.connection import AsJson
from ragbridge.cli.terminal import output


def limits(*, as_json: AsJson = False) -> None:
    """List the published limits that ragbridge keeps to, with their date and source."""
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(tier) for tier in TIERS], indent=2))
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("product", style="bold", no_wrap=True)
    table.add_column("tier", no_wrap=True)
    table.add_column("requests/min", justify="right", no_wrap=True)
    table.add_column("tokens/min", justify="right", no_wrap=True)
    table.add_column("at once", justify="right", no_wrap=True)
    table.add_column("as of", no_wrap=True)
    table.add_column("source")
    for tier in TIERS:
        table.add_row(
            tier.product,
            tier.name,
            _figure(tier.limit.requests_per_minute),
            _figure(tier.limit.tokens_per_minute),
            _figure(tier.limit.concurrency),
            tier.date,
            tier.source,
        )
    output().print(table)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
