"""Service ``elasticsearch``: models that run on the cluster's own machine learning nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar, Literal

from ragbridge.ground.records import dataclass
from ragbridge.rules import elasticsearch
from ragbridge.rules.endpoints import Similarity
from ragbridge.services.elastic.arguments import given
from ragbridge.services.elastic.endpoints.settings.base import EndpointSettings


@dataclass(frozen=True, slots=True)
class AdaptiveAllocations:
    """A number of allocations that follows the load.

    Attributes:
        min_number_of_allocations: Lower bound, 0 or more. At 0 an idle deployment stops, and the next request waits
            until it has started again.
        max_number_of_allocations: Upper bound, 1 or more.
        enabled: Whether the number follows the load.
    """

    min_number_of_allocations: int | None = None
    max_number_of_allocations: int | None = None
    enabled: bool = True

    @property
    def config(self) -> dict[str, Any]:
        """The object in a request."""
        return given(
            enabled=self.enabled,
            min_number_of_allocations=self.min_number_of_allocations,
            max_number_of_allocations=self.max_number_of_allocations,
        )


@dataclass(frozen=True, slots=True)
class ElasticsearchService(EndpointSettings):
    """An endpoint that runs a model on the cluster: task types ``text_embedding``, ``sparse_embedding``, ``rerank``.

    ::

        ElasticsearchService(ELSER, num_threads=1, adaptive_allocations=AdaptiveAllocations(1, 4))
        ElasticsearchService(E5, num_threads=1, num_allocations=1)
        ElasticsearchService(ELASTIC_RERANK, num_threads=1, num_allocations=1, long_document_strategy="chunk")
        ElasticsearchService("msmarco-MiniLM-L12-cos-v5", num_threads=1, num_allocations=1)     # uploaded by Eland
        ElasticsearchService(deployment_id="my-deployment")                                     # already running

    Elasticsearch downloads and deploys its own models when an endpoint for them is created, which may take
    minutes.

    Attributes:
        model: The model's id. With ``deployment_id`` it may be left out.
        num_threads: Threads of one allocation: a power of two up to 32.
        num_allocations: A fixed number of allocations.
        adaptive_allocations: A number of allocations that follows the load, instead of ``num_allocations``.
        deployment_id: A running deployment. The endpoint uses its model, threads and allocations.
        similarity: For a ``text_embedding`` model uploaded by Eland: how its vectors are compared (default ``cosine``).
        element_type: For such a model: the type of its vectors' values, ``float`` (the default) or ``byte``.
        long_document_strategy: For ``ELASTIC_RERANK`` from 9.2 on: ``truncate`` (the default) reads a document's
            beginning, ``chunk`` scores it by its best chunk.
        max_chunks_per_doc: With ``chunk``: how many chunks of a document are read; all by default.
        return_documents: For ``rerank``: whether the texts come back (default True).
    """

    model: str | None = None
    num_threads: int | None = field(default=None, kw_only=True)
    num_allocations: int | None = field(default=None, kw_only=True)
    adaptive_allocations: AdaptiveAllocations | None = field(default=None, kw_only=True)
    deployment_id: str | None = field(default=None, kw_only=True)
    similarity: Similarity | None = field(default=None, kw_only=True)
    element_type: Literal["float", "byte"] | None = field(default=None, kw_only=True)
    long_document_strategy: Literal["truncate", "chunk"] | None = field(default=None, kw_only=True)
    max_chunks_per_doc: int | None = field(default=None, kw_only=True)
    return_documents: bool | None = field(default=None, kw_only=True)

    service: ClassVar[str] = elasticsearch.NAME

    def _service_settings(self) -> Mapping[str, Any]:
        adaptive = self.adaptive_allocations
        return {
            "model_id": self.model,
            "num_threads": self.num_threads,
            "num_allocations": self.num_allocations,
            "adaptive_allocations": adaptive.config
            if isinstance(adaptive, AdaptiveAllocations)
            else adaptive,
            "deployment_id": self.deployment_id,
            "similarity": self.similarity,
            "element_type": self.element_type,
            "long_document_strategy": self.long_document_strategy,
            "max_chunks_per_doc": self.max_chunks_per_doc,
        }

    def _task_settings(self) -> Mapping[str, Any]:
        return {"return_documents": self.return_documents}
