"""``GET /v1/models``: the table of models, in the shape of Jina's API description of 2026-04."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ragbridge.local.calls import Call, Work
from ragbridge.local.refusals import Refusal
from ragbridge.models import MODELS, lookup

if TYPE_CHECKING:
    from ragbridge.models import Model

PRICE = "0"
"""The embedded engine bills nothing. Prices are strings, as on the service."""

_KINDS = ("prompt", "completion", "image", "request", "input_cache_read", "input_cache_write")


def read_models(call: Call) -> Work:
    """Lists the models, or describes the one in the path, with or without its publisher's prefix.

    Raises:
        Refusal: 404 for an unknown model.
    """
    name = call.parameters["model"]
    if name is None:
        answer: dict[str, Any] = {"object": "list", "data": [_describe(row) for row in MODELS.values()]}
    else:
        row = lookup(name)
        if row is None:
            raise Refusal(404, f"Model {name[:200]!r} not found", code="RESOURCE_NOT_FOUND")
        answer = _describe(row)
    return Work(0, lambda _: json.dumps(answer).encode())


def _describe(row: Model) -> dict[str, Any]:
    described: dict[str, Any] = {
        "id": row.name,
        "object": "model",
        "owned_by": "ragbridge",
        "name": f"{row.name} (embedded)",
        "description": "A stand-in of the embedded engine for development and tests",
        "context_length": row.context,
        "input_modalities": list(row.modalities),
        "output_modalities": ["embeddings"] if row.dimensions else ["text"],
        "pricing": dict.fromkeys(_KINDS, PRICE),
    }
    if row.dimensions:
        described |= {"dimensions": row.dimensions, "max_output_length": row.dimensions}
    return described
