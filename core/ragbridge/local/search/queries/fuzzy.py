"""Terms that differ from another by few letters, as Lucene's ``FuzzyTermsEnum`` finds and weighs them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ragbridge.local.search.errors import invalid_argument

_AUTO = re.compile(r"AUTO(?::(\d{1,4}),(\d{1,4}))?", re.IGNORECASE)
MOST_EDITS = 2
MOST_EXPANSIONS = 50


def edits(fuzziness: Any, term: str) -> int:
    """How many edits a term may differ by.

    Raises:
        Failure: 400, the fuzziness cannot be read.
    """
    if isinstance(fuzziness, str) and (match := _AUTO.fullmatch(fuzziness)):
        low, high = int(match[1] or 3), int(match[2] or 6)
        return 0 if len(term) < low else 1 if len(term) < high else MOST_EDITS
    try:
        number = float(fuzziness)
    except (TypeError, ValueError):
        number = -1.0
    if number not in (0, 1, 2) or isinstance(fuzziness, bool):
        raise invalid_argument(f"Valid edit distances are [0, 1, 2] but was [{str(fuzziness)[:40]}]")
    return int(number)


def check(fuzziness: Any) -> None:
    """Refuse a fuzziness that cannot be read.

    Raises:
        Failure: 400.
    """
    if fuzziness is not None:
        edits(fuzziness, "")


def expansions(
    term: str,
    vocabulary: Iterable[str],
    most: int,
    *,
    prefix: int = 0,
    transpositions: bool = True,
    limit: int,
) -> list[tuple[str, float]]:
    """The terms within an edit distance, the nearest first, each with the weight of its nearness."""
    found: list[tuple[str, float]] = []
    for other in vocabulary:
        if abs(len(other) - len(term)) > most or other[:prefix] != term[:prefix]:
            continue
        distance = 0 if other == term else edit_distance(term, other, most, transpositions=transpositions)
        if distance <= most:
            weight = 1.0 if not distance else 1.0 - distance / max(1, min(len(term), len(other)))
            if weight > 0:
                found.append((other, weight))
    found.sort(key=lambda one: (-one[1], one[0]))
    return found[:limit]


def edit_distance(one: str, other: str, most: int, *, transpositions: bool = True) -> int:
    """Insertions, deletions, substitutions and (as one) transpositions; more than ``most`` where they are more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i] + [0] * len(other)
        for j, another in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != another))
            if transpositions and i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == another:
                row[j] = min(row[j], earlier[j - 2] + 1)
        if min(row) > most:
            return most + 1
    return row[-1]
