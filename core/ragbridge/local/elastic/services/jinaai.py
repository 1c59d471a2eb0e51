"""Service ``jinaai``: the test request that Elasticsearch sends to Jina AI when an endpoint is created.

Here the table of models answers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.errors import Failure
from ragbridge.models import Model, lookup

if TYPE_CHECKING:
    from ragbridge.local.elastic.services.draft import Draft


def complete(draft: Draft, settings: dict[str, Any]) -> dict[str, Any]:
    """Add what Elasticsearch learns from the test request.

    Raises:
        Failure: 400.
    """
    name = str(settings["model_id"])
    if draft.task_type == "rerank":
        _probe(draft.inference_id, name, "rerank")
        return settings
    row = _probe(draft.inference_id, name, "embed", settings.get("dimensions"))
    return {"dimensions": row.dimensions, **settings}


def _probe(inference_id: str, name: str, product: str, dimensions: int | None = None) -> Model:
    """The model's row, if the test request would succeed."""
    row = lookup(name)
    if row is None or product not in row.products:
        raise _refused(inference_id, f"Model {name} not found")
    if dimensions is not None and dimensions != row.dimensions:
        if not row.sizes:
            raise _refused(inference_id, f"Model {name} does not support dimensions")
        if row.dimensions is not None and dimensions > row.dimensions:
            raise _refused(inference_id, f"dimensions should be less than or equal to {row.dimensions}")
    return row


def _refused(inference_id: str, detail: str) -> Failure:
    """400, as Elasticsearch reports that the test request has failed."""
    cause = Failure(
        400,
        "Received an input validation error response for request from inference entity id "
        f"[{inference_id}] status [400]. Error message: [{detail}]",
    )
    reason = (
        "Could not complete inference endpoint creation as validation call to service threw an exception."
    )
    return Failure(400, reason, cause=cause)
