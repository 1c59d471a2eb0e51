"""Service ``elasticsearch``: models that run on the cluster's own machine learning nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ragbridge.rules.endpoints import (
    ELASTIC_RERANK,
    ELEMENT_TYPES,
    MODEL_TASKS,
    SIMILARITIES,
    Similarity,
    read_adaptive,
    read_long_documents,
    threads_problem,
)
from ragbridge.rules.reader import Scope
from ragbridge.services.elastic.arguments import given
from ragbridge.services.elastic.endpoints.settings.base import EndpointSettings, Rules


@dataclass(frozen=True, slots=True)
class AdaptiveAllocations:
    """Allocations that follow the load, in place of a fixed number.

    Attributes:
        min_number_of_allocations: Fewest, 0 or more; at 0 an idle deployment stops, and the next request waits for it.
        max_number_of_allocations: Most, 1 or more.
        enabled: Whether they do follow the load.
    """

    min_number_of_allocations: int | None = None
    max_number_of_allocations: int | None = None
    enabled: bool = True

    @property
    def config(self) -> dict[str, Any]:
        """As Elasticsearch takes it."""
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
        ElasticsearchService(deployment_id="my-deployment")                                     # runs already

    Elasticsearch downloads and deploys its own models when an endpoint for them is created, which may take minutes.

    Attributes:
        model: The model's id. With ``deployment_id`` it may be left out.
        num_threads: Threads of one allocation: a power of two up to 32.
        num_allocations: A fixed number of allocations.
        adaptive_allocations: Or allocations that follow the load.
        deployment_id: A deployment that runs already: model, threads and allocations are its own.
        similarity: For a ``text_embedding`` model of Eland's: how its vectors are compared (default ``cosine``).
        element_type: For the same: what its vectors are made of, ``float`` (the default) or ``byte``.
        long_document_strategy: For ``ELASTIC_RERANK`` from 9.2 on: ``truncate`` (the default) reads a document's
            beginning, ``chunk`` scores it by its best chunk.
        max_chunks_per_doc: With ``chunk``: how many chunks of a document are read; else all.
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

    service: ClassVar[str] = "elasticsearch"

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


def check(task_type: str, service: Scope, task: Scope) -> None:
    """The rules of ``ElasticsearchInternalService`` and of the machine learning plugin that it asks."""
    noted = len(service.problems)
    model, deployment = service.text("model_id"), service.text("deployment_id")
    if deployment is not None:
        _check_deployment(service)
    elif model is None and len(service.problems) == noted:
        service.problems.append(
            "Error parsing service settings, model_id must be provided (or the deployment_id of a running deployment)"
        )
    if deployment is None:
        _check_allocations(service)
    if model is not None and MODEL_TASKS.get(model, task_type) != task_type:
        service.problems.append(
            f"the model [{model}] is for task type [{MODEL_TASKS[model]}], not for [{task_type}]"
        )
    if task_type == "text_embedding" and model not in MODEL_TASKS:
        service.text("similarity", choices=SIMILARITIES)
        service.text("element_type", choices=ELEMENT_TYPES)
    if task_type == "rerank":
        if model == ELASTIC_RERANK or (model is None and deployment is not None):
            read_long_documents(service)
        task.flag("return_documents")


def _check_deployment(service: Scope) -> None:
    """Elasticsearch would ignore these, which would look as if they had been heeded."""
    for key in ("num_threads", "num_allocations", "adaptive_allocations"):
        if service.take(key) is not None:
            service.problems.append(
                f"[{key}] comes from the deployment where [deployment_id] is set: leave it out"
            )


def _check_allocations(service: Scope) -> None:
    threads = service.positive("num_threads", required=True)
    if threads is not None and (problem := threads_problem(threads)) is not None:
        service.problems.append(f"{problem} (num_threads is {threads})")
    noted = len(service.problems)
    number, adaptive = service.positive("num_allocations"), read_adaptive(service)
    if number is None and adaptive is None and len(service.problems) == noted:
        service.miss("num_allocations", "adaptive_allocations")
    if number is not None and adaptive is not None and adaptive["enabled"]:
        service.problems.append(
            "[number_of_allocations] cannot be set if adaptive allocations is enabled (leave num_allocations out)"
        )


RULES = Rules(tasks=("text_embedding", "sparse_embedding", "rerank"), check=check)
