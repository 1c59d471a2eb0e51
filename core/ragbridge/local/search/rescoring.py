"""``rescore``: the best hits are scored once more by another query (``QueryRescorer``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import Failure, bad_argument
from ragbridge.local.search.errors import on_shards
from ragbridge.local.search.queries.base import Query, Run
from ragbridge.local.search.queries.parse import parse
from ragbridge.local.search.reading import OBJECT, Body
from ragbridge.local.search.similarity import HIGHEST

if TYPE_CHECKING:
    from ragbridge.local.search.queries.base import Matches

Hit: TypeAlias = "tuple[tuple[int, int], float]"

WINDOW = 10
"""``RescorerBuilder.DEFAULT_WINDOW_SIZE``."""
_MODES: dict[str, Callable[[float, float], float]] = {
    "total": lambda first, second: first + second,
    "multiply": lambda first, second: first * second,
    "avg": lambda first, second: (first + second) / 2,
    "max": max,
    "min": min,
}


@dataclass(frozen=True, slots=True)
class Rescorer:
    """One more scoring.

    Attributes:
        query: The query that scores.
        window: How many hits are scored.
        first: The weight of the score that a hit has.
        second: The weight of the score that the query gives.
        mode: How both become one.
    """

    query: Query
    window: int = WINDOW
    first: float = 1.0
    second: float = 1.0
    mode: str = "total"


def rescored(run: Run, hits: Sequence[Hit], rescorers: Sequence[Rescorer]) -> list[Hit]:
    """Hits with their new scores, best first. Those outside a window follow as they were.

    Raises:
        Failure: A query cannot be run.
    """
    ordered = list(hits)
    for rescorer in rescorers:
        found = [_match(run, rescorer.query, number) for number in range(len(run.views))]
        inside, outside = ordered[: rescorer.window], ordered[rescorer.window :]
        again: list[Hit] = []
        for (number, row), score in inside:
            first = score * rescorer.first
            if found[number].mask[row]:
                first = _MODES[rescorer.mode](first, float(found[number].scores[row]) * rescorer.second)
            again.append(((number, row), float(np.float32(min(max(first, -HIGHEST), HIGHEST)))))
        again.sort(key=lambda hit: (-hit[1], hit[0]))
        ordered = [*again, *outside]
    return ordered


def _match(run: Run, query: Query, number: int) -> Matches:
    view = run.views[number]
    try:
        return query.match(view, run)
    except Failure as failure:
        raise on_shards(view.name, view.index.uuid, failure) from failure


def read_rescore(given: Any) -> list[Rescorer]:
    """``rescore``: one or several.

    Raises:
        Failure: 400; 501 for rescorers that the engine has not.
    """
    rescorers: list[Rescorer] = []
    for one in given if isinstance(given, list) else [given]:
        body = Body("rescore", one, refusal=OBJECT)
        window = body.whole("window_size", WINDOW)
        if window < 1:
            raise bad_argument(f"[window_size] must be greater than 0, got [{window}]")
        body.elsewhere("learning_to_rank", "script")
        inner = Body("query", body.any("query", default={}), refusal=OBJECT)
        body.end()
        query = inner.any("rescore_query")
        if query is None:
            raise inner.required("rescore_query")
        mode = inner.text("score_mode", "total")
        if mode not in _MODES:
            raise bad_argument(f"illegal score_mode [{mode[:40]}]")
        first, second = inner.number("query_weight", 1.0), inner.number("rescore_query_weight", 1.0)
        inner.end()
        rescorers.append(Rescorer(parse(query), window, first, second, mode))
    if not rescorers:
        raise bad_argument("Missing rescore definition")
    return rescorers
