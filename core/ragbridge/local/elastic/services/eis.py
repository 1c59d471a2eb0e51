"""Service ``elastic``: the Elastic Inference Service, with the models of ``ragbridge.models.hosted``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.errors import Failure
from ragbridge.models import hosted
from ragbridge.rules.eis import DENSE

if TYPE_CHECKING:
    from ragbridge.local.elastic.services.draft import Draft
    from ragbridge.models import Hosted

CHAT = ("completion", "chat_completion")
"""Task types that the embedded engine does not offer."""


def complete(draft: Draft, settings: dict[str, Any]) -> dict[str, Any]:
    """Check the model, and add the width of its vectors.

    Raises:
        Failure: 400.
    """
    name, task_type = str(settings["model_id"]), draft.task_type
    if task_type in DENSE:
        return {**settings, "dimensions": _width(name, settings.get("dimensions"))}
    if _model(name).task_type != task_type:
        raise _unknown(name)
    return settings


def _width(name: str, dimensions: int | None) -> int:
    known = _model(name).dimensions
    if known is None:
        raise _unknown(name)
    if dimensions is not None and dimensions > known:
        raise Failure(
            400,
            f"[service_settings] Invalid value [{dimensions}]. [dimensions] of [{name}] are {known} at most",
        )
    return dimensions or known


def _model(name: str) -> Hosted:
    model = hosted().get(name)
    if model is None:
        raise _unknown(name)
    return model


def _unknown(name: str) -> Failure:
    return Failure(
        400, f"Unknown model [{name}]: the Elastic Inference Service has none of that name for this task type"
    )
