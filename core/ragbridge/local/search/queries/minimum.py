"""``minimum_should_match``: how many of several clauses have to match."""

from __future__ import annotations

import re
from typing import Any

from ragbridge.local.search.errors import invalid_argument

_NUMBER = re.compile(r"(-?\d{1,9})(%?)")
_CONDITION = re.compile(r"(\d{1,9})<(-?\d{1,9}%?)")


def minimum(given: Any, clauses: int) -> int:
    """The number of clauses that have to match (``Queries.calculateMinShouldMatch``).

    Args:
        given: ``2``, ``"-1"``, ``"75%"``, ``"-25%"`` or ``"2<75% 5<-2"``.
        clauses: How many clauses there are.

    Raises:
        Failure: 400, it cannot be read.
    """
    text = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else "?"
    if "<" in text:
        needed = clauses
        for part in text.split():
            match = _CONDITION.fullmatch(part)
            if match is None:
                raise _unreadable(text)
            if clauses <= int(match[1]):
                return needed
            needed = minimum(match[2], clauses)
        return needed
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise _unreadable(text)
    amount = int(match[1])
    if match[2]:
        share = int(clauses * abs(amount) / 100)
        amount = share if amount >= 0 else -share
        needed = clauses + amount if match[1].startswith("-") else amount
    else:
        needed = clauses + amount if amount < 0 else amount
    return max(0, needed)


def _unreadable(text: str) -> Exception:
    return invalid_argument(f'For input string: "{text[:40]}"')
