"""The endpoints that exist from the start.

Sources: ``ElasticsearchInternalService.defaultConfigIds`` and Elastic's pages on the Elastic Inference Service, August
2026. Which of the latter a cluster has depends on its licence, so list them rather than rely on them. Chat endpoints are
left out, since this engine has no chat model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.endpoints import Endpoint
from ragbridge.local.elastic.services.eis import WIDTHS
from ragbridge.models import MODELS
from ragbridge.rules import eis, elasticsearch
from ragbridge.rules.chunking import check_settings
from ragbridge.rules.endpoints import CHUNKING_TASKS
from ragbridge.rules.services import RULES
from ragbridge.rules.table import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_ON_NODES = {
    ".elser-2-elasticsearch": ("sparse_embedding", ".elser_model_2_linux-x86_64"),
    ".multilingual-e5-small-elasticsearch": ("text_embedding", ".multilingual-e5-small_linux-x86_64"),
    ".rerank-v1-elasticsearch": ("rerank", ".rerank-v1"),
}
_HOSTED = {
    ".elser-2-elastic": ("sparse_embedding", "elser_model_2"),
    ".google-gemini-embedding-001": ("text_embedding", "google-gemini-embedding-001"),
    ".jina-clip-v2": ("embedding", "jina-clip-v2"),
    ".jina-embeddings-v3": ("text_embedding", "jina-embeddings-v3"),
    ".jina-embeddings-v5-text-nano": ("text_embedding", "jina-embeddings-v5-text-nano"),
    ".jina-embeddings-v5-text-small": ("text_embedding", "jina-embeddings-v5-text-small"),
    ".openai-text-embedding-3-large": ("text_embedding", "openai-text-embedding-3-large"),
    ".openai-text-embedding-3-small": ("text_embedding", "openai-text-embedding-3-small"),
    ".elastic-rerank-v1": ("rerank", "elastic-rerank-v1"),
    ".jina-reranker-m0": ("rerank", "jina-reranker-m0"),
    ".jina-reranker-v2-base-multilingual": ("rerank", "jina-reranker-v2-base-multilingual"),
    ".jina-reranker-v3": ("rerank", "jina-reranker-v3"),
    ".jina-reranker-v3.5": ("rerank", "jina-reranker-v3.5"),
}


def preconfigured() -> Iterator[Endpoint]:
    """All of them."""
    for name, (task_type, model) in _ON_NODES.items():
        settings: dict[str, Any] = {
            "num_threads": 1,
            "model_id": model,
            "adaptive_allocations": {
                "enabled": True,
                "min_number_of_allocations": 0,
                "max_number_of_allocations": 32,
            },
        }
        yield _endpoint(name, task_type, elasticsearch.NAME, settings)
    for name, (task_type, model) in _HOSTED.items():
        settings = {"model_id": model}
        if task_type in eis.DENSE:
            settings["dimensions"] = MODELS[model].dimensions if model in MODELS else WIDTHS[model]
        yield _endpoint(name, task_type, eis.NAME, settings)


def _endpoint(name: str, task_type: str, service: str, settings: dict[str, Any]) -> Endpoint:
    rules = RULES[service]
    return Endpoint(
        name,
        task_type,
        service,
        shown(rules.service_settings, task_type, settings),
        shown(rules.task_settings, task_type, {}),
        check_settings({}) if task_type in CHUNKING_TASKS else None,
    )
