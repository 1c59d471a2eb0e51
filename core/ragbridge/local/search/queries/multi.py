"""``multi_match``: a text in several fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragbridge.ground.records import dataclass
from ragbridge.local.search.errors import invalid_argument, not_offered, parsing
from ragbridge.local.search.queries import values
from ragbridge.local.search.queries.base import Matches, Query, Run, common
from ragbridge.local.search.queries.compound import DisMax
from ragbridge.local.search.queries.constants import matches
from ragbridge.local.search.queries.fulltext import Match, Text, read_how
from ragbridge.local.search.reading import Body

if TYPE_CHECKING:
    from ragbridge.local.search.view import View

TYPES = {"best_fields": 0.0, "most_fields": 1.0, "phrase": 0.0}
"""The types that the engine has, and the share of fields that are not the best."""
SEMANTIC = ("best_fields", "most_fields")
"""The types that take ``semantic_text`` fields."""
ELSEWHERE = ("cross_fields", "phrase_prefix", "bool_prefix")


@dataclass(kw_only=True)
class MultiMatch(Query):
    """Documents with terms of a text in one of several fields; ``lexical`` leaves out ``semantic_text`` fields."""

    fields: Mapping[str, float]
    text: Any
    how: Text
    kind: str = "best_fields"
    tie_breaker: float = 0.0
    lexical: bool = False

    def prepare(self, run: Run) -> None:
        """Embed the text for the fields that are ``semantic_text``.

        Raises:
            Failure: 400, there are such fields, and the type takes none; 501, the engine has not got the type.
        """
        queries = [(view, query) for view in run.views for query in self._queries(view)]
        semantic = any(query.semantic.among(view) for view, query in queries)
        if semantic and self.kind not in SEMANTIC:
            raise invalid_argument(
                f"multi_match query with type [{self.kind}] is not supported for semantic_text fields"
            )
        if self.kind in ELSEWHERE:
            raise not_offered(f"type {self.kind} of multi_match")
        for view in run.views:
            for query in self._queries(view):
                known = view.fields.get(query.field)
                if known is not None and known.type == "semantic_text":
                    query.semantic.embed(run, known)

    def among_neighbours(self, view: View) -> bool:
        """Where one of the fields is ``semantic_text``."""
        return any(query.among_neighbours(view) for query in self._queries(view))

    def _queries(self, view: View) -> list[Match]:
        return [
            Match(field=path, text=self.text, how=self.how, boost=weight)
            for path, weight in weighted(view, self.fields, self.how.lenient).items()
            if not (self.lexical and path in view.fields and view.fields[path].type == "semantic_text")
        ]

    def children(self) -> Sequence[Query]:
        """One query for each field that is named in full."""
        return [
            Match(field=path, text=self.text, how=self.how, boost=weight)
            for path, weight in self.fields.items()
            if "*" not in path
        ]

    def _match(self, view: View, run: Run) -> Matches:
        return DisMax(queries=self._queries(view), tie_breaker=self.tie_breaker).match(view, run)


def weighted(view: View, fields: Mapping[str, float], lenient: bool) -> dict[str, float]:
    """The fields of an index that names and patterns mean, with their weights."""
    every = fields or {"*": 1.0}
    found: dict[str, float] = {}
    for pattern, weight in every.items():
        if "*" not in pattern:
            found[pattern] = found.get(pattern, 1.0) * weight
            continue
        for path, known in view.fields.items():
            fits = (
                known.type in (*values.COMPARED, "semantic_text")
                if lenient or not fields
                else known.type in _TEXTUAL
            )
            if fits and matches(pattern, path):
                found[path] = found.get(path, 1.0) * weight
    return found


_TEXTUAL = ("text", "keyword", "semantic_text")


def read_fields(given: Sequence[Any]) -> dict[str, float]:
    """Fields with their weights, from names such as ``title^2``.

    Raises:
        Failure: 400, a weight is no number.
    """
    fields: dict[str, float] = {}
    for one in given:
        if not isinstance(one, str):
            raise parsing("[multi_match] query does not support fields that are no names")
        path, mark, weight = one.partition("^")
        try:
            fields[path] = float(weight) if mark else 1.0
        except ValueError:
            raise invalid_argument(f'For input string: "{weight[:40]}"') from None
        if not -3.4e38 < fields[path] < 3.4e38:
            raise invalid_argument(f"the weight of [{path}] must be a finite number")
    return fields


def read_multi_match(value: Any) -> Query:
    """``multi_match``."""
    body = Body("multi_match", value)
    text, fields = body.any("query"), read_fields(body.several("fields"))
    if text is None:
        raise parsing("No text specified for multi_match query")
    if isinstance(text, list | Mapping):
        raise parsing("[multi_match] unknown token after [query]")
    kind = body.text("type", "best_fields")
    if kind not in TYPES and kind not in ELSEWHERE:
        raise parsing(f"failed to parse [multi_match] query type [{kind[:40]}]. unknown type.")
    if any(weight < 0 for weight in fields.values()):
        raise invalid_argument(
            "negative [boost] are not allowed in [multi_match], use a value between 0 and 1 to deboost"
        )
    how = read_how(body, phrase=kind == "phrase")
    if not fields:
        how = replace(how, lenient=True)
    tie = body.number("tie_breaker", TYPES.get(kind, 0.0))
    query = MultiMatch(fields=fields, text=text, how=how, kind=kind, tie_breaker=tie, **common(body))
    body.end()
    return query
