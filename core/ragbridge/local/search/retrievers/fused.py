"""Retrievers that fuse lists: ``rrf`` and ``linear``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import bad_argument, unreadable
from ragbridge.local.search.errors import invalid_argument, parsing
from ragbridge.local.search.fusion import NORMALIZERS, reciprocal_ranks, weighted_sums
from ragbridge.local.search.queries.base import Run
from ragbridge.local.search.queries.constants import matches
from ragbridge.local.search.queries.fulltext import Match, Text
from ragbridge.local.search.queries.multi import MultiMatch, read_fields
from ragbridge.local.search.reading import OBJECT, Body, token
from ragbridge.local.search.retrievers.base import (
    Compound,
    Key,
    ParseRetriever,
    Ranking,
    Retriever,
    by_score,
    read_window,
)
from ragbridge.local.search.retrievers.leaves import Standard, read_base

RANK_CONSTANT = 60


@dataclass(kw_only=True)
class Fused(Compound):
    """Lists that are fused; the lists are named one by one, or made of one text and several fields.

    Attributes:
        weights: Of each list.
        query: The text.
        fields: Its fields with their weights; none for all.
    """

    weights: Sequence[float] = ()
    query: str | None = None
    fields: Mapping[str, float] | None = None

    def problems(self, size: int | None) -> Iterator[str]:
        """What is missing, or does not go together (``MultiFieldsInnerRetrieverUtils``)."""
        yield from super().problems(size)
        if self.query is None and self.fields:
            yield f"[{self.kind}] [query] must be provided when [fields] is specified"
        elif self.query is not None:
            if not self.query:
                yield f"[{self.kind}] [query] cannot be empty"
            if self.fields is not None and not self.fields:
                yield f"[{self.kind}] [fields] cannot be empty"
            if self.children:
                yield f"[{self.kind}] cannot combine [retrievers] and [query]"
        elif not self.children:
            yield f"[{self.kind}] must provide [retrievers] or [query]"

    def prepare(self, run: Run) -> None:
        """Make the lists of the fields, if they are not named, and prepare them."""
        if self.query is not None and not self.children:
            self.children = self._lists(run, self.query)
            self.weights = [1.0] * len(self.children)
        super().prepare(run)

    def _lists(self, run: Run, text: str) -> list[Retriever]:
        """One list of all fields of text, and one of all ``semantic_text`` fields, which are fused among themselves."""
        fields = {"*": 1.0} if self.fields is None else self.fields
        semantic: dict[str, float] = {}
        for view in run.views:
            for path, known in view.fields.items():
                found = [weight for pattern, weight in fields.items() if matches(pattern, path)]
                if known.type == "semantic_text" and found and path not in semantic:
                    semantic[path] = _product(found)
        others = {path: weight for path, weight in fields.items() if path not in semantic}
        lists: list[Retriever] = []
        if others:
            how = Text(lenient=self.fields is None)
            query = MultiMatch(fields=others, text=text, how=how, tie_breaker=1.0, lexical=True)
            lists.append(Standard(query=query))
        if semantic:
            matching = [Standard(query=Match(field=path, text=text, how=Text())) for path in semantic]
            lists.append(self.among(matching, list(semantic.values())))
        return lists

    def among(self, lists: Sequence[Retriever], weights: Sequence[float]) -> Retriever:
        """Lists fused in the same way."""
        raise NotImplementedError


def _product(weights: Sequence[float]) -> float:
    product = 1.0
    for weight in weights:
        product *= weight
    return product


@dataclass(kw_only=True)
class Rrf(Fused):
    """Reciprocal rank fusion."""

    kind: ClassVar[str] = "rrf"
    constant: int = RANK_CONSTANT

    def combine(
        self,
        run: Run,  # noqa: ARG002 - other retrievers need it
        found: Sequence[Ranking],
    ) -> list[tuple[Key, float]]:
        """By the sum of reciprocal ranks."""
        return by_score(reciprocal_ranks([one.hits for one in found], self.weights, self.constant))

    def among(self, lists: Sequence[Retriever], weights: Sequence[float]) -> Retriever:
        """The same fusion."""
        return Rrf(children=lists, weights=weights, window=self.window, constant=self.constant)


@dataclass(kw_only=True)
class Linear(Fused):
    """The weighted sum of normalised scores."""

    kind: ClassVar[str] = "linear"
    normalizers: Sequence[str] = ()
    normalizer: str | None = None

    def problems(self, size: int | None) -> Iterator[str]:
        """Also that a normalizer is missing, or stands where it has no effect."""
        yield from super().problems(size)
        if self.query is not None and self.normalizer is None:
            yield f"[{self.kind}] [normalizer] must be provided when [query] is specified"
        elif self.children and self.normalizer is not None:
            yield f"[{self.kind}] [normalizer] cannot be provided when [retrievers] is specified"

    def combine(
        self,
        run: Run,  # noqa: ARG002 - other retrievers need it
        found: Sequence[Ranking],
    ) -> list[tuple[Key, float]]:
        """By the weighted sum."""
        names = self.normalizers or [self.normalizer or "none"] * len(found)
        return by_score(weighted_sums([one.hits for one in found], self.weights, names))

    def among(self, lists: Sequence[Retriever], weights: Sequence[float]) -> Retriever:
        """The same fusion."""
        names = [self.normalizer or "none"] * len(lists)
        return Linear(children=lists, weights=weights, window=self.window, normalizers=names)


def _read_text(body: Body) -> tuple[str | None, dict[str, float] | None]:
    given = "fields" in body
    query, fields = body.any("query"), body.several("fields")
    if query is not None and not isinstance(query, str):
        raise parsing(f"[{body.name}] query doesn't support values of type: {token(query)}")
    read = read_fields(fields)
    if any(weight < 0 for weight in read.values()):
        raise invalid_argument(f"[{body.name}] per-field weights must be non-negative")
    return query, read if given else None


def _weight(body: Body) -> float:
    weight = body.number("weight", 1.0)
    if weight < 0 and body.name == "rrf":
        cause = bad_argument(f"[weight] must be non-negative, found [{weight}]")
        raise unreadable("[rrf] failed to parse field [retrievers]", cause)
    if weight < 0:
        raise bad_argument("[weight] must be non-negative")
    return weight


def read_rrf(value: Any, inner: ParseRetriever) -> Retriever:
    """``rrf``."""
    body = Body("rrf", value, refusal=OBJECT)
    base, window = read_base(body), read_window(body)
    constant = body.whole("rank_constant", RANK_CONSTANT)
    if constant < 1:
        raise bad_argument(f"[rank_constant] must be greater or equal to [1] for [rrf], found [{constant}]")
    query, fields = _read_text(body)
    children: list[Retriever] = []
    weights: list[float] = []
    for one in body.several("retrievers"):
        if isinstance(one, Mapping) and "retriever" in one:
            component = Body("rrf", one, refusal=OBJECT)
            weights.append(_weight(component))
            children.append(inner(component.any("retriever")))
            component.end()
        else:
            weights.append(1.0)
            children.append(inner(one))
    body.end()
    return Rrf(
        children=children,
        weights=weights,
        window=window,
        constant=constant,
        query=query,
        fields=fields,
        **base,
    )


def read_linear(value: Any, inner: ParseRetriever) -> Retriever:
    """``linear``."""
    body = Body("linear", value, refusal=OBJECT)
    base, window = read_base(body), read_window(body)
    query, fields = _read_text(body)
    normalizer = body.some_text("normalizer")
    children: list[Retriever] = []
    weights: list[float] = []
    names: list[str] = []
    for one in body.several("retrievers"):
        component = Body("linear", one, refusal=OBJECT)
        if "retriever" not in component:
            raise component.required("retriever")
        weights.append(_weight(component))
        names.append(component.text("normalizer", "none"))
        children.append(inner(component.any("retriever")))
        component.end()
    for name in [*names, normalizer or "none"]:
        if name not in NORMALIZERS:
            raise invalid_argument(f"Unknown normalizer [{name[:100]}]")
    body.end()
    return Linear(
        children=children,
        weights=weights,
        window=window,
        normalizers=names,
        normalizer=normalizer,
        query=query,
        fields=fields,
        **base,
    )
