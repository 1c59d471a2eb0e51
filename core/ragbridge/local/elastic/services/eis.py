"""Service ``elastic``: the Elastic Inference Service. Models: Elastic's tables of August 2026."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.errors import Failure
from ragbridge.models import MODELS
from ragbridge.rules.endpoints import SIMILARITIES

if TYPE_CHECKING:
    from ragbridge.local.elastic.services.draft import Draft
    from ragbridge.rules.reader import Scope

NAME = "elastic"
TASKS = ("sparse_embedding", "text_embedding", "embedding", "rerank", "completion", "chat_completion")

SPARSE = ("elser_model_2",)
WIDTHS = {
    "google-gemini-embedding-001": 3072,
    "google-gemini-embedding-2": 3072,
    "microsoft-multilingual-e5-large": 1024,
    "openai-text-embedding-3-small": 1536,
    "openai-text-embedding-3-large": 3072,
}
"""Widths of the models of others; Jina's are in the table of models."""
RERANKERS = ("elastic-rerank-v1",)


def create(draft: Draft) -> dict[str, Any]:
    """The service settings of a new endpoint, with what Elasticsearch fills in.

    Raises:
        Failure: 400.
    """
    scope, task = draft.service, draft.task_type
    if task in {"completion", "chat_completion"}:
        raise Failure(400, f"Task type [{task}] is not offered by the embedded engine: it has no chat model")
    name = scope.text("model_id", required=True)
    if scope.take("rate_limit") is not None:
        scope.problems.append(
            f"[service_settings] rate limit settings are not permitted for service [{NAME}] and task type [{task}]"
        )
    dense = task in {"text_embedding", "embedding"}
    similarity = scope.text("similarity", choices=SIMILARITIES) if dense else None
    dimensions = scope.positive("dimensions") if dense else None
    longest = scope.positive("max_input_tokens") if task != "rerank" else None
    batch = scope.positive("max_batch_size") if task != "rerank" else None
    draft.check()
    settings: dict[str, Any] = {"model_id": name}
    if dense:
        settings["similarity"] = (similarity or "cosine").strip().lower()
        settings["dimensions"] = _width(str(name), dimensions)
    elif str(name) not in (SPARSE if task == "sparse_embedding" else _rerankers()):
        raise _unknown(str(name))
    if longest is not None:
        settings["max_input_tokens"] = longest
    if batch is not None:
        settings["max_batch_size"] = batch
    return settings


def update(draft: Draft, settings: dict[str, Any]) -> dict[str, Any]:
    """What may change: the longest input, for embeddings."""
    longest = draft.service.positive("max_input_tokens") if draft.task_type != "rerank" else None
    draft.check()
    return settings if longest is None else {**settings, "max_input_tokens": longest}


def task_settings(_scope: Scope, _task_type: str) -> dict[str, Any]:
    """None: whatever there is stays unread and is refused."""
    return {}


def _width(name: str, dimensions: int | None) -> int:
    row = MODELS.get(name)
    known = row.dimensions if row is not None and "embed" in row.products else WIDTHS.get(name)
    if known is None:
        raise _unknown(name)
    if dimensions is not None and dimensions > known:
        raise Failure(
            400,
            f"[service_settings] Invalid value [{dimensions}]. [dimensions] of [{name}] are {known} at most",
        )
    return dimensions or known


def _rerankers() -> frozenset[str]:
    return frozenset((*RERANKERS, *(row.name for row in MODELS.values() if "rerank" in row.products)))


def _unknown(name: str) -> Failure:
    return Failure(
        400, f"Unknown model [{name}]: the Elastic Inference Service has none of that name for this task type"
    )
