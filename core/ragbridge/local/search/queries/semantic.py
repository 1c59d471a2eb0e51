"""Semantic queries: a text is embedded once and compared with the chunks of ``semantic_text`` fields.

A document's score is that of its best chunk. Source: ``SemanticQueryBuilder``, ``SemanticTextFieldMapper``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.search.errors import invalid_argument
from ragbridge.local.search.queries.base import DEFAULT_SIZE, Matches, Query, Run, common
from ragbridge.local.search.queries.neighbours import best, of_tokens
from ragbridge.local.search.queries.pruning import pruning_of
from ragbridge.local.search.reading import OBJECT, Body

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.local.search.inference import Embedded
    from ragbridge.local.search.mapping import Field
    from ragbridge.local.search.view import View

Sought: TypeAlias = "NDArray[np.float32] | Mapping[str, float]"
"""An embedded query: dense or sparse."""

SPARSE = "sparse_embedding"
_RESULTS = {True: "text_expansion_result", False: "text_embedding_result"}
"""How Elasticsearch calls the embedding of a query, sparse or dense."""


@dataclass(kw_only=True)
class Semantic(Query):
    """Documents whose field means something similar to a text."""

    field: str
    text: str

    def prepare(self, run: Run) -> None:
        """Embed the text.

        Raises:
            Failure: The endpoint is missing or fails, or the indexes do not have the same one.
        """
        known = [view.fields[self.field] for view in run.views if self.field in view.fields]
        semantic = [field for field in known if field.type == "semantic_text"]
        if len({search_endpoint(field) for field in semantic}) > 1:
            raise invalid_argument(f"Field [{self.field}] has multiple inference IDs associated with it")
        for field in semantic[:1]:
            self.embed(run, field)

    def embed(self, run: Run, field: Field) -> Embedded:
        """The embedding of the text for a field."""
        return run.embed(search_endpoint(field), self.text)

    def among(self, view: View) -> bool:
        """Whether the field of an index is ``semantic_text``."""
        known = view.fields.get(self.field)
        return known is not None and known.type == "semantic_text"

    def among_neighbours(self, view: View) -> bool:
        """Where the field is ``semantic_text`` and holds dense embeddings."""
        known = view.fields.get(self.field)
        settings = known.parameters.get("model_settings") if known and known.type == "semantic_text" else None
        return bool(settings) and settings["task_type"] != SPARSE  # type: ignore[index]

    def _match(self, view: View, run: Run) -> Matches:
        known = view.fields.get(self.field)
        if known is None or known.type in {"object", "nested"}:
            return Matches.none(view)
        if known.type != "semantic_text":
            raise invalid_argument(
                f"Field [{self.field}] of type [{known.type}] does not support semantic queries"
            )
        if not known.parameters.get("model_settings"):
            return Matches.none(view)
        sought = embedded(known, self.embed(run, known))
        if isinstance(sought, Mapping):
            pruning = pruning_of(known)
            return of_tokens(view, known.path, pruning.kept(view, known.path, sought) if pruning else sought)
        return best(view, known.path, sought, k=max(run.size, DEFAULT_SIZE), allowed=run.allowed)


def search_endpoint(field: Field) -> str:
    """The endpoint that embeds queries for a ``semantic_text`` field."""
    return str(field.parameters.get("search_inference_id") or field.parameters["inference_id"])


def embedded(field: Field, result: Embedded) -> Sought:
    """An embedded query, checked to fit what a ``semantic_text`` field holds.

    Raises:
        Failure: 400, it is of another kind or width.
    """
    settings: Mapping[str, Any] = field.parameters["model_settings"]
    given, held = result.vectors is None, settings["task_type"] == SPARSE
    if given != held:
        raise _mismatch(field, f"to be of type [{_RESULTS[held]}], got [{_RESULTS[given]}].")
    if result.vectors is None:
        return result.tokens[0]
    vector: NDArray[np.float32] = result.vectors[0]
    if len(vector) != settings.get("dimensions", len(vector)):
        raise _mismatch(field, f"with {settings['dimensions']} dimensions, got {len(vector)} dimensions.")
    return vector


def _mismatch(field: Field, what: str) -> Exception:
    own, search = field.parameters["inference_id"], field.parameters.get("search_inference_id")
    if search and search != own:
        hint = f"Is the search inference endpoint [{search}] compatible with the inference endpoint [{own}]?"
    else:
        hint = f"Has the configuration for inference endpoint [{own}] changed?"
    return invalid_argument(f"Field [{field.path}] expected query inference results {what} {hint}")


def read_semantic(value: Any) -> Query:
    """``semantic``."""
    body = Body("semantic", value, refusal=OBJECT)
    body.flag("lenient", False)
    field, text = body.any("field"), body.any("query")
    if field is None or text is None:
        missing = [name for name, given in (("field", field), ("query", text)) if given is None]
        raise invalid_argument(f"Required [{', '.join(missing)}]")
    if not isinstance(field, str) or not field:
        raise invalid_argument("[semantic] requires a [field] value")
    if not isinstance(text, str):
        raise invalid_argument("[semantic] requires a [query] value")
    query = Semantic(field=field, text=text, **common(body))
    body.end()
    return query
