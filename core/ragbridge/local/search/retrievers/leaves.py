"""Retrievers that search: ``standard`` and ``knn``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import bad_argument
from ragbridge.local.search.errors import not_offered
from ragbridge.local.search.queries.base import Query, Run, parse_all
from ragbridge.local.search.queries.compound import Bool
from ragbridge.local.search.queries.constants import MatchAll
from ragbridge.local.search.queries.parse import parse
from ragbridge.local.search.queries.vectors import Knn, knn_of
from ragbridge.local.search.reading import OBJECT, Body
from ragbridge.local.search.retrievers.base import Ranking, Retriever, collect, of_keys
from ragbridge.local.search.sorting import Sort, read_sort, sorted_hits


@dataclass(kw_only=True)
class Standard(Retriever):
    """A query.

    Attributes:
        query: The query; None matches everything.
        sorts: By which the hits are ordered, if not by their scores.
        collapse: The field of whose values each is shown once.
    """

    kind: ClassVar[str] = "standard"
    query: Query | None = None
    sorts: Sequence[Sort] = ()
    collapse: str | None = None

    def queries(self) -> Iterator[Query]:
        """The query and the filters."""
        yield from super().queries()
        if self.query is not None:
            yield self.query

    def prepare(self, run: Run) -> None:
        """Embed what the query needs."""
        super().prepare(run)
        if self.query is not None:
            self.query.prepare(run)

    def whole(self, filters: Sequence[Query]) -> Query:
        """The query with all filters."""
        every = [*filters, *self.filters]
        query = MatchAll() if self.query is None else self.query
        if every or (self.min_score is not None):
            query = Bool(must=[query] if self.query is not None else [], filters=[*every] or [MatchAll()])
        if self.name is not None:
            query = (
                replace(query, name=self.name) if query.name is None else Bool(must=[query], name=self.name)
            )
        return query

    def ranked(self, run: Run, window: int, filters: Sequence[Query]) -> Ranking:
        """The best documents that the query matches."""
        if not self.sorts:
            return collect(run, self.whole(filters), window, min_score=self.min_score)
        everything = collect(run, self.whole(filters), sum(map(len, run.views)), min_score=self.min_score)
        return Ranking(sorted_hits(run, everything.hits, self.sorts)[:window], everything.matched)


@dataclass(kw_only=True)
class KnnRetriever(Retriever):
    """The documents whose vectors are nearest."""

    kind: ClassVar[str] = "knn"
    query: Knn

    def queries(self) -> Iterator[Query]:
        """The query."""
        yield from super().queries()
        yield self.query

    def prepare(self, run: Run) -> None:
        """Embed the query."""
        super().prepare(run)
        self.query.prepare(run)

    def ranked(self, run: Run, window: int, filters: Sequence[Query]) -> Ranking:
        """The ``k`` nearest documents; filters choose before they are taken."""
        query = replace(self.query, filters=[*self.query.filters, *filters, *self.filters], name=self.name)
        return nearest(run, query, window, self.min_score)


def nearest(run: Run, query: Knn, window: int, min_score: float | None = None) -> Ranking:
    """The ``k`` nearest documents of all indexes together."""
    hits = collect(run, query, query.neighbours(run), min_score=min_score).hits
    return Ranking(hits[:window], of_keys(run, [key for key, _ in hits]))


def read_base(body: Body) -> dict[str, Any]:
    """``filter``, ``min_score`` and ``_name``, which all retrievers have."""
    return {
        "filters": parse_all(body.several("filter"), parse),
        "min_score": body.some_number("min_score"),
        "name": body.some_text("_name"),
    }


def read_standard(value: Any) -> Retriever:
    """``standard``."""
    body = Body("standard", value, refusal=OBJECT)
    base = read_base(body)
    query, sorts = body.any("query"), body.any("sort")
    for part in ("search_after", "terminate_after", "collapse"):
        if body.any(part) is not None:
            raise not_offered(f"{part} of the retriever standard")
    body.end()
    return Standard(
        query=None if query is None else parse(query),
        sorts=[] if sorts is None else read_sort(sorts),
        **base,
    )


def read_knn(value: Any) -> Retriever:
    """``knn``."""
    body = Body("knn", value, refusal=OBJECT)
    if missing := [name for name in ("field", "k", "num_candidates") if name not in body]:
        raise bad_argument(f"Required [{', '.join(missing)}]")
    base = read_base(body)
    filters = base.pop("filters")
    query = knn_of(body, parse)
    body.end()
    return KnnRetriever(query=query, filters=filters, **base)
