"""Service ``jinaai``. Rules and defaults: ``JinaAIServiceSettings`` and its kin in Elasticsearch's inference plugin.

Creating an endpoint sends a test request to Jina in Elasticsearch; here the table of models answers in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.errors import Failure, unknown_settings
from ragbridge.models import MODELS, Model
from ragbridge.rules.endpoints import EMBEDDING_TYPES, INPUT_TYPES, SIMILARITIES

if TYPE_CHECKING:
    from ragbridge.local.elastic.services.draft import Draft
    from ragbridge.rules.reader import Scope

NAME = "jinaai"
TASKS = ("text_embedding", "rerank", "embedding")
REQUESTS_PER_MINUTE = 2000


def create(draft: Draft) -> dict[str, Any]:
    """The service settings of a new endpoint, with what Elasticsearch fills in.

    Raises:
        Failure: 400.
    """
    scope = draft.service
    name = scope.text("model_id", required=True)
    scope.text(
        "api_key", required=True, secret=True
    )  # asked for and forgotten: there is nobody to send it to
    limit = rate_limit(scope) or REQUESTS_PER_MINUTE
    if draft.task_type == "rerank":
        draft.check()
        _probe(draft.inference_id, str(name), "rerank")
        return {"model_id": name, "rate_limit": {"requests_per_minute": limit}}
    similarity = _word(scope.text("similarity", choices=SIMILARITIES))
    dimensions, longest = scope.positive("dimensions"), scope.positive("max_input_tokens")
    kind = _word(scope.text("embedding_type", choices=EMBEDDING_TYPES)) or "float"
    multimodal = scope.flag("multimodal_model") if draft.task_type == "embedding" else None
    draft.check()
    row = _probe(draft.inference_id, str(name), "embed", dimensions)
    settings: dict[str, Any] = {
        "model_id": name,
        "rate_limit": {"requests_per_minute": limit},
        "dimensions": dimensions or row.dimensions,
        "embedding_type": kind,
    }
    if longest is not None:
        settings["max_input_tokens"] = longest
    settings["similarity"] = similarity or ("dot_product" if kind == "float" else "l2_norm")
    if draft.task_type == "embedding":
        settings["multimodal_model"] = multimodal is not False
    return settings


def update(draft: Draft, settings: dict[str, Any]) -> dict[str, Any]:
    """What may change: the key, the rate limit and, for embeddings, the longest input."""
    scope = draft.service
    scope.text("api_key", secret=True)
    limit = rate_limit(scope)
    longest = scope.positive("max_input_tokens") if draft.task_type != "rerank" else None
    draft.check()
    if limit is not None:
        settings["rate_limit"] = {"requests_per_minute": limit}
    if longest is not None:
        settings["max_input_tokens"] = longest
    return settings


def task_settings(scope: Scope, task_type: str) -> dict[str, Any]:
    """The task settings that are given."""
    found: dict[str, Any]
    if task_type == "rerank":
        found = {"top_n": scope.positive("top_n"), "return_documents": scope.flag("return_documents")}
    else:
        found = {
            "input_type": _word(scope.text("input_type", choices=INPUT_TYPES)),
            "late_chunking": scope.flag("late_chunking"),
        }
    return {name: value for name, value in found.items() if value is not None}


def rate_limit(scope: Scope) -> int | None:
    """``rate_limit.requests_per_minute``."""
    limit = scope.scope("rate_limit")
    if limit is None:
        return None
    found = limit.positive_long("requests_per_minute")
    if limit.left:
        raise unknown_settings(limit.left, NAME)
    return found


def _word(value: str | None) -> str | None:
    return None if value is None else value.strip().lower()


def _probe(inference_id: str, name: str, product: str, dimensions: int | None = None) -> Model:
    """The model's row, if the test request would succeed."""
    row = MODELS.get(name.removeprefix("jina-ai/"))
    if row is None or product not in row.products:
        raise _refused(inference_id, f"Model {name} not found")
    if dimensions is not None and dimensions != row.dimensions:
        if not row.sizes:
            raise _refused(inference_id, f"Model {name} does not support dimensions")
        if row.dimensions is not None and dimensions > row.dimensions:
            raise _refused(inference_id, f"dimensions should be less than or equal to {row.dimensions}")
    return row


def _refused(inference_id: str, detail: str) -> Failure:
    """400, as Elasticsearch tells that the test request has failed."""
    cause = Failure(
        400,
        "Received an input validation error response for request from inference entity id "
        f"[{inference_id}] status [400]. Error message: [{detail}]",
    )
    reason = (
        "Could not complete inference endpoint creation as validation call to service threw an exception."
    )
    return Failure(400, reason, cause=cause)
