"""Faults on request: what networks, gateways and services do to a client, drawn from a seeded generator."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ragbridge.errors import ConfigurationError

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from ragbridge.local.calls import Row

Cut: TypeAlias = Literal["reset", "close", "hang", "truncate"]
"""What a transport does instead of sending the whole answer:

* ``reset``: the connection is reset, no byte is sent;
* ``close``: the connection is closed, no byte is sent;
* ``hang``: nothing is sent and the connection stays open;
* ``truncate``: half of the body is sent, then the connection is closed.
"""

CUTS: tuple[Cut, ...] = ("reset", "close", "hang", "truncate")
_ROWS = ("shuffle", "nan", "missing", "duplicate", "offset", "width")
_BODIES = ("html502", "error200", "badjson")
KINDS = (*CUTS, *_ROWS, *_BODIES, "latency")
"""Every kind of fault beside ``status<number>`` and ``upstream<number>``."""
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
    """Which share of the requests goes wrong, and how.

    Attributes:
        rate: Share of the requests, 0 to 1.
        kinds: What is drawn from, each as likely: ``status500`` or any other status from 400 to 599; ``upstream503`` or
            any other from 500 to 599 (the service behind an inference endpoint fails, which Elasticsearch wraps in a
            400; elsewhere the status itself); ``html502`` (a gateway's page), ``error200`` (a success that holds an error), ``badjson`` (a whole answer, half the JSON);
            ``reset``, ``close``, ``hang``, ``truncate`` (the connection); ``shuffle`` (rows in another order, each with
            its right index: not an error), ``nan``, ``missing``, ``duplicate``, ``offset`` (indices begin at 1),
            ``width`` (half of the numbers); ``latency`` (the right answer, late). Answers without rows, and those of
            Elasticsearch's API, are spared by what strikes rows.
        latency: Seconds that ``latency`` takes.
    """

    rate: float = 0.0
    kinds: Sequence[str] = DEFAULT_KINDS
    latency: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ConfigurationError(f"rate={self.rate!r} must be between 0 and 1")
        if isinstance(self.kinds, str) or not self.kinds:
            raise ConfigurationError(f"kinds={self.kinds!r} must be a list with at least one kind of fault")
        for kind in self.kinds:
            if kind not in KINDS and not _status(kind):
                known = ", ".join(("status<400..599>", "upstream<500..599>", *KINDS))
                raise ConfigurationError(f"kinds: {kind!r} is not a kind of fault; there are {known}")
        if not (math.isfinite(self.latency) and self.latency >= 0):
            raise ConfigurationError(f"latency={self.latency!r} must be a number of seconds, 0 or more")

    def draw(self, chance: random.Random) -> Fault:
        """The fault of the next request. Always three draws, so that one request's fate leaves the next one's alone."""
        hit, which, place = chance.random(), chance.random(), chance.random()
        if hit >= self.rate:
            return NO_FAULT
        kind = self.kinds[int(which * len(self.kinds))]
        return Fault(kind, place, self.latency if kind == "latency" else 0.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What one request suffers.

    Attributes:
        kind: One of the kinds, or "" for nothing.
        place: Where in the answer, as a share of its rows.
        delay: Seconds by which the answer is late.
    """

    kind: str = ""
    place: float = 0.0
    delay: float = 0.0

    @property
    def status(self) -> int | None:
        """The status that replaces the answer, if any."""
        return _status(self.kind)

    @property
    def upstream(self) -> bool:
        """Whether it is a service behind this one that fails."""
        return self.kind.startswith("upstream")

    @property
    def cut(self) -> Cut | None:
        """What happens to the connection, if anything."""
        return next((cut for cut in CUTS if cut == self.kind), None)

    def spoil(self, rows: list[Row]) -> list[Row]:
        """The rows as the fault leaves them; an answer without rows stays as it is."""
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
"""What most requests suffer."""


def _status(kind: str) -> int | None:
    for word, least in (("status", 400), ("upstream", 500)):
        digits = kind.removeprefix(word)
        if digits != kind and len(digits) == 3 and digits.isdecimal() and least <= int(digits) <= 599:
            return int(digits)
    return None
