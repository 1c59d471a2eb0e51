"""``ragbridge limits``: the limits of each tier."""

from __future__ import annotations

import dataclasses
import json

import typer

from ragbridge.cli.connection import AsJson
from ragbridge.cli.terminal import show, wrapped
from ragbridge.limiter.tiers import TIERS


def limits(*, as_json: AsJson = False) -> None:
    """List the published limits that ragbridge keeps to: by service, product and tier, with date and source.

    Quotas are counted for each key and product; those of Elastic's inference service (eis) for each inference endpoint.
    """
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(tier) for tier in TIERS], indent=2))
        return
    from rich import box
    from rich.table import Table

    sources = list(dict.fromkeys(tier.source for tier in TIERS))
    # As narrow as a terminal of 80 columns.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    table.add_column("service", no_wrap=True)
    table.add_column("product", style="bold")
    table.add_column("tier", no_wrap=True)
    for name in ("requests\na minute", "tokens\na minute", "at\nonce"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("as of", no_wrap=True)
    table.add_column("", no_wrap=True)
    for tier in TIERS:
        table.add_row(
            tier.service,
            tier.product,
            tier.name,
            _figure(tier.limit.requests_per_minute),
            _figure(tier.limit.tokens_per_minute),
            _figure(tier.limit.concurrency),
            tier.date,
            f"({sources.index(tier.source) + 1})",
        )
    show(table)
    typer.echo()
    # Sources are long and few. Beside the figures they would break the rows on a narrow terminal.
    for number, source in enumerate(sources, 1):
        typer.echo(wrapped(f"({number}) {source}", ""))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
