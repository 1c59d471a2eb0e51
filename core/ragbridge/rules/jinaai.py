"""Service ``jinaai``: Jina AI's models through Elasticsearch.

Sources: ``JinaAICommonServiceSettings``, ``BaseJinaAIEmbeddingsServiceSettings`` and the task settings in Elasticsearch's
inference plugin.
"""

from __future__ import annotations

from typing import Final

from ragbridge.rules.endpoints import EMBEDDING_TYPES, INPUT_TYPES, SIMILARITIES
from ragbridge.rules.remote import rate_limits
from ragbridge.rules.table import (
    ServiceRules,
    Setting,
    Values,
    count,
    flag,
    secret,
    text,
    word,
)

NAME: Final = "jinaai"
TASKS: Final = ("text_embedding", "rerank", "embedding")
REQUESTS_PER_MINUTE: Final = 2000
"""What Elasticsearch sends at most where ``rate_limit`` is left out."""
EMBEDDINGS: Final = ("text_embedding", "embedding")
RERANK: Final = ("rerank",)


def _similarity(others: Values) -> str:
    return "dot_product" if others.get("embedding_type", "float") == "float" else "l2_norm"


RULES: Final = ServiceRules(
    NAME,
    tasks=TASKS,
    service_settings=(
        Setting("model_id", text, required=True),
        Setting("api_key", secret, required=True, changeable=True, shown=False),
        rate_limits(NAME, REQUESTS_PER_MINUTE),
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
