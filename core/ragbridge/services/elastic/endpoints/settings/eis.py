"""Service ``elastic``: the Elastic Inference Service (EIS), models that Elastic hosts; needs no key of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar

from ragbridge.ground.records import dataclass
from ragbridge.models import EISModel
from ragbridge.rules import eis
from ragbridge.rules.endpoints import Similarity
from ragbridge.services.elastic.endpoints.settings.base import EndpointSettings


@dataclass(frozen=True, slots=True)
class ElasticInferenceService(EndpointSettings):
    """An endpoint of a model that Elastic hosts.

    Most models already have an endpoint (``.jina-embeddings-v5-text-small``, ``.elser-2-elastic``, ...). Create your
    own for other ``chunking_settings`` or another width.

    Attributes:
        model: The model's id.
        dimensions: Width of the vectors, for models with a choice.
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
