"""What every query is: read from a body, prepared once for a search, matched against each index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.errors import SearchFailure, invalid_argument
from ragbridge.local.search.similarity import HIGHEST

if TYPE_CHECKING:
    from ragbridge.local.search.inference import Embedded, Inference
    from ragbridge.local.search.reading import Body
    from ragbridge.local.search.view import Mask, View

    Scores: TypeAlias = NDArray[np.float64]

EMBEDDING = ("text_embedding", "embedding", "sparse_embedding")
"""Tasks that embed."""
DEFAULT_SIZE = 10
"""Hits where a search names no ``size``; also the fewest neighbours that a semantic query looks for."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The documents of an index that a query matches, and their scores, which are 0 where it does not."""

    mask: Mask
    scores: Scores

    @classmethod
    def none(cls, view: View) -> Matches:
        """No document."""
        return cls(np.zeros(len(view), dtype=np.bool_), np.zeros(len(view)))

    @classmethod
    def constant(cls, mask: Mask, score: float = 1.0) -> Matches:
        """The same score for all."""
        return cls(mask, np.where(mask, np.float64(score), 0.0))


@dataclass
class Run:
    """What one search knows while it runs.

    Attributes:
        inference: The endpoints.
        views: The indexes that are searched.
        size: The hits that are asked for, by which some queries choose how many neighbours they look for.
        named: Which documents of an index (by its name) each named query matches.
        allowed: What the clauses around a query allow; semantic queries look for neighbours among these only.
    """

    inference: Inference
    views: Sequence[View]
    size: int = DEFAULT_SIZE
    named: dict[tuple[str, str], Mask] = field(default_factory=dict)
    allowed: Mask | None = None
    _embedded: dict[tuple[str, str], Embedded] = field(default_factory=dict)

    def embed(self, inference_id: str, text: str) -> Embedded:
        """The embedding of a query text. It is embedded once in a search.

        Raises:
            Failure: As the endpoint answers, or 404 where there is none.
        """
        key = inference_id, text
        if key not in self._embedded:
            endpoint = self.inference.find(inference_id)
            if endpoint.task_type not in EMBEDDING:
                raise invalid_argument(
                    f"Inference endpoint [{inference_id}] has the task type [{endpoint.task_type}], which embeds no queries"
                )
            self._embedded[key] = self.inference.embed(endpoint, [text], "search")
        return self._embedded[key]

    @contextmanager
    def within(self, allowed: Mask | None) -> Iterator[None]:
        """Look for neighbours among these documents only."""
        outer = self.allowed
        if allowed is not None and outer is not None:
            allowed = allowed & outer
        self.allowed = outer if allowed is None else allowed
        try:
            yield
        finally:
            self.allowed = outer


@dataclass(kw_only=True)
class Query:
    """A query.

    Attributes:
        boost: Its scores are multiplied by this.
        name: ``_name``, shown in ``matched_queries``.
    """

    boost: float = 1.0
    name: str | None = None

    def children(self) -> Sequence[Query]:
        """The queries inside."""
        return ()

    def walk(self) -> Iterator[Query]:
        """This query and all inside."""
        yield self
        for child in self.children():
            yield from child.walk()

    def prepare(self, run: Run) -> None:
        """What is done once, before any index is searched: embedding. Failures are those of the whole search.

        Raises:
            Failure: An endpoint is missing or fails, or what is searched does not fit.
        """
        for child in self.children():
            child.prepare(run)

    def among_neighbours(self, view: View) -> bool:
        """Whether it looks for neighbours, so that what stands beside it should be applied first."""
        return any(child.among_neighbours(view) for child in self.children())

    def match(self, view: View, run: Run) -> Matches:
        """The documents that match.

        Raises:
            Failure: It cannot be run against this index.
        """
        found = self._match(view, run)
        if self.boost != 1.0:
            found = Matches(found.mask, _float32(found.scores * self.boost))
        if self.name is not None:
            known = run.named.get((view.name, self.name))
            run.named[view.name, self.name] = found.mask if known is None else known | found.mask
        return found

    def _match(self, view: View, run: Run) -> Matches:
        raise NotImplementedError


Parse: TypeAlias = Callable[[Any], Query]
"""Reads a query inside another."""


def parse_all(given: Sequence[Any], parse: Parse) -> list[Query]:
    """Several queries."""
    return [parse(one) for one in given]


@dataclass(kw_only=True)
class Leaf(Query):
    """A query that needs nothing but the documents of an index."""

    def find(self, view: View) -> Matches:
        """The documents that match, before its boost."""
        raise NotImplementedError

    def _match(self, view: View, run: Run) -> Matches:  # noqa: ARG002 - other queries need it
        return self.find(view)


def _float32(scores: Scores) -> Scores:
    with np.errstate(over="ignore"):
        rounded: Scores = np.minimum(scores, HIGHEST).astype(np.float32).astype(np.float64)
    return rounded


def total(scores: Sequence[Scores]) -> Scores:
    """The sum of scores, as Lucene adds them: in double precision, rounded at the end."""
    return _float32(np.sum(scores, axis=0))


def common(body: Body) -> dict[str, Any]:
    """``boost`` and ``_name``, which all queries have.

    Raises:
        Failure: 400.
    """
    boost = body.number("boost", 1.0)
    if boost < 0:
        raise invalid_argument(
            f"negative [boost] are not allowed in [{body.name}], use a value between 0 and 1 to deboost"
        )
    return {"boost": boost, "name": body.some_text("_name")}


def not_created(reason: str, *, cause_kind: str = "illegal_argument_exception") -> SearchFailure:
    """400: a query cannot be made for an index (``QueryShardException``)."""
    cause = Failure(400, reason, kind=cause_kind)
    return SearchFailure(400, f"failed to create query: {reason}", kind="query_shard_exception", cause=cause)
