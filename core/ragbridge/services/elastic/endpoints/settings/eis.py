"""Service ``elastic``: the Elastic Inference Service (EIS), models that Elastic hosts; needs no key of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from ragbridge.rules import eis
from ragbridge.rules.endpoints import Similarity
from ragbridge.services.elastic.endpoints.settings.base import EndpointSettings

EISModel: TypeAlias = (
    Literal[
        "elser_model_2",
        "google-gemini-embedding-001",
        "google-gemini-embedding-2",
        "jina-clip-v2",
        "jina-embeddings-v3",
        "jina-embeddings-v5-omni-nano",
        "jina-embeddings-v5-omni-small",
        "jina-embeddings-v5-text-nano",
        "jina-embeddings-v5-text-small",
        "jina-reranker-m0",
        "jina-reranker-v2-base-multilingual",
        "jina-reranker-v3",
        "jina-reranker-v3.5",
        "microsoft-multilingual-e5-large",
        "openai-text-embedding-3-large",
        "openai-text-embedding-3-small",
    ]
    | str
)
"""Models of embedding and reranking: Elastic's tables of August 2026. What a cluster may use, ``endpoints.list()`` says."""


@dataclass(frozen=True, slots=True)
class ElasticInferenceService(EndpointSettings):
    """An endpoint of a model that Elastic hosts.

    For most of them there is an endpoint already (``.jina-embeddings-v5-text-small``, ``.elser-2-elastic``, ...): one of
    your own is for another ``chunking_settings`` or width.

    Attributes:
        model: The model's id.
        dimensions: Width of the vectors, where the model lets it be chosen.
        similarity: How vectors are compared.
        max_input_tokens: Longest input in tokens, for embeddings.
        max_batch_size: Texts that Elasticsearch puts into one request, 16 by default; from 9.1.3 on.
    """

    model: EISModel
    dimensions: int | None = field(default=None, kw_only=True)
    similarity: Similarity | None = field(default=None, kw_only=True)
    max_input_tokens: int | None = field(default=None, kw_only=True)
    max_batch_size: int | None = field(default=None, kw_only=True)

    service: ClassVar[str] = eis.NAME

    def _service_settings(self) -> Mapping[str, Any]:
        return {
            "model_id": self.model,
            "dimensions": self.dimensions,
            "similarity": self.similarity,
            "max_input_tokens": self.max_input_tokens,
            "max_batch_size": self.max_batch_size,
        }
