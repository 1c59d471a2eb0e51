"""Service ``jinaai``: Jina AI's models through Elasticsearch.

Sources: ``JinaAICommonServiceSettings``, ``BaseJinaAIEmbeddingsServiceSettings`` and the task settings in Elasticsearch's
inference plugin.
"""

from __future__ import annotations

from typing import Final

from ragbridge.rules.endpoints import EMBEDDING_TYPES, INPUT_TYPES, SIMILARITIES
from ragbridge.rules.reader import Scope
from ragbridge.rules.table import (
    ServiceRules,
    Setting,
    Values,
    count,
    flag,
    secret,
    text,
    unknown,
    word,
)

NAME: Final = "jinaai"
REQUESTS_PER_MINUTE: Final = 2000
"""What Elasticsearch sends at most where ``rate_limit`` is left out."""
EMBEDDINGS: Final = ("text_embedding", "embedding")
RERANK: Final = ("rerank",)


def rate_limit(scope: Scope, row: Setting) -> dict[str, int] | None:
    """An object with one figure, ``requests_per_minute``."""
    limit = scope.scope(row.name)
    if limit is None:
        return None
    requests = limit.positive_long("requests_per_minute")
    if limit.left:
        scope.note(unknown(limit.left, NAME), kind="unknown")
    return None if requests is None else {"requests_per_minute": requests}


def _similarity(others: Values) -> str:
    return "dot_product" if others.get("embedding_type", "float") == "float" else "l2_norm"


RULES: Final = ServiceRules(
    NAME,
    tasks=("text_embedding", "rerank", "embedding"),
    service_settings=(
        Setting("model_id", text, required=True),
        Setting("api_key", secret, required=True, changeable=True, shown=False),
        Setting(
            "rate_limit",
            rate_limit,
            default=lambda _: {"requests_per_minute": REQUESTS_PER_MINUTE},
            changeable=True,
        ),
        Setting("similarity", word, EMBEDDINGS, choices=SIMILARITIES, default=_similarity),
        Setting("dimensions", count, EMBEDDINGS),
        Setting("max_input_tokens", count, EMBEDDINGS, changeable=True),
        Setting("embedding_type", word, EMBEDDINGS, choices=EMBEDDING_TYPES, default="float"),
        Setting("multimodal_model", flag, ("embedding",), default=True),
    ),
    task_settings=(
        Setting("top_n", count, RERANK),
        Setting("return_documents", flag, RERANK),
        Setting("input_type", word, EMBEDDINGS, choices=INPUT_TYPES),
        Setting("late_chunking", flag, EMBEDDINGS),
    ),
)
