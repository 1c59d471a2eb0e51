"""Queries by dense vectors: ``knn``."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping, Sequence
from dataclasses import field as attribute
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import bad_argument, unreadable
from ragbridge.local.search.errors import invalid_argument, not_offered, parsing
from ragbridge.local.search.queries.base import (
    DEFAULT_SIZE,
    Matches,
    Parse,
    Query,
    Run,
    common,
    not_created,
    parse_all,
)
from ragbridge.local.search.queries.neighbours import best
from ragbridge.local.search.queries.semantic import SPARSE, embedded, search_endpoint
from ragbridge.local.search.reading import OBJECT, Body, number, only

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.local.search.mapping import Field
    from ragbridge.local.search.similarity import Vectors
    from ragbridge.local.search.view import Mask, View

MOST_CANDIDATES = 10_000
"""``NUM_CANDS_LIMIT``."""
CANDIDATES = 1.5
"""Candidates for each neighbour where a query names no number."""


@dataclass(kw_only=True)
class Knn(Query):
    """The documents whose vectors are nearest.

    Attributes:
        field: A ``dense_vector`` or ``semantic_text`` field.
        vector: The query; None where it is embedded from ``text``.
        text: What is embedded.
        endpoint: The endpoint that embeds ``text``; None for the one of the ``semantic_text`` field.
        k: How many documents; None for as many as there are candidates.
        candidates: How many of each shard are looked at; None for half as many again as hits are asked for.
        filters: Queries that all have to match; they choose before the nearest are taken.
        bound: The least raw similarity.
    """

    field: str
    vector: Sequence[float] | None = None
    text: str | None = None
    endpoint: str | None = None
    k: int | None = None
    candidates: int | None = None
    filters: Sequence[Query] = attribute(default_factory=tuple)
    bound: float | None = None

    def children(self) -> Sequence[Query]:
        """The filters."""
        return self.filters

    def prepare(self, run: Run) -> None:
        """Embed the text, and prepare the filters.

        Raises:
            Failure: The endpoint is missing or fails, or none is named where the field has none.
        """
        super().prepare(run)
        if self.text is None:
            return
        known = [view.fields[self.field] for view in run.views if self.field in view.fields]
        if self.endpoint is not None:
            run.embed(self.endpoint, self.text)
        elif not known or any(field.type != "semantic_text" for field in known):
            raise bad_argument("[model_id] must not be null.")
        else:
            for field in known:
                run.embed(search_endpoint(field), self.text)

    def among_neighbours(self, view: View) -> bool:
        """On ``semantic_text`` fields; elsewhere only its own filters choose first."""
        known = view.fields.get(self.field)
        return known is not None and known.type == "semantic_text"

    def neighbours(self, run: Run) -> int:
        """How many documents of an index it matches at most."""
        if self.k is not None:
            return self.k
        return self.candidates or round(min(CANDIDATES * (run.size or DEFAULT_SIZE), MOST_CANDIDATES))

    def _match(self, view: View, run: Run) -> Matches:
        known = view.fields.get(self.field)
        if known is None or known.type in {"object", "nested"}:
            return Matches.none(view)
        if known.type not in {"dense_vector", "semantic_text"}:
            raise not_created("[knn] queries are only supported on [dense_vector] fields")
        if known.type == "semantic_text" and not known.parameters.get("model_settings"):
            return Matches.none(view)
        allowed: Mask | None = None
        for query in self.filters:
            mask = query.match(view, run).mask
            allowed = mask if allowed is None else allowed & mask
        if known.type == "semantic_text" and run.allowed is not None:
            allowed = run.allowed if allowed is None else allowed & run.allowed
        return best(
            view,
            known.path,
            self._sought(view, known, run),
            k=self.neighbours(run),
            allowed=allowed,
            bound=self.bound,
        )

    def _sought(self, view: View, known: Field, run: Run) -> NDArray[np.float32]:
        held = view.embeddings(known.path).vectors
        if self.text is not None:
            result = run.embed(self.endpoint or search_endpoint(known), self.text)
            if known.type == "semantic_text":
                sought = embedded(known, result)
                if isinstance(sought, Mapping):
                    raise not_created("[knn] queries are only supported on [dense_vector] fields")
                return sought
            if result.vectors is None:
                raise not_created(f"[{self.endpoint}] returned no dense embedding for [query_vector_builder]")
            vector: NDArray[np.float32] = result.vectors[0]
        else:
            if known.type == "semantic_text" and known.parameters["model_settings"]["task_type"] == SPARSE:
                raise not_created("[knn] queries are only supported on [dense_vector] fields")
            vector = _of_element(np.array(self.vector, dtype=np.float32), held)
        if held.width and len(vector) != held.width:
            raise not_created(
                f"The query vector has a different number of dimensions [{len(vector)}] than the document vectors "
                f"[{held.width}]."
            )
        if held.similarity == "cosine" and not vector.any():
            raise not_created("The [cosine] similarity does not support vectors with zero magnitude.")
        return vector


def _of_element(vector: NDArray[np.float32], held: Vectors) -> NDArray[np.float32]:
    """A query as the vectors of a field are kept: bits one by one.

    Raises:
        Failure: 400, the field holds bytes or bits, and the query other numbers.
    """
    if held.element not in {"byte", "bit"}:
        return vector
    if not (np.isin(np.abs(vector), np.arange(129)).all() and (vector < 128).all()):
        raise not_created(f"element_type [{held.element}] vectors only support integers between [-128, 127]")
    if held.element == "bit" and len(vector) * 8 == held.width:
        return np.unpackbits(vector.astype(np.int8).view(np.uint8)).astype(np.float32)
    return vector


def numbers(name: str, value: Any) -> list[float]:
    """A dense query: numbers, or bytes in hexadecimal, or float32 in base64.

    Raises:
        Failure: 400, it is neither.
    """
    if isinstance(value, str):
        return _packed(name, value)
    if not isinstance(value, list) or not value:
        raise unreadable(f"[{name}] failed to parse field [query_vector]")
    if len(value) > 4096 * 8:
        raise invalid_argument(f"[query_vector] has [{len(value)}] dimensions, more than any field")
    return [number(name, "query_vector", one) for one in value]


def _packed(name: str, text: str) -> list[float]:
    try:
        return [float(one) for one in np.frombuffer(bytes.fromhex(text), dtype=np.int8)]
    except ValueError:
        pass
    try:
        data = base64.b64decode(text, validate=True)
        vector = struct.unpack(f">{len(data) // 4}f", data) if data and len(data) % 4 == 0 else ()
    except (binascii.Error, ValueError):
        vector = ()
    if not vector or not np.isfinite(vector).all():
        raise unreadable(
            f"[{name}] failed to parse field [query_vector]", bad_argument("failed to decode the vector")
        )
    return list(vector)


def read_builder(value: Any) -> tuple[str | None, str]:
    """``query_vector_builder``: the endpoint and the text.

    Raises:
        Failure: 400; 501 for inputs that are not text.
    """
    kind, options = only("query_vector_builder", value)
    if kind not in {"text_embedding", "embedding"}:
        if kind == "lookup":
            raise not_offered("query_vector_builder.lookup")
        raise parsing(f"unknown query_vector_builder [{kind}]")
    body = Body(kind, options, refusal=OBJECT)
    if kind == "text_embedding":
        endpoint, text = body.some_text("model_id"), body.some_text("model_text")
        if text is None:
            raise unreadable("Required [model_text]")
    else:
        endpoint, text = body.some_text("inference_id"), _content(body)
        body.elsewhere("timeout")
    body.end()
    return endpoint, text


def _content(body: Body) -> str:
    """The text of the builder ``embedding`` (9.4 and later), whose input may be content of other types."""
    given = body.any("input")
    while isinstance(given, list) and len(given) == 1:
        given = given[0]
    if isinstance(given, Mapping) and set(given) == {"content"}:
        given = given["content"]
    while isinstance(given, list) and len(given) == 1:
        given = given[0]
    if isinstance(given, Mapping):
        if given.get("type") == "text" and isinstance(given.get("value"), str):
            return str(given["value"])
        raise not_offered("query_vector_builder.embedding with content that is no text")
    if not isinstance(given, str):
        raise body.required("input")
    return given


def read_knn(value: Any, parse: Parse) -> Query:
    """``knn``."""
    body = Body("knn", value, refusal=OBJECT)
    query = knn_of(body, parse, **common(body))
    body.end()
    return query


def knn_of(body: Body, parse: Parse, *, boost: float = 1.0, name: str | None = None) -> Knn:
    """The query that the members of ``knn`` mean: as a query, at the top of a body, or as a retriever.

    Raises:
        Failure: 400, a member is missing or cannot be read.
    """
    field, vector, builder = (
        body.need_text("field"),
        body.any("query_vector"),
        body.any("query_vector_builder"),
    )
    if vector is not None and builder is not None:
        raise bad_argument("cannot provide both [query_vector_builder] and [query_vector]")
    if vector is None and builder is None:
        raise bad_argument("either [query_vector_builder] or [query_vector] must be provided")
    endpoint, text = (None, None) if builder is None else read_builder(builder)
    k, candidates = body.some_whole("k"), body.some_whole("num_candidates")
    check_candidates(k, candidates)
    percentage = body.some_number("visit_percentage")
    if percentage is not None and not 0 <= percentage <= 100:
        raise bad_argument(f"[visit_percentage] must be between 0.0 and 100.0, got [{percentage}]")
    _check_rescore(body.any("rescore_vector"))
    body.elsewhere("inner_hits")
    return Knn(
        field=field,
        vector=None if vector is None else numbers(body.name, vector),
        text=text,
        endpoint=endpoint,
        k=k,
        candidates=candidates,
        filters=parse_all(body.several("filter"), parse),
        bound=body.some_number("similarity"),
        boost=boost,
        name=name,
    )


def check_candidates(k: int | None, candidates: int | None) -> None:
    """Refuse numbers of neighbours and candidates that do not fit.

    Raises:
        Failure: 400.
    """
    if k is not None and k < 1:
        raise bad_argument("[k] must be greater than 0")
    if candidates is not None and candidates > MOST_CANDIDATES:
        raise bad_argument(f"[num_candidates] cannot exceed [{MOST_CANDIDATES}]")
    if candidates is not None and candidates < (k or 1):
        raise bad_argument(
            "[num_candidates] cannot be less than [k]" if k else "[num_candidates] must be greater than 0"
        )


def _check_rescore(value: Any) -> None:
    """``rescore_vector`` has no effect here, where all vectors are compared exactly; but it has to be well-formed."""
    if value is None:
        return
    body = Body("rescore_vector", value, refusal=OBJECT)
    oversample = body.some_number("oversample")
    body.end()
    if oversample is None:
        raise bad_argument("Required [oversample]")
    if oversample != 0 and oversample < 1:
        raise bad_argument("[oversample] must be >= 1.0 or 0 (disabled)")
