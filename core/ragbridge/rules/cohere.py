"""Service ``cohere``: Cohere, or any server with its API, such as a Jina server of one's own, at ``url``.

Sources: ``CohereServiceSettings``, ``CohereEmbeddingsServiceSettings`` and the task settings in Elasticsearch's inference plugin;
Jina's pages on its server on premises name ``url`` for reranking, which ends in ``/v1/rerank``. The specification of August
2026 leaves out ``url``, ``dimensions`` and ``max_input_tokens``, which the source reads.
"""

from __future__ import annotations

from typing import Any, Final

from ragbridge.rules.endpoints import INPUT_TYPES, SIMILARITIES
from ragbridge.rules.reader import Scope
from ragbridge.rules.remote import address, rate_limits
from ragbridge.rules.table import Asked, ServiceRules, Setting, Values, count, flag, secret, text, word

NAME: Final = "cohere"
EMBEDDINGS: Final = ("text_embedding",)
RERANK: Final = ("rerank",)
TASKS: Final = ("text_embedding", "rerank", "completion")
REQUESTS_PER_MINUTE: Final = 10_000
"""What Elasticsearch sends at most where ``rate_limit`` is left out: Cohere's production keys, by its source."""
EMBEDDING_TYPES: Final = ("float", "int8", "byte", "bit", "binary")
TRUNCATIONS: Final = ("none", "start", "end")
_SHOWN: Final = {"int8": "byte", "binary": "bit"}


def _element(scope: Scope, row: Setting) -> Any:
    """The type of a vector's values, as Elasticsearch's fields call it."""
    value = word(scope, row)
    return None if value is None else _SHOWN.get(value, value)


def _similarity(others: Values) -> str:
    return "l2_norm" if others.get("embedding_type") == "bit" else "dot_product"


def _check(asked: Asked) -> None:
    if not asked.scope.has("model_id") and not asked.scope.has("model"):
        asked.scope.note("The [service_settings.model_id] field is required for the Cohere V2 API.")


RULES: Final = ServiceRules(
    NAME,
    tasks=TASKS,
    service_settings=(
        Setting("api_key", secret, required=True, changeable=True, shown=False),
        Setting("url", address),
        Setting("similarity", word, EMBEDDINGS, choices=SIMILARITIES, default=_similarity),
        Setting("dimensions", count, EMBEDDINGS),
        Setting("max_input_tokens", count, changeable=True),
        Setting("model", text, shown=False),  # the old name
        Setting("model_id", text, default=lambda others: others.get("model")),
        Setting("embedding_type", _element, EMBEDDINGS, choices=EMBEDDING_TYPES, default="float"),
        rate_limits(NAME, REQUESTS_PER_MINUTE),
    ),
    task_settings=(
        Setting("input_type", word, EMBEDDINGS, choices=INPUT_TYPES),
        Setting("truncate", word, EMBEDDINGS, choices=TRUNCATIONS),
        Setting("top_n", count, RERANK),
        Setting("return_documents", flag, RERANK),
        Setting("max_chunks_per_doc", count, RERANK),
    ),
    check=_check,
)
