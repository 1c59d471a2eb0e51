"""Injected faults: failures of networks, gateways and services, drawn from a seeded random generator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import check_number
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from ragbridge.local.calls import Row

Cut: TypeAlias = Literal["reset", "close", "hang", "truncate"]
"""How a transport breaks the connection instead of sending the whole answer:

* ``reset``: the connection is reset, no byte is sent;
* ``close``: the connection is closed, no byte is sent;
* ``hang``: nothing is sent and the connection stays open;
* ``truncate``: half of the body is sent, then the connection is closed.
"""

CUTS: tuple[Cut, ...] = ("reset", "close", "hang", "truncate")
_ROWS = ("shuffle", "nan", "missing", "duplicate", "offset", "width")
_BODIES = ("html502", "error200", "badjson")
KINDS = (*CUTS, *_ROWS, *_BODIES, "latency")
"""All kinds of faults except ``status<number>`` and ``upstream<number>``."""
DEFAULT_KINDS = (
    "status500",
    "status503",
    "html502",
    "reset",
    "close",
    "truncate",
    "shuffle",
    "nan",
    "missing",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Which share of the requests gets a fault, and which faults.

    Attributes:
        rate: Share of the requests that get a fault, from 0 to 1.
        kinds: Kinds of faults, drawn with equal probability:

            * ``status500``, or any other status from 400 to 599.
            * ``upstream503``, or any other status from 500 to 599: the service behind an inference endpoint fails.
              Elasticsearch wraps the status in a 400; other routes return the status itself.
            * ``html502``: a gateway's HTML page. ``error200``: an error with a successful status. ``badjson``: truncated JSON.
            * ``reset``, ``close``, ``hang``, ``truncate``: the connection breaks, see ``Cut``.
            * ``shuffle``: rows in another order, with correct indices, which is not an error. ``nan``, ``missing``,
              ``duplicate``: one row is affected. ``offset``: indices start at 1. ``width``: one row has half of its numbers.
            * ``latency``: the correct answer, delayed.

            Faults of rows have no effect on answers without rows, or on Elasticsearch's API.
        latency: Delay of the fault ``latency`` in seconds.
    """

    rate: float = 0.0
    kinds: Sequence[str] = DEFAULT_KINDS
    latency: float = 1.0

    def __post_init__(self) -> None:
        rate = check_number("rate", self.rate, "between 0 and 1", least=0, most=1)
        object.__setattr__(self, "rate", rate)
        if isinstance(self.kinds, str) or not self.kinds:
            raise ConfigurationError(f"kinds={self.kinds!r} must be a list with at least one kind of fault")
        for kind in self.kinds:
            if kind not in KINDS and not _status(kind):
                known = ", ".join(("status<400..599>", "upstream<500..599>", *KINDS))
                raise ConfigurationError(f"kinds: {kind!r} is not a kind of fault; the kinds are {known}")
        latency = check_number("latency", self.latency, "a number of seconds, 0 or more", least=0)
        object.__setattr__(self, "latency", latency)

    def draw(self, chance: random.Random) -> Fault:
        """Draws the fault of the next request.

        It always takes three random numbers, so that a request's outcome does not affect those that follow.
        """
        hit, which, place = chance.random(), chance.random(), chance.random()
        if hit >= self.rate:
            return NO_FAULT
        kind = self.kinds[int(which * len(self.kinds))]
        return Fault(kind, place, self.latency if kind == "latency" else 0.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault of one request.

    Attributes:
        kind: The kind of fault; "" for none.
        place: Position of the affected row, as a share of the rows from 0 to 1.
        delay: Delay of the answer in seconds.
    """

    kind: str = ""
    place: float = 0.0
    delay: float = 0.0

    @property
    def status(self) -> int | None:
        """The error status that replaces the answer; None if there is none."""
        return _status(self.kind)

    @property
    def upstream(self) -> bool:
        """Whether an upstream service fails."""
        return self.kind.startswith("upstream")

    @property
    def cut(self) -> Cut | None:
        """How the connection breaks; None if it does not."""
        return next((cut for cut in CUTS if cut == self.kind), None)

    def spoil(self, rows: list[Row]) -> list[Row]:
        """Applies the fault to the rows of an answer."""
        if not rows:
            return rows
        at = int(self.place * len(rows))
        before, row, after = rows[:at], rows[at], rows[at + 1 :]
        match self.kind:
            case "shuffle":
                rows = [*after, *before, row] if after else rows[::-1]
            case "missing":
                rows = [*before, *after]
            case "duplicate":
                rows = [*before, replace(row, index=rows[at - 1].index), *after]
            case "offset":
                rows = [replace(each, index=each.index + 1) for each in rows]
            case "nan":
                numbers = row.numbers.copy()
                numbers[len(numbers) // 2] = np.nan
                rows = [*before, replace(row, numbers=numbers), *after]
            case "width":
                rows = [*before, replace(row, numbers=row.numbers[..., : row.numbers.shape[-1] // 2]), *after]
        return rows


NO_FAULT = Fault()
"""The value for requests without a fault."""


def _status(kind: str) -> int | None:
    for word, least in (("status", 400), ("upstream", 500)):
        digits = kind.removeprefix(word)
        if digits != kind and len(digits) == 3 and digits.isdecimal() and least <= int(digits) <= 599:
            return int(digits)
    return None
