"""From a search to its ranked hits: in all indexes, those that fail beside those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import Failure, bad_argument
from ragbridge.local.search.errors import NODE, SearchFailure, on_shards, shown
from ragbridge.local.search.fields import collapsed
from ragbridge.local.search.queries.base import DEFAULT_SIZE, Matches, Query, Run, total
from ragbridge.local.search.queries.constants import MatchAll
from ragbridge.local.search.queries.values import NUMERIC
from ragbridge.local.search.queries.vectors import Knn, check_candidates
from ragbridge.local.search.rescoring import rescored
from ragbridge.local.search.retrievers.base import Compound, Key, Ranking
from ragbridge.local.search.retrievers.leaves import KnnRetriever, Standard, nearest
from ragbridge.local.search.similarity import HIGHEST
from ragbridge.local.search.sorting import after, sorted_hits

if TYPE_CHECKING:
    from ragbridge.local.search.request import Request
    from ragbridge.local.search.view import View


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found.

    Attributes:
        hits: All hits that may be shown, best first.
        total: How many match.
        failures: Of indexes that failed, each as it stands in ``_shards.failures``.
        scored: Whether scores are shown.
    """

    hits: list[tuple[Key, float]]
    total: int
    failures: Sequence[dict[str, Any]] = ()
    scored: bool = True


def queries_of(request: Request) -> Iterator[Query]:
    """The queries of a search by which highlights are found."""
    if request.query is not None:
        yield request.query
    yield from request.knn
    if request.retriever is not None:
        yield from request.retriever.queries()
    if request.query is None and request.retriever is None and not request.knn:
        yield MatchAll()


def prepare(run: Run, request: Request) -> None:
    """Embed what the search needs.

    Raises:
        Failure: An endpoint is missing or fails.
    """
    for query in (
        request.query,
        request.post_filter,
        *request.knn,
        *(one.query for one in request.rescorers),
    ):
        if query is not None:
            query.prepare(run)
    if request.retriever is not None:
        request.retriever.prepare(run)
    for highlight in request.highlights:
        if highlight.query is not None:
            highlight.query.prepare(run)


def rank(run: Run, request: Request) -> Found:
    """The hits of a search.

    Raises:
        Failure: No index could be searched, or a part of the search does not fit.
    """
    prepare(run, request)
    retriever = request.retriever
    if isinstance(retriever, Compound):
        ranking = retriever.ranked(run, retriever.window, [])
        return _finished(run, request, _cut(request, ranking))
    if isinstance(retriever, Standard):
        request = replace(
            request,
            query=retriever.whole([]),
            min_score=_higher(request.min_score, retriever.min_score),
            sorts=retriever.sorts,
            retriever=None,
        )
    elif isinstance(retriever, KnnRetriever):
        ranking = retriever.ranked(run, retriever.query.neighbours(run), [])
        return _finished(run, request, _cut(request, ranking))
    return _finished(run, request, _searched(run, request))


def _cut(request: Request, ranking: Ranking) -> Found:
    """A retriever's hits, without what scores less than the search's ``min_score``."""
    if request.min_score is None:
        return Found(ranking.hits, ranking.total)
    hits = [(key, score) for key, score in ranking.hits if score >= request.min_score]
    return Found(hits, len(hits))


def _searched(run: Run, request: Request) -> Found:
    """The hits of a query, and of searches for neighbours beside it."""
    neighbours = [_only_hits(run, nearest(run, one, one.k or 0)) for one in map(_sized(run), request.knn)]
    query = request.query if request.query is not None or neighbours else MatchAll()
    keys: list[tuple[Key, float]] = []
    failures: list[tuple[View, Failure]] = []
    count = 0
    most = (
        None
        if request.sorts or request.collapse
        else max([request.start + request.shown, *(one.window for one in request.rescorers)])
    )
    for number, view in enumerate(run.views):
        parts = [one[number] for one in neighbours]
        try:
            if query is not None:
                parts.append(query.match(view, run))
        except Failure as failure:
            if failure.status == 501:
                raise
            failures.append((view, failure))
            continue
        found = parts[0] if len(parts) == 1 else _sum(parts)
        mask = found.mask if request.min_score is None else found.mask & (found.scores >= request.min_score)
        rows = mask.nonzero()[0]
        if request.post_filter is not None:
            allowed = request.post_filter.match(view, run).mask
            rows = (mask & allowed).nonzero()[0]
        count += len(rows)
        if most is not None and len(rows) > most:
            rows = rows[np.argsort(-found.scores[rows], kind="stable")[:most]]
        keys += [((number, int(row)), float(found.scores[row])) for row in rows]
    if failures and len(failures) == len(run.views):
        raise all_failed(failures)
    hits = sorted(keys, key=lambda hit: (-hit[1], hit[0]))
    return Found(hits, count, [_shown(view, failure) for view, failure in failures])


def _sized(run: Run) -> Callable[[Knn], Knn]:
    """At the top of a body, ``knn`` looks for as many neighbours as hits are asked for (``KnnSearchBuilder.build``)."""

    def sized(query: Knn) -> Knn:
        k = query.k or run.size or DEFAULT_SIZE
        check_candidates(k, query.candidates)
        return replace(query, k=k)

    return sized


def _sum(parts: Sequence[Matches]) -> Matches:
    return Matches(np.any([one.mask for one in parts], axis=0), total([one.scores for one in parts]))


def _only_hits(run: Run, ranking: Ranking) -> list[Matches]:
    """A ranked list as the matches of each index."""
    matches = [Matches.none(view) for view in run.views]
    for (number, row), score in ranking.hits:
        matches[number].mask[row] = True
        matches[number].scores[row] = score
    return matches


def _finished(run: Run, request: Request, found: Found) -> Found:
    """The hits after a second scoring, in the order that is asked for, each value of a field once."""
    hits = found.hits
    if request.retriever is not None and request.post_filter is not None:
        allowed = [request.post_filter.match(view, run).mask for view in run.views]
        hits = [hit for hit in hits if allowed[hit[0][0]][hit[0][1]]]
    if request.rescorers:
        hits = rescored(run, hits, request.rescorers)
    by_field = [sort for sort in request.sorts if sort.field != "_score" or sort.descending is False]
    if request.sorts:
        hits = sorted_hits(run, hits, request.sorts)
    if request.after is not None:
        hits = after(run, hits, request.sorts, request.after)
    if request.collapse is not None:
        hits = _collapsed(run, hits, request.collapse)
    scored = request.scores or not by_field or any(sort.field == "_score" for sort in request.sorts)
    return Found([(key, min(score, HIGHEST)) for key, score in hits], found.total, found.failures, scored)


def _collapsed(run: Run, hits: Sequence[tuple[Key, float]], path: str) -> list[tuple[Key, float]]:
    for view in run.views:
        known = view.fields.get(path)
        if known is None:
            reason = f"no mapping found for `{path}` in order to collapse on"
        elif known.type not in {"keyword", *NUMERIC}:
            reason = f"collapse is not supported for the field [{path}] of the type [{known.type}]"
        else:
            continue
        raise on_shards(view.name, view.index.uuid, bad_argument(reason))
    first: dict[Any, tuple[Key, float]] = {}
    for (number, row), score in hits:
        view = run.views[number]
        first.setdefault(collapsed(view.documents[row], path), ((number, row), score))
    return list(first.values())


def _shown(view: View, failure: Failure) -> dict[str, Any]:
    reason = {**shown(failure), "index_uuid": view.index.uuid, "index": view.name}
    return {"shard": 0, "index": view.name, "node": NODE, "reason": reason}


def _higher(one: float | None, other: float | None) -> float | None:
    return max((score for score in (one, other) if score is not None), default=None)


def all_failed(failures: Sequence[tuple[View, Failure]]) -> SearchFailure:
    """Every index failed: the search fails, with the status of the first."""
    view, failure = failures[0]
    whole = on_shards(view.name, view.index.uuid, failure)
    if len(failures) > 1:
        whole.details["failed_shards"] = [_shown(one, inner) for one, inner in failures]
        whole.roots = [inner for _, inner in failures]
    return whole
