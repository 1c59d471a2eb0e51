"""Queries for exact values: ``term``, ``terms``, ``range``, ``prefix``, ``wildcard``, ``fuzzy``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field as attribute
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.search.analysis import text_of
from ragbridge.local.search.bm25 import idf
from ragbridge.local.search.errors import not_offered, parsing
from ragbridge.local.search.queries import values
from ragbridge.local.search.queries.base import Leaf, Matches, Query, common
from ragbridge.local.search.queries.constants import matches, of_ids
from ragbridge.local.search.queries.dates import milliseconds
from ragbridge.local.search.reading import Body, only, token

if TYPE_CHECKING:
    from ragbridge.local.search.mapping import Field
    from ragbridge.local.search.view import Mask, View

_FORMATS = (
    "strict_date_optional_time||epoch_millis",
    "strict_date_optional_time",
    "date_optional_time",
    "epoch_millis",
    "yyyy-MM-dd",
)
"""Formats of dates that all mean what is read without one."""
MOST_TERMS = 65_536
"""``index.max_terms_count``."""


@dataclass(kw_only=True)
class Term(Leaf):
    """Documents that have exactly this value."""

    field: str
    value: Any
    case_insensitive: bool = False

    def find(self, view: View) -> Matches:
        """The documents that match."""
        return exactly(view, self.field, self.value, case_insensitive=self.case_insensitive)


@dataclass(kw_only=True)
class Terms(Leaf):
    """Documents that have one of these values. The score is the same for all."""

    field: str
    values: Sequence[Any]

    def find(self, view: View) -> Matches:
        """The documents that match."""
        mask = np.zeros(len(view), dtype=np.bool_)
        for value in self.values:
            mask |= exactly(view, self.field, value).mask
        return Matches.constant(mask)


def exactly(view: View, path: str, value: Any, *, case_insensitive: bool = False) -> Matches:
    """The documents that have a value, and the scores of ``term``.

    Raises:
        Failure: 400, the field's type has no such value.
    """
    if path in {"_id", "_index"}:
        text = text_of(value)
        return Matches.constant(
            of_ids(view, [text]) if path == "_id" else np.full(len(view), matches(text, view.name))
        )
    known = view.fields.get(path)
    if known is None or known.type in {"object", "nested"}:
        return Matches.none(view)
    if known.type in values.LEXICAL:
        return _lexically(view, known, value, case_insensitive=case_insensitive)
    if known.type == "boolean":
        sought = values.boolean(value)
        mask = _any_value(view, path, lambda one: bool(one == sought))
        return Matches.constant(mask, idf(int(view.having(path).sum()), int(mask.sum())))
    if known.type == "date":
        low, high = milliseconds(known, value), milliseconds(known, value, up=True)
        return Matches.constant(_any_value(view, path, lambda one: low <= one <= high))
    if known.type in values.NUMERIC:
        number = values.number(known, value)
        return Matches.constant(_any_value(view, path, lambda one: bool(one == number)))
    raise values.unsupported(known)


def _any_value(view: View, path: str, holds: Callable[[Any], bool]) -> Mask:
    return view.mask(lambda document: any(holds(one) for one in document.values.get(path, ())))


def _lexically(view: View, field: Field, value: Any, *, case_insensitive: bool) -> Matches:
    index = view.text(field.path)
    term = values.terms_in(view, field, value)
    if not case_insensitive:
        scores = index.score(term)
        postings = index.postings(term)
        mask = np.zeros(len(view), dtype=np.bool_)
        if postings is not None:
            mask[postings.rows] = True
        return Matches(mask, scores)
    return of_terms(view, field, lambda one: one.lower() == term.lower())


def of_terms(view: View, field: Field, holds: Callable[[str], bool]) -> Matches:
    """The documents that have a term for which something holds. The score is the same for all."""
    index = view.text(field.path)
    mask = np.zeros(len(view), dtype=np.bool_)
    for term in index.vocabulary:
        if holds(term) and (postings := index.postings(term)) is not None:
            mask[postings.rows] = True
    return Matches.constant(mask)


@dataclass(kw_only=True)
class Pattern(Leaf):
    """Documents that have a term with a prefix, or that matches a pattern."""

    field: str
    value: str
    kind: str
    case_insensitive: bool = False

    def find(self, view: View) -> Matches:
        """The documents that match."""
        known = view.fields.get(self.field)
        if known is None or known.type in {"object", "nested"}:
            return Matches.none(view)
        if known.type not in values.LEXICAL:
            raise values.unsupported(known, self.kind)
        sought = self.value.lower() if self.case_insensitive else self.value

        def holds(term: str) -> bool:
            term = term.lower() if self.case_insensitive else term
            return term.startswith(sought) if self.kind == "prefix" else matches(sought, term, one="?")

        return of_terms(view, known, holds)


@dataclass(kw_only=True)
class Range(Leaf):
    """Documents that have a value between bounds."""

    field: str
    bounds: Mapping[str, Any] = attribute(default_factory=dict)

    def find(self, view: View) -> Matches:
        """The documents that match."""
        known = view.fields.get(self.field)
        if self.field == "_id" or known is None or known.type in {"object", "nested"}:
            return Matches.none(view)
        if known.type not in values.COMPARED:
            raise values.unsupported(known, "range")
        convert = self._converter(view, known)
        bounds = {name: convert(name, bound) for name, bound in self.bounds.items() if bound is not None}

        def holds(one: Any) -> bool:
            return all(_COMPARED[name](one, bound) for name, bound in bounds.items())

        if known.type in values.LEXICAL:
            return of_terms(view, known, holds)
        return Matches.constant(_any_value(view, self.field, holds))

    def _converter(self, view: View, known: Field) -> Callable[[str, Any], Any]:
        if known.type == "date":
            return lambda name, bound: milliseconds(known, bound, up=name in {"gt", "lte"})
        if known.type == "boolean":
            return lambda _, bound: values.boolean(bound)
        if known.type in values.LEXICAL:
            return lambda _, bound: values.terms_in(view, known, bound)
        return lambda _, bound: values.number(known, bound)


_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda one, bound: bool(one > bound),
    "gte": lambda one, bound: bool(one >= bound),
    "lt": lambda one, bound: bool(one < bound),
    "lte": lambda one, bound: bool(one <= bound),
}


def _inner(name: str, value: Any, key: str) -> tuple[str, Body]:
    """The field of a query, and its options, where a plain value stands for the option ``key``."""
    field, options = only(name, value, beside=("boost", "_name"))
    if isinstance(options, list) or options is None:
        raise parsing(f"[{name}] query does not support [{token(options)}]")
    outer = {one: value[one] for one in ("boost", "_name") if one in value and one != field}
    inner = options if isinstance(options, Mapping) else {key: options}
    return field, Body(name, {**outer, **inner})


def read_term(value: Any) -> Query:
    """``term``."""
    field, body = _inner("term", value, "value")
    sought = body.any("value")
    if sought is None:
        raise parsing("value cannot be null")
    if isinstance(sought, list | Mapping):
        raise parsing(f"[term] query does not support [{token(sought)}] as its value")
    query = Term(
        field=field, value=sought, case_insensitive=body.flag("case_insensitive", False), **common(body)
    )
    body.end()
    return query


def read_terms(value: Any) -> Query:
    """``terms``."""
    body = Body("terms", value)
    options = common(body)
    left = body.left
    if len(left) != 1:
        raise parsing("[terms] query requires one field, and the values that it may have")
    sought = body.any(left[0])
    if isinstance(sought, Mapping):
        raise not_offered("terms lookup of terms")
    if not isinstance(sought, list):
        raise parsing(f"[terms] query does not support [{left[0]}]")
    if len(sought) > MOST_TERMS:
        raise parsing(
            f"The number of terms [{len(sought)}] used in the Terms Query request has exceeded the allowed maximum of [{MOST_TERMS}]."
        )
    if any(one is None for one in sought):
        raise parsing("No value specified for terms query")
    if any(isinstance(one, list | Mapping) for one in sought):
        raise parsing("[terms] query does not support values that are objects or lists")
    return Terms(field=left[0], values=sought, **options)


def _read_pattern(kind: str, value: Any) -> Query:
    field, body = _inner(kind, value, "value")
    sought = body.any("value", "wildcard") if kind == "wildcard" else body.any("value")
    if body.any("rewrite") not in {
        None,
        "constant_score",
        "constant_score_blended",
        "constant_score_boolean",
    }:
        raise not_offered(f"rewrite of {kind}")
    insensitive = body.flag("case_insensitive", False)
    query = Pattern(
        field=field, value=text_of(sought or ""), kind=kind, case_insensitive=insensitive, **common(body)
    )
    body.end()
    if sought is None:
        raise parsing("value cannot be null")
    return query


def read_prefix(value: Any) -> Query:
    """``prefix``."""
    return _read_pattern("prefix", value)


def read_wildcard(value: Any) -> Query:
    """``wildcard``."""
    return _read_pattern("wildcard", value)


def read_range(value: Any) -> Query:
    """``range``."""
    field, options = only("range", value)
    if not isinstance(options, Mapping):
        raise parsing("[range] query malformed, no start_object after query name")
    body = Body("range", options)
    bounds = {name: body.any(name) for name in _COMPARED}
    for older, names in (("from", ("gte", "gt")), ("to", ("lte", "lt"))):
        bound = body.any(older)
        included = body.flag(f"include_{'lower' if older == 'from' else 'upper'}", True)
        if bound is not None:
            bounds[names[0] if included else names[1]] = bound
    if body.any("format") not in {None, *_FORMATS}:
        raise not_offered("format of range")
    body.elsewhere("time_zone", "relation")
    if any(isinstance(one, list | Mapping) for one in bounds.values()):
        raise parsing("[range] query does not support bounds that are objects or lists")
    query = Range(field=field, bounds=bounds, **common(body))
    body.end()
    return query
