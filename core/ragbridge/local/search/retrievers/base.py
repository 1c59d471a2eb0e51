"""What every retriever is, and the ranked list that it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import Failure, bad_argument
from ragbridge.local.search.errors import SearchFailure, on_shards
from ragbridge.local.search.queries.base import Query, Run

if TYPE_CHECKING:
    from ragbridge.local.search.reading import Body
    from ragbridge.local.search.view import Mask

Key: TypeAlias = tuple[int, int]
"""A document: the number of its index in the search, and its row there."""

WINDOW = 10
"""``rank_window_size`` where none is given (``RankBuilder.DEFAULT_RANK_WINDOW_SIZE``)."""
WIDEST = 10_000
"""``index.max_result_window``."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranked list.

    Attributes:
        hits: Documents and their scores, best first.
        matched: Which documents of each index match: what ``hits.total`` counts.
    """

    hits: list[tuple[Key, float]]
    matched: Mapping[int, Mask]

    @property
    def total(self) -> int:
        """How many documents match."""
        return sum(int(mask.sum()) for mask in self.matched.values())


@dataclass(kw_only=True)
class Retriever:
    """A retriever.

    Attributes:
        filters: Queries that all hits have to match.
        min_score: The least score of a hit.
        name: ``_name``, shown in ``matched_queries``.
    """

    kind: ClassVar[str]
    filters: Sequence[Query] = ()
    min_score: float | None = None
    name: str | None = None

    def inner(self) -> Sequence[Retriever]:
        """The retrievers inside."""
        return ()

    def queries(self) -> Iterator[Query]:
        """All queries inside: by these, highlights are found."""
        yield from self.filters
        for one in self.inner():
            yield from one.queries()

    def prepare(self, run: Run) -> None:
        """What is done once, before anything is searched.

        Raises:
            Failure: An endpoint is missing or fails.
        """
        for query in self.filters:
            query.prepare(run)
        for one in self.inner():
            one.prepare(run)

    def problems(self, size: int | None) -> Iterator[str]:
        """What ``validate`` reports of it, given the ``size`` of the search."""
        for one in self.inner():
            yield from one.problems(size)

    def ranked(self, run: Run, window: int, filters: Sequence[Query]) -> Ranking:
        """The best documents.

        Args:
            run: The search.
            window: How many at most.
            filters: Those of the retrievers around it.

        Raises:
            Failure: It cannot be run.
        """
        raise NotImplementedError

    def cut(self, ranking: Ranking, run: Run) -> Ranking:
        """A ranking without what scores less than ``min_score``, noted under the retriever's name."""
        if self.min_score is not None:
            kept = [(key, score) for key, score in ranking.hits if score >= self.min_score]
            ranking = Ranking(kept, of_keys(run, [key for key, _ in kept]))
        if self.name is not None:
            for number, mask in ranking.matched.items():
                run.named[run.views[number].name, self.name] = mask
        return ranking


ParseRetriever: TypeAlias = Callable[[Any], Retriever]
"""Reads a retriever inside another."""


@dataclass(kw_only=True)
class Compound(Retriever):
    """A retriever over others, each of which gives the best ``window`` documents."""

    children: Sequence[Retriever] = field(default_factory=tuple)
    window: int = WINDOW

    def inner(self) -> Sequence[Retriever]:
        """The retrievers over which it is."""
        return self.children

    def problems(self, size: int | None) -> Iterator[str]:
        """That the window is too small, and what is reported of the retrievers inside."""
        if size is not None and size > self.window:
            yield (
                f"[{self.kind}] requires [{self.window_name}: {self.window}] be greater than or equal to "
                f"[size: {size}]"
            )
        yield from super().problems(size)

    window_name: ClassVar[str] = "rank_window_size"

    def ranked(self, run: Run, window: int, filters: Sequence[Query]) -> Ranking:
        """The best documents of the window."""
        found: list[Ranking] = []
        failed: list[tuple[str, Failure]] = []
        for one in self.children:
            try:
                with sized(run, self.window):
                    found.append(self.search(run, one, [*filters, *self.filters]))
            except Failure as failure:
                if failure.status == 501:
                    raise
                failed.append((one.kind, failure))
        if failed:
            raise inner_failed(self.kind, failed)
        hits = self.combine(run, found)[: self.window]
        ranking = self.cut(Ranking(hits, self.counted(run, found, hits)), run)
        return Ranking(ranking.hits[:window], ranking.matched)

    def search(self, run: Run, inner: Retriever, filters: Sequence[Query]) -> Ranking:
        """The ranked list of one of the retrievers inside."""
        return inner.ranked(run, self.window, filters)

    def combine(self, run: Run, found: Sequence[Ranking]) -> list[tuple[Key, float]]:
        """The documents of several lists, best first."""
        raise NotImplementedError

    def counted(
        self,
        run: Run,  # noqa: ARG002 - other retrievers need it
        found: Sequence[Ranking],
        hits: Sequence[tuple[Key, float]],  # noqa: ARG002
    ) -> Mapping[int, Mask]:
        """What ``hits.total`` counts: whatever the retrievers inside match."""
        return union(found)


@contextmanager
def sized(run: Run, size: int) -> Iterator[None]:
    """Search as if so many hits were asked for."""
    outer, run.size = run.size, size
    try:
        yield
    finally:
        run.size = outer


def collect(run: Run, query: Query, window: int, *, min_score: float | None = None) -> Ranking:
    """The best documents that a query matches in all indexes.

    Raises:
        Failure: The query cannot be run against one of the indexes.
    """
    matched: dict[int, Mask] = {}
    best: list[tuple[Key, float]] = []
    for number, view in enumerate(run.views):
        try:
            found = query.match(view, run)
        except Failure as failure:
            raise (
                failure if failure.status == 501 else on_shards(view.name, view.index.uuid, failure)
            ) from failure
        mask = found.mask if min_score is None else found.mask & (found.scores >= min_score)
        matched[number] = mask
        rows = mask.nonzero()[0]
        for place in np.argsort(-found.scores[rows], kind="stable")[:window]:
            row = int(rows[place])
            best.append(((number, row), float(found.scores[row])))
    best.sort(key=lambda hit: (-hit[1], hit[0]))
    return Ranking(best[:window], matched)


def by_score(scores: Mapping[Key, float]) -> list[tuple[Key, float]]:
    """Documents by their scores, those with equal ones in the order of the indexes."""
    return sorted(scores.items(), key=lambda hit: (-hit[1], hit[0]))


def union(rankings: Sequence[Ranking]) -> dict[int, Mask]:
    """What any of several lists matches."""
    every: dict[int, Mask] = {}
    for ranking in rankings:
        for number, mask in ranking.matched.items():
            every[number] = every[number] | mask if number in every else mask
    return every


def of_keys(run: Run, keys: Sequence[Key]) -> dict[int, Mask]:
    """Documents as masks."""
    masks = {number: np.zeros(len(view), dtype=np.bool_) for number, view in enumerate(run.views)}
    for number, row in keys:
        masks[number][row] = True
    return masks


def inner_failed(kind: str, failed: Sequence[tuple[str, Failure]]) -> SearchFailure:
    """Retrievers inside another failed: the causes stand under ``suppressed`` (``CompoundRetrieverBuilder``)."""
    names = ", ".join(name for name, _ in failed)
    return SearchFailure(
        max(failure.status for _, failure in failed),
        f"[{kind}] search failed - retrievers '[{names}]' returned errors. All failures are attached as suppressed "
        "exceptions.",
        kind="status_exception",
        suppressed=[failure for _, failure in failed],
    )


def read_window(body: Body) -> int:
    """``rank_window_size``.

    Raises:
        Failure: 400.
    """
    window = body.whole("rank_window_size", WINDOW)
    if window < 1:
        raise bad_argument(f"[rank_window_size] must be greater than [0], got [{window}]")
    if window > WIDEST:
        raise bad_argument(
            f"Result window is too large, from + size must be less than or equal to: [{WIDEST}] but was [{window}]. See "
            "the scroll api for a more efficient way to request large data sets. This limit can be set by changing the "
            "[index.max_result_window] index level setting."
        )
    return window
