"""Retrievers that rearrange one list: ``pinned``, ``rescorer`` and ``diversify``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import bad_argument
from ragbridge.local.search.errors import SearchFailure, invalid_argument, parsing
from ragbridge.local.search.queries.base import Query, Run
from ragbridge.local.search.queries.compound import MOST_ORGANIC, pinned_scores, read_pins
from ragbridge.local.search.queries.semantic import SPARSE, search_endpoint
from ragbridge.local.search.queries.vectors import numbers, read_builder
from ragbridge.local.search.reading import OBJECT, Body
from ragbridge.local.search.rescoring import Rescorer, read_rescore, rescored
from ragbridge.local.search.retrievers.base import (
    WINDOW,
    Compound,
    Key,
    ParseRetriever,
    Ranking,
    Retriever,
    of_keys,
    read_window,
    union,
)
from ragbridge.local.search.retrievers.leaves import Standard, read_base

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.local.search.view import Mask


def one_child(body: Body, inner: ParseRetriever) -> Retriever:
    """The retriever inside.

    Raises:
        Failure: 400, there is none, or it cannot be read.
    """
    given = body.any("retriever")
    if given is None:
        raise body.required("retriever")
    return inner(given)


@dataclass(kw_only=True)
class PinnedRetriever(Compound):
    """Chosen documents first, in their order, then those of another retriever."""

    kind: ClassVar[str] = "pinned"
    chosen: Sequence[tuple[str | None, str]] = ()

    def _pins(self, run: Run) -> list[tuple[Key, float]]:
        scores = pinned_scores(len(self.chosen))
        pins: dict[Key, float] = {}
        for score, (index, document) in zip(scores, self.chosen, strict=True):
            for number, view in enumerate(run.views):
                row = view.rows.get(document)
                if row is not None and index in {None, view.name}:
                    pins.setdefault((number, row), score)
        return list(pins.items())

    def combine(self, run: Run, found: Sequence[Ranking]) -> list[tuple[Key, float]]:
        """The chosen documents, then the others, whose scores are never as high."""
        pins = self._pins(run)
        taken = {key for key, _ in pins}
        organic = [(key, min(score, MOST_ORGANIC)) for key, score in found[0].hits if key not in taken]
        return [*pins, *organic]

    def counted(
        self,
        run: Run,
        found: Sequence[Ranking],
        hits: Sequence[tuple[Key, float]],  # noqa: ARG002 - other retrievers need it
    ) -> Mapping[int, Mask]:
        """The chosen documents count too."""
        return union([*found, Ranking([], of_keys(run, [key for key, _ in self._pins(run)]))])


@dataclass(kw_only=True)
class RescorerRetriever(Compound):
    """Documents of another retriever, scored once more."""

    kind: ClassVar[str] = "rescorer"
    window_name: ClassVar[str] = "window_size"
    rescorers: Sequence[Rescorer] = ()

    def queries(self) -> Iterator[Query]:
        """The queries that score too."""
        yield from super().queries()
        for one in self.rescorers:
            yield one.query

    def prepare(self, run: Run) -> None:
        """Embed what the queries need."""
        super().prepare(run)
        for one in self.rescorers:
            one.query.prepare(run)

    def combine(self, run: Run, found: Sequence[Ranking]) -> list[tuple[Key, float]]:
        """With the new scores."""
        return rescored(run, found[0].hits, self.rescorers)


@dataclass(kw_only=True)
class Diversify(Compound):
    """Documents of another retriever without those that are like better ones (maximal marginal relevance).

    Attributes:
        field: A ``dense_vector`` or ``semantic_text`` field.
        share: ``lambda``: how much nearness to the query counts, beside difference from what is chosen.
        size: How many documents are chosen.
        vector: The query; None where it is embedded from ``text``, or where there is none.
        endpoint: The endpoint that embeds ``text``.
        text: What is embedded.
        both: Whether a vector and a builder were given.
    """

    kind: ClassVar[str] = "diversify"
    field: str
    share: float | None
    size: int
    vector: Sequence[float] | None = None
    endpoint: str | None = None
    text: str | None = None
    both: bool = False

    def problems(self, size: int | None) -> Iterator[str]:  # noqa: ARG002 - other retrievers need it
        """What is out of bounds."""
        if self.both:
            yield (
                "[diversify] MMR result diversification can have one of [query_vector] or [query_vector_builder], but "
                "not both"
            )
        if self.size <= 0:
            yield f"[diversify] MMR result diversification [size] of {self.size} must be greater than zero"
        if self.size > self.window:
            yield (
                f"[diversify] MMR result diversification [size] of {self.size} cannot be greater than the "
                f"[rank_window_size] of {self.window}"
            )
        if self.share is None or not 0 <= self.share <= 1:
            given = "null" if self.share is None else self.share
            yield (
                "[diversify] MMR result diversification must have a [lambda] between 0.0 and 1.0. The value provided was "
                f"{given}"
            )

    def prepare(self, run: Run) -> None:
        """Embed the query."""
        super().prepare(run)
        if self.text is not None:
            endpoint = self.endpoint or self._endpoint(run)
            result = run.embed(endpoint, self.text)
            if result.vectors is None:
                raise invalid_argument(
                    f"[query_vector_builder] with [{endpoint}] returned no dense query_vector"
                )
            self.vector = result.vectors[0].tolist()

    def _endpoint(self, run: Run) -> str:
        for view in run.views:
            known = view.fields.get(self.field)
            if known is not None and known.type == "semantic_text":
                return search_endpoint(known)
        raise bad_argument("[model_id] must not be null.")

    def combine(self, run: Run, found: Sequence[Ranking]) -> list[tuple[Key, float]]:
        """The chosen documents, in the order that they had."""
        hits = found[0].hits
        query = None if self.vector is None else np.array(self.vector, dtype=np.float32)
        vectors = {
            place: vector
            for place, (key, _) in enumerate(hits)
            if (vector := self._vector(run, key, query)) is not None
        }
        if not vectors:
            return []
        near = {
            place: 0.0 if query is None else _likeness(vector, query) for place, vector in vectors.items()
        }
        share = self.share or 0.0
        last = max(near, key=lambda place: (near[place], -place))
        chosen = [last]
        likest = dict.fromkeys(vectors, -np.inf)
        while len(chosen) < min(self.size, len(hits)):
            best, at = -np.inf, None
            for place, vector in vectors.items():
                if place in chosen:
                    continue
                likest[place] = max(likest[place], _likeness(vector, vectors[last]))
                score = share * near[place] - (1 - share) * likest[place]
                if score > best:
                    best, at = score, place
            if at is None:
                break
            chosen.append(at)
            last = at
        return [hits[place] for place in sorted(chosen)]

    def _vector(self, run: Run, key: Key, query: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        """The vector of a document, or that of its chunks which is nearest to the query."""
        view, row = run.views[key[0]], key[1]
        known = view.fields.get(self.field)
        if known is None:
            return None
        if known.type == "semantic_text":
            if (known.parameters.get("model_settings") or {}).get("task_type") == SPARSE:
                raise SearchFailure(
                    400,
                    f"Failed to retrieve vectors for field [{self.field}]. Is it a [dense_vector] or [semantic_text] field "
                    "with dense vectors?",
                    kind="status_exception",
                )
            found = [
                chunk.vector
                for chunk in view.chunks(view.documents[row], self.field)
                if chunk.vector is not None
            ]
        elif known.type == "dense_vector":
            own = view.documents[row].vectors.get(self.field)
            found = [] if own is None else [own]
        else:
            found = []
        if query is not None and any(len(vector) != len(query) for vector in found):
            raise invalid_argument(
                f"The query vector has a different number of dimensions [{len(query)}] than the document vectors "
                f"[{len(found[0])}]."
            )
        if len(found) > 1 and query is None:
            raise invalid_argument(
                f"[query_vector] or [query_vector_builder] must be supplied when diversifying on inference field [{self.field}]"
            )
        return max(found, key=lambda vector: _likeness(vector, query), default=None)


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32] | None) -> float:
    """The score of ``max_inner_product``."""
    if other is None or len(one) != len(other):
        return 0.0
    dot = float(one @ other)
    return 1 / (1 - dot) if dot < 0 else dot + 1


def read_pinned(value: Any, inner: ParseRetriever) -> Retriever:
    """``pinned``."""
    body = Body("pinned", value, refusal=OBJECT)
    base, window = read_base(body), read_window(body)
    chosen = read_pins(body)
    child = one_child(body, inner)
    body.end()
    if isinstance(child, Standard) and any(
        sort.field not in {"_score", "_shard_doc"} for sort in child.sorts
    ):
        raise invalid_argument("[pinned] retriever only supports sorting by score, invalid sort criterion")
    return PinnedRetriever(children=[child], window=window, chosen=chosen, **base)


def read_rescorer(value: Any, inner: ParseRetriever) -> Retriever:
    """``rescorer``."""
    body = Body("rescorer", value, refusal=OBJECT)
    base = read_base(body)
    child, given = one_child(body, inner), body.any("rescore")
    if given is None:
        raise body.required("rescore")
    rescorers = read_rescore(given)
    body.end()
    window = min(one.window for one in rescorers)
    return RescorerRetriever(children=[child], rescorers=rescorers, window=window, **base)


def read_diversify(value: Any, inner: ParseRetriever) -> Retriever:
    """``diversify``."""
    body = Body("diversify", value, refusal=OBJECT)
    base, window = read_base(body), read_window(body)
    kind, path = body.need_text("type"), body.need_text("field")
    if kind.lower() != "mmr":
        raise parsing(f"unknown result diversification type [{kind[:40]}]")
    vector, builder = body.any("query_vector"), body.any("query_vector_builder")
    endpoint, text = (None, None) if builder is None else read_builder(builder)
    retriever = Diversify(
        children=[one_child(body, inner)],
        window=window,
        field=path,
        share=body.some_number("lambda"),
        size=body.whole("size", min(WINDOW, window)),
        vector=None if vector is None else numbers("diversify", vector),
        endpoint=endpoint,
        text=text,
        both=vector is not None and builder is not None,
        **base,
    )
    body.end()
    return retriever
