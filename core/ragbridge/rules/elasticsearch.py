"""Service ``elasticsearch``: models that run on the cluster's own machine learning nodes.

Sources: ``ElasticsearchInternalService``, ``ElasticsearchInternalServiceSettings``, ``ElasticRerankerServiceSettings`` (9.2
and later), ``CustomElandInternalTextEmbeddingServiceSettings``, and the machine learning plugin's
``AdaptiveAllocationsSettings`` and ``StartTrainedModelDeploymentAction``.
"""

from __future__ import annotations

from typing import Any, Final

from ragbridge.rules.endpoints import (
    ELASTIC_RERANK,
    ELEMENT_TYPES,
    LONG_DOCUMENT_STRATEGIES,
    MODEL_TASKS,
    SIMILARITIES,
)
from ragbridge.rules.reader import Scope
from ragbridge.rules.table import Asked, ServiceRules, Setting, Values, count, flag, text, word

NAME: Final = "elasticsearch"
MOST_THREADS: Final = 32
"""Threads of one allocation: a power of two up to here."""
ALLOCATIONS: Final = ("num_threads", "num_allocations", "adaptive_allocations")
"""Settings of a deployment. An endpoint over a running deployment takes over the deployment's."""

_LEAST, _MOST = "min_number_of_allocations", "max_number_of_allocations"


def adaptive(scope: Scope, row: Setting) -> dict[str, Any] | None:
    """Allocations that follow the load: whether they do, and between which numbers."""
    given = scope.scope(row.name)
    if given is None:
        return None
    enabled, low, high = given.flag("enabled"), given.integer(_LEAST), given.integer(_MOST)
    for key in given.left:
        scope.note(f"[{row.name}] does not allow the setting [{key}]")
    if low is not None and low < 0:
        scope.note(f"[{_LEAST}] must be a non-negative integer or null")
    if high is not None and high < 1:
        scope.note(f"[{_MOST}] must be a positive integer or null")
    if low is not None and high is not None and low > high:
        scope.note(f"[{_LEAST}] must not be larger than [{_MOST}]")
    values = {"enabled": enabled is True, _LEAST: low, _MOST: high}
    return {key: value for key, value in values.items() if value is not None}


def _starts_a_deployment(others: Values) -> bool:
    return "deployment_id" not in others


def _uploaded(others: Values) -> bool:
    """Whether the model is one that Eland has uploaded, as far as the request shows."""
    return others.get("model_id") not in MODEL_TASKS


def _elastic_rerank(others: Values) -> bool:
    """Whether the model is Elastic's reranker, as far as the request shows."""
    model = others.get("model_id")
    return model == ELASTIC_RERANK or (model is None and "deployment_id" in others)


def _check(asked: Asked) -> None:
    scope, values = asked.scope, asked.values
    model = values.get("model_id")
    if "deployment_id" in values:
        _check_deployment(scope)
    else:
        if not scope.has("model_id") and not scope.has("deployment_id"):
            scope.note(
                "Error parsing service settings, model_id must be provided",
                "or the deployment_id of a running deployment",
                kind="argument",
            )
        _check_allocations(scope, values)
    if values.get("max_chunks_per_doc") is not None and values.get("long_document_strategy") != "chunk":
        scope.note("The [max_chunks_per_doc] setting requires [long_document_strategy] to be set to [chunk]")
    if model is not None:
        _check_model(asked, model)


def _check_deployment(scope: Scope) -> None:
    for key in ALLOCATIONS:
        if scope.take(key) is not None:
            scope.note(
                f"[{key}] comes from the deployment where [deployment_id] is set: leave it out",
                kind="ignored",
            )


def _check_allocations(scope: Scope, values: Values) -> None:
    if not scope.has("num_allocations") and not scope.has("adaptive_allocations"):
        scope.miss("num_allocations", "adaptive_allocations")
    if "num_allocations" in values and values.get("adaptive_allocations", {}).get("enabled"):
        scope.note(
            "[number_of_allocations] cannot be set if adaptive allocations is enabled",
            "leave num_allocations out",
        )
    threads = values.get("num_threads")
    if threads is not None and (threads > MOST_THREADS or threads.bit_count() != 1):
        scope.note(
            f"[threads_per_allocation] must be a power of 2 less than or equal to {MOST_THREADS}",
            f"num_threads is {threads}",
            kind="request",
        )


def _check_model(asked: Asked, model: str) -> None:
    task_type = MODEL_TASKS.get(model, asked.task_type)
    if task_type != asked.task_type:
        asked.scope.note(
            f"Model [{model}] does not support task type [{asked.task_type}]",
            f"the model [{model}] is for task type [{task_type}], not for [{asked.task_type}]",
            kind="status",
        )
    if model == asked.inference_id:
        asked.scope.note(
            f"Inference endpoint IDs must be unique. Requested inference endpoint ID [{model}] matches existing trained "
            "model ID(s) but must not.",
            "choose an inference_id other than the model's id",
            kind="status",
        )


RULES: Final = ServiceRules(
    NAME,
    tasks=("text_embedding", "sparse_embedding", "rerank"),
    service_settings=(
        Setting("model_id", text),
        Setting("deployment_id", text),
        Setting("num_threads", count, when=_starts_a_deployment, required=True),
        Setting("num_allocations", count, when=_starts_a_deployment, changeable=True),
        Setting("adaptive_allocations", adaptive, when=_starts_a_deployment, changeable=True),
        Setting(
            "similarity",
            word,
            ("text_embedding",),
            when=_uploaded,
            choices=SIMILARITIES,
            default="cosine",
        ),
        Setting(
            "element_type",
            word,
            ("text_embedding",),
            when=_uploaded,
            choices=ELEMENT_TYPES,
            default="float",
        ),
        Setting(
            "long_document_strategy",
            word,
            ("rerank",),
            when=_elastic_rerank,
            choices=LONG_DOCUMENT_STRATEGIES,
        ),
        Setting("max_chunks_per_doc", count, ("rerank",), when=_elastic_rerank),
    ),
    task_settings=(Setting("return_documents", flag, ("rerank",), default=True),),
    check=_check,
)
