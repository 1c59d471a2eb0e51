"""Service ``elastic``: the Elastic Inference Service. Models: Elastic's tables of August 2026."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.errors import Failure
from ragbridge.models import MODELS
from ragbridge.rules.eis import DENSE

if TYPE_CHECKING:
    from ragbridge.local.elastic.services.draft import Draft

CHAT = ("completion", "chat_completion")
"""Task types that the embedded engine does not offer."""
SPARSE = ("elser_model_2",)
WIDTHS = {
    "google-gemini-embedding-001": 3072,
    "google-gemini-embedding-2": 3072,
    "microsoft-multilingual-e5-large": 1024,
    "openai-text-embedding-3-small": 1536,
    "openai-text-embedding-3-large": 3072,
}
"""Vector widths of models that are not Jina's; those of Jina's models are in ``ragbridge.models``."""
RERANKERS = ("elastic-rerank-v1",)


def complete(draft: Draft, settings: dict[str, Any]) -> dict[str, Any]:
    """Check the model, and add the width of its vectors.

    Raises:
        Failure: 400.
    """
    name, task_type = str(settings["model_id"]), draft.task_type
    if task_type in DENSE:
        return {**settings, "dimensions": _width(name, settings.get("dimensions"))}
    if name not in (SPARSE if task_type == "sparse_embedding" else _rerankers()):
        raise _unknown(name)
    return settings


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
