"""Service ``elasticsearch``: models on the cluster's nodes. Rules and sentences: ``ElasticsearchInternalService``.

Every model id that is not one of Elastic's own counts as uploaded by Eland. The machine counts as Linux on x86-64, where
both variants of Elastic's models run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.local.elastic.errors import Failure, bad_argument, invalid_request
from ragbridge.local.elastic.services.draft import Deployment
from ragbridge.rules.chunking import check_elser
from ragbridge.rules.endpoints import (
    ELEMENT_TYPES,
    ELSER,
    MODEL_TASKS,
    SIMILARITIES,
    read_adaptive,
    read_long_documents,
    threads_problem,
)

if TYPE_CHECKING:
    from ragbridge.local.elastic.endpoints import Endpoint
    from ragbridge.local.elastic.services.draft import Draft
    from ragbridge.rules.reader import Scope

NAME = "elasticsearch"
TASKS = ("sparse_embedding", "text_embedding", "rerank")
TASK_DEFAULTS = {"rerank": {"return_documents": True}}


RUNNING = Deployment(None, "sparse_embedding", {"num_allocations": 2, "num_threads": 1, "model_id": ELSER})
"""The one deployment that no endpoint has started, called like its model: that of Elastic's example of
``deployment_id``."""


def deployments(endpoints: Iterable[Endpoint]) -> dict[str, Deployment]:
    """What runs: each endpoint of this service has started a deployment of its own name."""
    found = {ELSER: RUNNING}
    for one in endpoints:
        if one.service == NAME and "deployment_id" not in one.service_settings:
            found[one.inference_id] = Deployment(one.inference_id, one.task_type, dict(one.service_settings))
    return found


def create(draft: Draft) -> dict[str, Any]:
    """The service settings of a new endpoint, with what Elasticsearch fills in.

    Raises:
        Failure: 400; 404 for an unknown deployment.
    """
    scope = draft.service
    model, deployment = scope.text("model_id"), scope.text("deployment_id")
    if deployment is not None:
        for key in ("num_threads", "num_allocations", "adaptive_allocations"):
            scope.take(key)  # they come from the deployment
        draft.check()
        return _deployed(draft, model, deployment)
    if model is None and not scope.problems:
        raise bad_argument("Error parsing service settings, model_id must be provided")
    settings = _allocations(scope)
    settings["model_id"] = model
    if model is not None and model not in MODEL_TASKS:
        if draft.task_type == "text_embedding":
            settings.update(_uploaded(draft))
    elif draft.task_type == "rerank":
        settings.update(read_long_documents(scope))
    draft.check()
    _check_threads(settings["num_threads"])
    _check_model(draft, str(model))
    return settings


def update(draft: Draft, settings: dict[str, Any]) -> dict[str, Any]:
    """What may change: the allocations of a deployment that the endpoint has started.

    Raises:
        Failure: 400; 409 for a deployment of others.
    """
    scope = draft.service
    number, adaptive = scope.positive("num_allocations"), read_adaptive(scope)
    draft.check()
    deployment = settings.get("deployment_id")
    if deployment is not None and (number is not None or adaptive is not None):
        owner = draft.deployments[deployment].owner if deployment in draft.deployments else None
        by = "through the trained models API" if owner is None else f"using inference endpoint [{owner}]"
        reason = (
            f"Unable to update inference endpoint [{draft.inference_id}] using deployment_id [{deployment}]. "
        )
        raise Failure(409, f"{reason}The model deployment must be updated {by}.")
    if number is not None:
        settings["num_allocations"] = number
    if adaptive is not None:
        settings["adaptive_allocations"] = adaptive
    return settings


def task_settings(scope: Scope, task_type: str) -> dict[str, Any]:
    """The task settings that are given: only rerank has one."""
    given = scope.flag("return_documents") if task_type == "rerank" else None
    return {} if given is None else {"return_documents": given}


def check_chunking(model: str, settings: dict[str, Any]) -> None:
    """ELSER reads 512 tokens.

    Raises:
        Failure: 400.
    """
    if MODEL_TASKS.get(model) == "sparse_embedding":
        try:
            check_elser(settings)
        except ConfigurationError as error:
            raise bad_argument(str(error)) from error


def _deployed(draft: Draft, model: str | None, name: str) -> dict[str, Any]:
    found = draft.deployments.get(name)
    if found is None:
        raise Failure(404, f"No known trained model with deployment with id [{name}]")
    if model is not None and model != found.settings["model_id"]:
        raise Failure(
            400,
            f"Deployment [{name}] uses model [{found.settings['model_id']}] which does not match the model [{model}] "
            "in the request",
        )
    if found.task_type != draft.task_type:
        raise Failure(
            400,
            f"Deployed model [{name}] with type [{found.task_type}] does not match the requested task type "
            f"[{draft.task_type}]",
        )
    return {**found.settings, "deployment_id": name}


def _allocations(scope: Scope) -> dict[str, Any]:
    threads, number = scope.positive("num_threads", required=True), scope.positive("num_allocations")
    noted = len(scope.problems)
    adaptive = read_adaptive(scope)
    if number is None and adaptive is None and len(scope.problems) == noted:
        scope.miss("num_allocations", "adaptive_allocations")
    if number is not None and adaptive is not None and adaptive["enabled"]:
        scope.problems.append("[number_of_allocations] cannot be set if adaptive allocations is enabled")
    settings: dict[str, Any] = {} if number is None else {"num_allocations": number}
    settings["num_threads"] = threads
    if adaptive is not None:
        settings["adaptive_allocations"] = adaptive
    return settings


def _check_threads(threads: int) -> None:
    """Asked by the deployment, once the settings are right."""
    problem = threads_problem(threads)
    if problem is not None:
        raise invalid_request(problem)


def _check_model(draft: Draft, model: str) -> None:
    task = MODEL_TASKS.get(model)
    if task is None and model.startswith("."):
        raise bad_argument(
            "Error parsing request config, model id does not match any models available on this platform. "
            f"Was [{model}]. You may need to load it into the cluster using eland."
        )
    if task not in {None, draft.task_type}:
        raise Failure(400, f"Model [{model}] does not support task type [{draft.task_type}]")
    if model == draft.inference_id:
        raise Failure(
            400,
            f"Inference endpoint IDs must be unique. Requested inference endpoint ID [{model}] matches existing trained "
            "model ID(s) but must not.",
        )


def _uploaded(draft: Draft) -> dict[str, Any]:
    """The settings of an embedding model that Eland has uploaded; its width is learnt from the model that is embedded here."""
    scope = draft.service
    dimensions = scope.positive("dimensions")
    similarity = scope.text("similarity", choices=SIMILARITIES)
    element = scope.text("element_type", choices=ELEMENT_TYPES)
    return {
        "dimensions": dimensions or draft.learn_width(),
        "similarity": (similarity or "cosine").strip().lower(),
        "element_type": (element or "float").strip().lower(),
    }
