"""The endpoints that are there without anybody having created them.

Source: ``ElasticsearchInternalService.defaultConfigIds`` and Elastic's pages on the Elastic Inference Service, August
2026. On a cluster the latter depend on what its licence allows: list them, do not count on them. Those of chat are left
out, since this engine has no chat model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.endpoints import Endpoint
from ragbridge.local.elastic.services.eis import WIDTHS
from ragbridge.local.elastic.services.elasticsearch import TASK_DEFAULTS
from ragbridge.models import MODELS
from ragbridge.rules.chunking import check_settings

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
        tasks = TASK_DEFAULTS.get(task_type, {})
        yield Endpoint(name, task_type, "elasticsearch", settings, tasks, _chunking(task_type))
    for name, (task_type, model) in _HOSTED.items():
        settings = {"model_id": model}
        if task_type in {"text_embedding", "embedding"}:
            width = MODELS[model].dimensions if model in MODELS else WIDTHS[model]
            settings |= {"similarity": "cosine", "dimensions": width}
        yield Endpoint(name, task_type, "elastic", settings, chunking_settings=_chunking(task_type))


def _chunking(task_type: str) -> dict[str, Any] | None:
    return None if task_type == "rerank" else check_settings({})
