"""Queries of queries: ``bool``, ``constant_score``, ``dis_max``, ``boosting``, ``nested``, ``pinned``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field as attribute
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import bad_argument
from ragbridge.local.search.errors import parsing
from ragbridge.local.search.queries.base import (
    Matches,
    Parse,
    Query,
    Run,
    common,
    not_created,
    parse_all,
    total,
)
from ragbridge.local.search.queries.constants import of_ids
from ragbridge.local.search.queries.minimum import minimum
from ragbridge.local.search.queries.sparse import SparseVector
from ragbridge.local.search.queries.vectors import Knn
from ragbridge.local.search.reading import OBJECT, Body

if TYPE_CHECKING:
    from ragbridge.local.search.view import Mask, View

MOST_ORGANIC = float(np.float32(2.0**127))
"""The highest score of what is not pinned (``PinnedQueryBuilder.MAX_ORGANIC_SCORE``)."""


@dataclass(kw_only=True)
class Bool(Query):
    """Documents that match clauses of four kinds."""

    must: Sequence[Query] = ()
    filters: Sequence[Query] = ()
    should: Sequence[Query] = ()
    must_not: Sequence[Query] = ()
    needed: Any = None

    def children(self) -> Sequence[Query]:
        """All clauses."""
        return [*self.must, *self.filters, *self.should, *self.must_not]

    def _match(self, view: View, run: Run) -> Matches:
        everything = np.ones(len(view), dtype=np.bool_)
        if not self.children():
            return Matches.constant(everything)
        mask, found = self._required(view, run, everything)
        with run.within(mask if any(one.among_neighbours(view) for one in self.should) else None):
            optional = [one.match(view, run) for one in self.should]
        needed = self._needed()
        if needed:
            met = np.sum([one.mask for one in optional], axis=0) if optional else np.zeros(len(view))
            mask = mask & (met >= needed)
        scores = [one.scores for one in [*found, *optional]]
        scored = total(scores) if scores else np.zeros(len(view))
        return Matches(mask, np.where(mask, scored, 0.0))

    def _required(self, view: View, run: Run, mask: Mask) -> tuple[Mask, list[Matches]]:
        """What all required clauses allow, and the matches of those that score.

        Clauses that look for neighbours come last: they choose among what the others allow.
        """
        late = [one for one in [*self.must, *self.filters] if one.among_neighbours(view)]
        scored: list[Matches] = []
        for query in [*self.must, *self.filters]:
            if query not in late:
                found = query.match(view, run)
                mask = mask & found.mask
                if any(query is one for one in self.must):
                    scored.append(found)
        for query in self.must_not:
            mask = mask & ~query.match(view, run).mask
        allowed = mask
        for query in late:
            with run.within(allowed):
                found = query.match(view, run)
            mask = mask & found.mask
            if any(query is one for one in self.must):
                scored.append(found)
        return mask, scored

    def _needed(self) -> int:
        """How many optional clauses have to match; one where nothing else is asked for."""
        if self.needed is None:
            return 1 if self.should and not self.must and not self.filters else 0
        return minimum(self.needed, len(self.should))


@dataclass(kw_only=True)
class Constant(Query):
    """Documents that match a filter, with one score."""

    inner: Query

    def children(self) -> Sequence[Query]:
        """The filter."""
        return (self.inner,)

    def _match(self, view: View, run: Run) -> Matches:
        return Matches.constant(self.inner.match(view, run).mask)


@dataclass(kw_only=True)
class DisMax(Query):
    """Documents that match any query, with the best score and a share of the others."""

    queries: Sequence[Query]
    tie_breaker: float = 0.0

    def children(self) -> Sequence[Query]:
        """The queries."""
        return self.queries

    def _match(self, view: View, run: Run) -> Matches:
        found = [one.match(view, run) for one in self.queries]
        if not found:
            return Matches.none(view)
        scores = np.array([one.scores for one in found])
        highest = scores.max(axis=0)
        mixed = highest + (scores.sum(axis=0) - highest) * self.tie_breaker
        return Matches(np.any([one.mask for one in found], axis=0), total([mixed]))


@dataclass(kw_only=True)
class Boosting(Query):
    """Documents that match one query; those that match another too score less."""

    positive: Query
    negative: Query
    negative_boost: float

    def children(self) -> Sequence[Query]:
        """Both."""
        return (self.positive, self.negative)

    def _match(self, view: View, run: Run) -> Matches:
        found, less = self.positive.match(view, run), self.negative.match(view, run).mask
        return Matches(found.mask, total([np.where(less, found.scores * self.negative_boost, found.scores)]))


@dataclass(kw_only=True)
class Pinned(Query):
    """Chosen documents first, in their order, then those that a query matches."""

    organic: Query
    chosen: Sequence[tuple[str | None, str]] = attribute(default_factory=tuple)

    def children(self) -> Sequence[Query]:
        """The query."""
        return (self.organic,)

    def _match(self, view: View, run: Run) -> Matches:
        found = self.organic.match(view, run)
        mask, scores = found.mask.copy(), np.minimum(found.scores, MOST_ORGANIC)
        for score, (index, document) in zip(pinned_scores(len(self.chosen)), self.chosen, strict=True):
            if index in {None, view.name}:
                rows = of_ids(view, [document])
                mask |= rows
                scores = np.where(rows & (scores <= MOST_ORGANIC), score, scores)
        return Matches(mask, scores)


def pinned_scores(count: int) -> list[float]:
    """The scores of pinned documents, above all others."""
    first = int(np.float32(MOST_ORGANIC).view(np.int32)) + 1
    return [float(np.int32(first + count - place).view(np.float32)) for place in range(count)]


def read_pins(body: Body) -> list[tuple[str | None, str]]:
    """``ids`` or ``docs``: the index, if one is named, and the id of each.

    Raises:
        Failure: 400, neither is given, or both are.
    """
    ids, docs = body.any("ids"), body.any("docs")
    if ids is not None and docs is not None:
        raise bad_argument("Both 'ids' and 'docs' cannot be specified at the same time")
    if not ids and not docs:
        raise bad_argument(f"Either 'ids' or 'docs' must be provided and non-empty for {body.name} retriever")
    if ids:
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise bad_argument("[ids] must be a list of texts")
        return [(None, one) for one in ids]
    pins: list[tuple[str | None, str]] = []
    for one in docs if isinstance(docs, list) else [docs]:
        inner = Body("docs", one, refusal=OBJECT)
        pins.append((inner.some_text("_index"), inner.need_text("_id")))
        inner.end()
    return pins


def read_bool(value: Any, parse: Parse) -> Query:
    """``bool``."""
    body = Body("bool", value, refusal=OBJECT)
    must, filters = parse_all(body.several("must"), parse), parse_all(body.several("filter"), parse)
    should, excluded = parse_all(body.several("should"), parse), parse_all(body.several("must_not"), parse)
    needed = body.any("minimum_should_match")
    if needed is not None:
        minimum(needed, 1)
    body.flag("adjust_pure_negative", True)
    query = Bool(must=must, filters=filters, should=should, must_not=excluded, needed=needed, **common(body))
    body.end()
    return query


def read_constant_score(value: Any, parse: Parse) -> Query:
    """``constant_score``."""
    body = Body("constant_score", value)
    inner = body.any("filter")
    if inner is None:
        raise parsing("[constant_score] requires a 'filter' element")
    query = Constant(inner=parse(inner), **common(body))
    body.end()
    return query


def read_dis_max(value: Any, parse: Parse) -> Query:
    """``dis_max``."""
    body = Body("dis_max", value)
    queries = body.several("queries")
    if not queries:
        raise parsing("[dis_max] requires 'queries' field with at least one clause")
    tie = body.number("tie_breaker", 0.0)
    query = DisMax(queries=parse_all(queries, parse), tie_breaker=tie, **common(body))
    body.end()
    return query


def read_boosting(value: Any, parse: Parse) -> Query:
    """``boosting``."""
    body = Body("boosting", value)
    positive, negative = body.any("positive"), body.any("negative")
    less = body.some_number("negative_boost")
    for name, given in (("positive", positive), ("negative", negative)):
        if given is None:
            raise parsing(f"[boosting] query requires '{name}' query to be set'")
    if less is None or less < 0:
        raise parsing("[boosting] query requires 'negative_boost' to be set to be a positive value'")
    query = Boosting(
        positive=parse(positive),
        negative=parse(negative),
        negative_boost=less,
        **common(body),
    )
    body.end()
    return query


def read_pinned(value: Any, parse: Parse) -> Query:
    """``pinned``."""
    body = Body("pinned", value, refusal=OBJECT)
    organic = body.any("organic")
    if organic is None:
        raise body.required("organic")
    query = Pinned(chosen=read_pins(body), organic=parse(organic), **common(body))
    body.end()
    return query


_CHUNKS = ".inference.chunks"
_EMBEDDINGS = ".inference.chunks.embeddings"


@dataclass(kw_only=True)
class Nested(Query):
    """A query on nested objects, of which there are none but the chunks of ``semantic_text`` fields in their old form."""

    path: str
    inner: Query
    ignore_unmapped: bool = False

    def children(self) -> Sequence[Query]:
        """The query."""
        return (self.inner,)

    def among_neighbours(self, view: View) -> bool:  # noqa: ARG002 - other queries need it
        """Its filters choose first; what stands beside it does not."""
        return False

    def _match(self, view: View, run: Run) -> Matches:
        known = view.fields.get(self.path.removesuffix(_CHUNKS))
        if self.path.endswith(_CHUNKS) and known is not None and known.type == "semantic_text":
            outer = run.allowed
            run.allowed = None
            try:
                return self.inner.match(view, run)
            finally:
                run.allowed = outer
        if self.ignore_unmapped:
            return Matches.none(view)
        raise not_created(
            f"[nested] failed to find nested object under path [{self.path}]",
            cause_kind="illegal_state_exception",
        )


def read_nested(value: Any, parse: Parse) -> Query:
    """``nested``."""
    body = Body("nested", value)
    path, inner, mode = body.some_text("path"), body.any("query"), body.text("score_mode", "avg")
    if path is None:
        raise parsing("[nested] requires 'path' field")
    if inner is None:
        raise parsing("[nested] requires 'query' field")
    if mode not in {"avg", "max", "min", "sum", "none"}:
        raise bad_argument(f"No score mode for child query [{mode[:40]}] found")
    body.elsewhere("inner_hits")
    read = parse(inner)
    for query in read.walk():
        if isinstance(query, Knn | SparseVector):
            query.field = query.field.removesuffix(_EMBEDDINGS)
    ignore = body.flag("ignore_unmapped", False)
    query = Nested(path=path, inner=read, ignore_unmapped=ignore, **common(body))
    body.end()
    return query
