"""Rows of an answer, checked: as many as were asked for, each index once, finite scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from ragbridge.errors import ResponseError

T = TypeVar("T")


Scored: TypeAlias = tuple[int, float, dict[str, Any]]
"""One row of a ranking: the document's index in the caller's list, its score, and the row itself."""


def no_list(name: str) -> ResponseError:
    """The error for what is no answer of the product at all, such as a gateway's message in a success: it may pass."""
    error = ResponseError(f"the answer has no list {name!r}")
    error.damaged = True
    return error


def read_rows(rows: object, name: str, count: int, read: Callable[[dict[str, Any]], T]) -> list[T]:
    """``read`` of each of exactly ``count`` rows, in the order of their ``index``.

    Raises:
        ResponseError: Rows are missing, surplus, duplicate, or not objects.
    """
    if not isinstance(rows, list):
        raise no_list(name)
    if len(rows) != count:
        raise ResponseError(f"{name!r} has {len(rows)} rows for {count} items")
    ordered: list[Any] = [None] * count
    seen = bytearray(count)
    for row in rows:
        index = row.get("index") if isinstance(row, dict) else None
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
            raise ResponseError(
                f"a row of {name!r} has the index {index!r} where 0 to {count - 1} are possible"
            )
        if seen[index]:
            raise ResponseError(f"{name!r} has two rows of index {index}")
        seen[index] = 1
        ordered[index] = read(row)
    return ordered


def read_scores(
    rows: object,
    name: str,
    places: Sequence[int],
    *,
    least: int,
    most: int,
    score: str = "relevance_score",
    texts: bool = False,
) -> list[Scored]:
    """The rows of a ranking, best first; of equal scores, the caller's first document first.

    Args:
        rows: The list in the answer.
        name: What the answer calls it.
        places: Where the documents of the request stand in the caller's list.
        least: Rows expected at least.
        most: Rows expected at most.
        score: The field with the score.
        texts: Whether numbers may be written as texts.

    Raises:
        ResponseError: Rows are missing, surplus, duplicate, unknown, or have no finite score.
    """
    if not isinstance(rows, list):
        raise no_list(name)
    if not least <= len(rows) <= most:
        raise ResponseError(f"{name!r} has {len(rows)} rows where {least} were expected")
    ranked: dict[int, Scored] = {}
    for row in rows:
        fields = row if isinstance(row, dict) else {}
        place = _whole(fields.get("index"), texts=texts)
        if place is None or not 0 <= place < len(places):
            raise ResponseError(
                f"a row of {name!r} has the index {fields.get('index')!r} for {len(places)} documents"
            )
        if place in ranked:
            raise ResponseError(f"{name!r} has two rows of index {place}")
        number = finite(fields.get(score), texts=texts)
        if number is None:
            raise ResponseError(
                f"the score of document {places[place]} is {repr(fields.get(score))[:40]}, no finite number"
            )
        ranked[place] = places[place], number, fields
    return sorted(ranked.values(), key=lambda scored: (-scored[1], scored[0]))


def finite(value: object, *, texts: bool = False) -> float | None:
    """``value`` where it is a finite number, or where ``texts`` are allowed, the text of one; else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str) if texts else (int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: object, *, texts: bool) -> int | None:
    if type(value) is int:
        return value
    number = finite(value, texts=True) if texts else None
    return int(number) if number is not None and number == int(number) else None
