"""The endpoints that exist from the start.

Sources: ``ElasticsearchInternalService.defaultConfigIds`` and Elastic's pages on the Elastic Inference Service, August
2026. Which of the latter a cluster has depends on its licence, so list them rather than rely on them. Chat endpoints are
left out, since this engine has no chat model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.endpoints import Endpoint
from ragbridge.models import hosted
from ragbridge.rules import RULES, eis, elasticsearch
from ragbridge.rules.chunking import check_settings
from ragbridge.rules.endpoints import CHUNKING_TASKS
from ragbridge.rules.table import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_ON_NODES = {
    ".elser-2-elasticsearch": ("sparse_embedding", ".elser_model_2_linux-x86_64"),
    ".multilingual-e5-small-elasticsearch": ("text_embedding", ".multilingual-e5-small_linux-x86_64"),
    ".rerank-v1-elasticsearch": ("rerank", ".rerank-v1"),
}


def preconfigured() -> Iterator[Endpoint]:
    """All of them."""
    for name, (task_type, node_model) in _ON_NODES.items():
        settings: dict[str, Any] = {
            "num_threads": 1,
            "model_id": node_model,
            "adaptive_allocations": {
                "enabled": True,
                "min_number_of_allocations": 0,
                "max_number_of_allocations": 32,
            },
        }
        yield _endpoint(name, task_type, elasticsearch.NAME, settings)
    for model in hosted().values():
        if model.endpoint is not None:
            settings = {"model_id": model.name}
            if model.dimensions is not None:
                settings["dimensions"] = model.dimensions
            yield _endpoint(model.endpoint, model.task_type, eis.NAME, settings)


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
