"""What requests cost, added up for the call that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from ragbridge.ground.records import dataclass
from ragbridge.values.embeddings import Usage

Progress: TypeAlias = Callable[[int], object]
"""Told the number of items that are done, for each request, from whichever thread did it."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a request brought beside its rows: the model's name, and what it cost."""

    model: str
    usage: Usage


def total(bills: Iterable[Bill], asked: str) -> Bill:
    """All of ``bills`` together. The model is as the service gave it, or as asked for where nothing was sent."""
    bills = list(bills)
    if len(bills) == 1 and bills[0].model:
        return bills[0]
    model = next((bill.model for bill in bills if bill.model), asked)
    return Bill(model, sum((bill.usage for bill in bills), Usage()))
