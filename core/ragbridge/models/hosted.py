"""The models of the Elastic Inference Service (EIS): Elastic's tables of August 2026.

They are rows of their own because most of their makers' models are not Jina's: the Jina API knows nothing of them, and
Elasticsearch sees no more of a model than its name, its task type and its width. Jina's stand in the table of Jina's
models alone, whose columns ``eis_task`` and ``eis_endpoint`` are read here.
"""

from __future__ import annotations

from ragbridge.ground.records import dataclass
from ragbridge.models.table import MODELS


@dataclass(frozen=True, slots=True)
class Hosted:
    """One model of the Elastic Inference Service.

    Attributes:
        name: Its id, the ``model_id`` of an endpoint.
        task_type: The task type that it serves.
        dimensions: Width of its vectors; None where it gives no dense ones.
        endpoint: The endpoint that Elasticsearch has of it from the start; None where there is none.
    """

    name: str
    task_type: str
    dimensions: int | None = None
    endpoint: str | None = None


_OTHERS = (
    Hosted("elser_model_2", "sparse_embedding", endpoint=".elser-2-elastic"),
    Hosted("google-gemini-embedding-001", "text_embedding", 3072, ".google-gemini-embedding-001"),
    Hosted("google-gemini-embedding-2", "text_embedding", 3072),
    Hosted("microsoft-multilingual-e5-large", "text_embedding", 1024),
    Hosted("openai-text-embedding-3-large", "text_embedding", 3072, ".openai-text-embedding-3-large"),
    Hosted("openai-text-embedding-3-small", "text_embedding", 1536, ".openai-text-embedding-3-small"),
    Hosted("elastic-rerank-v1", "rerank", endpoint=".elastic-rerank-v1"),
)


OCR_MODELS = ("jina-ocr-v1",)
"""Models that read pictures and write Markdown: Elastic's table of October 2026 (9.5), which tells no task type."""


def hosted() -> dict[str, Hosted]:
    """Every model of the service by its name."""
    found = {model.name: model for model in _OTHERS}
    for row in MODELS.values():
        if row.eis_task is not None:
            endpoint = f".{row.name}" if row.eis_endpoint else None
            found[row.name] = Hosted(row.name, row.eis_task, row.dimensions, endpoint)
    return found
