"""Services ``openai`` and ``cohere``: servers that Elasticsearch asks over the network.

The engine asks none: whatever ``url`` says, its embedded model answers, with the width that the table of models knows or that
the request sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.models import lookup

if TYPE_CHECKING:
    from ragbridge.local.elastic.services.draft import Draft

CHAT = ("completion", "chat_completion")
"""Task types that the embedded engine does not offer."""


def complete(draft: Draft, settings: dict[str, Any]) -> dict[str, Any]:
    """Add the width that Elasticsearch would learn from a test request."""
    if draft.task_type == "rerank" or "dimensions" in settings:
        return settings
    row = lookup(str(settings["model_id"]))
    known = row.dimensions if row is not None else None
    return {"dimensions": known or draft.learn_width(), **settings}
