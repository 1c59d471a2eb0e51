"""Queries by sparse vectors: ``sparse_vector`` and the older ``text_expansion``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import bad_argument, unreadable
from ragbridge.local.search.errors import invalid_argument
from ragbridge.local.search.queries.base import Matches, Query, Run, common, not_created
from ragbridge.local.search.queries.neighbours import of_tokens
from ragbridge.local.search.queries.pruning import Pruning, pruning_of, read_pruning
from ragbridge.local.search.queries.semantic import SPARSE, embedded, search_endpoint
from ragbridge.local.search.reading import OBJECT, Body, number, only

if TYPE_CHECKING:
    from ragbridge.local.search.view import View


@dataclass(kw_only=True)
class SparseVector(Query):
    """Documents that share tokens with a sparse query.

    Attributes:
        field: A ``sparse_vector`` or ``semantic_text`` field.
        tokens: The query; None where it is embedded from ``text``.
        text: What is embedded.
        endpoint: The endpoint that embeds ``text``; None for the one of the ``semantic_text`` field.
        prune: Whether tokens that are frequent and light are left out; None for what the field says.
        pruning: By which thresholds; None for the field's.
        kind: The query's name.
    """

    field: str
    tokens: Mapping[str, float] | None = None
    text: str | None = None
    endpoint: str | None = None
    prune: bool | None = None
    pruning: Pruning | None = None
    kind: str = "sparse_vector"

    def prepare(self, run: Run) -> None:
        """Embed the text.

        Raises:
            Failure: The endpoint is missing or fails, or none is named where the field has none.
        """
        if self.text is None:
            return
        known = [view.fields[self.field] for view in run.views if self.field in view.fields]
        if self.endpoint is not None:
            run.embed(self.endpoint, self.text)
            return
        if any(field.type != "semantic_text" for field in known) or not known:
            raise bad_argument("inference_id required to perform vector search on query string")
        for field in known:
            run.embed(search_endpoint(field), self.text)

    def _match(self, view: View, run: Run) -> Matches:
        known = view.fields.get(self.field)
        if known is None or known.type in {"object", "nested"}:
            return Matches.none(view)
        if known.type not in {"sparse_vector", "semantic_text"}:
            raise not_created(
                f"[{self.kind}] query only works on [sparse_vector] fields, but found [{self.field}] of type [{known.type}]"
            )
        settings = known.parameters.get("model_settings") or {}
        if known.type == "semantic_text" and not settings:
            return Matches.none(view)
        if known.type == "semantic_text" and settings["task_type"] != SPARSE:
            if self.text is not None:
                embedded(known, run.embed(self.endpoint or search_endpoint(known), self.text))
            raise not_created("[sparse_vector] queries are only supported on [sparse_vector] fields")
        tokens = self.tokens
        if self.text is not None:
            result = run.embed(self.endpoint or search_endpoint(known), self.text)
            if known.type == "semantic_text":
                sought = embedded(known, result)
                tokens = sought if isinstance(sought, Mapping) else {}
            elif result.vectors is not None:
                raise invalid_argument(
                    "expected a result of type [text_expansion_result] received [text_embedding_result]. "
                    f"Is [{self.endpoint}] a compatible model?"
                )
            else:
                tokens = result.tokens[0]
        tokens = tokens or {}
        pruning = pruning_of(known, self.prune, self.pruning)
        return of_tokens(
            view, known.path, tokens if pruning is None else pruning.kept(view, known.path, tokens)
        )


def read_sparse_vector(value: Any) -> Query:
    """``sparse_vector``."""
    body = Body("sparse_vector", value, refusal=OBJECT)
    field, vector = body.need_text("field"), body.any("query_vector")
    endpoint, text = body.some_text("inference_id"), body.some_text("query")
    if (vector is None) == (text is None):
        raise bad_argument(
            "[sparse_vector] requires one of [query_vector] or [inference_id] for [sparse_vector] fields"
            if vector is not None
            else "[sparse_vector] requires one of [query_vector] or [query]"
        )
    prune, pruning = read_pruning(body)
    query = SparseVector(
        field=field,
        tokens=None if vector is None else _tokens(vector),
        text=text,
        endpoint=endpoint,
        prune=prune,
        pruning=pruning,
        **common(body),
    )
    body.end()
    return query


def _tokens(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise unreadable("[sparse_vector] failed to parse field [query_vector]")
    return {token: number("sparse_vector", "query_vector", weight) for token, weight in value.items()}


def read_text_expansion(value: Any) -> Query:
    """``text_expansion``, the older form of ``sparse_vector``, which leaves out tokens only if it is told to."""
    field, options = only("text_expansion", value)
    body = Body("text_expansion", options)
    config = body.any("pruning_config")
    given = Body("text_expansion", {"prune": config is not None, "pruning_config": config})
    prune, pruning = read_pruning(given)
    query = SparseVector(
        field=field,
        text=body.need_text("model_text"),
        endpoint=body.need_text("model_id"),
        prune=prune,
        pruning=pruning,
        kind="text_expansion",
        **common(body),
    )
    body.end()
    return query
