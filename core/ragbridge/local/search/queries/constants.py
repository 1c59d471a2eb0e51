"""Queries that match or do not match: all, none, ids, exists, and what has one score for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.search.queries.base import Leaf, Matches, Query, common
from ragbridge.local.search.reading import OBJECT, Body, names

if TYPE_CHECKING:
    from ragbridge.local.search.view import Mask, View


@dataclass(kw_only=True)
class MatchAll(Leaf):
    """All documents."""

    def find(self, view: View) -> Matches:
        """The documents that match."""
        return Matches.constant(np.ones(len(view), dtype=np.bool_))


@dataclass(kw_only=True)
class MatchNone(Leaf):
    """No document."""

    def find(self, view: View) -> Matches:
        """The documents that match."""
        return Matches.none(view)


@dataclass(kw_only=True)
class Ids(Leaf):
    """Documents by their ids."""

    values: Sequence[str]

    def find(self, view: View) -> Matches:
        """The documents that match."""
        return Matches.constant(of_ids(view, self.values))


@dataclass(kw_only=True)
class Exists(Leaf):
    """Documents that have a value in a field, or in any field of an object; ``*`` stands for any characters."""

    field: str

    def find(self, view: View) -> Matches:
        """The documents that match."""
        mask = np.zeros(len(view), dtype=np.bool_)
        for path in fields_of(view, self.field):
            mask |= view.having(path)
        return Matches.constant(mask)


def of_ids(view: View, ids: Sequence[str]) -> Mask:
    """The documents with these ids."""
    mask = np.zeros(len(view), dtype=np.bool_)
    known = view.rows
    mask[[known[one] for one in ids if one in known]] = True
    return mask


def fields_of(view: View, pattern: str) -> list[str]:
    """The leaves that a name means: itself, those of an object, or those that a pattern with ``*`` matches."""
    if "*" in pattern:
        return [path for path in view.fields if matches(pattern, path)]
    if pattern in view.fields and view.fields[pattern].type not in {"object", "nested"}:
        return [pattern]
    return [path for path in view.fields if path.startswith(pattern + ".")]


def matches(pattern: str, name: str, *, one: str | None = None) -> bool:
    """Whether a name matches a pattern in which ``*`` stands for any characters, and ``one`` for any single one.

    Linear in the product of their lengths at worst, unlike a regular expression with many wildcards.
    """
    place = 0
    star, mark = -1, 0
    position = 0
    while position < len(name):
        if place < len(pattern) and pattern[place] == "*":
            star, mark = place, position
            place += 1
        elif place < len(pattern) and (pattern[place] == name[position] or pattern[place] == one):
            place += 1
            position += 1
        elif star >= 0:
            mark += 1
            place, position = star + 1, mark
        else:
            return False
    return pattern[place:].strip("*") == ""


def read_match_all(value: Any) -> Query:
    """``match_all``."""
    body = Body("match_all", value, refusal=OBJECT)
    query = MatchAll(**common(body))
    body.end()
    return query


def read_match_none(value: Any) -> Query:
    """``match_none``."""
    body = Body("match_none", value, refusal=OBJECT)
    query = MatchNone(**common(body))
    body.end()
    return query


def read_ids(value: Any) -> Query:
    """``ids``."""
    body = Body("ids", value, refusal=OBJECT)
    values = body.any("values")
    if isinstance(values, str):
        values = [values]
    query = Ids(values=names([] if values is None else values), **common(body))
    body.end()
    return query


def read_exists(value: Any) -> Query:
    """``exists``."""
    body = Body("exists", value)
    query = Exists(field=body.text("field", ""), **common(body))
    body.end()
    if not query.field:
        from ragbridge.local.search.errors import parsing

        raise parsing("[exists] must be provided with a [field]")
    return query
