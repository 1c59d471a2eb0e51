"""Service ``elasticsearch``: models on the cluster's nodes, and their deployments (``ElasticsearchInternalService``).

A model id that is not one of Elastic's own is taken for a model that Eland has uploaded. The platform is taken for Linux
on x86-64, where both variants of Elastic's models run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.local.elastic.errors import Failure, bad_argument
from ragbridge.local.elastic.services.draft import Deployment
from ragbridge.rules.chunking import check_elser
from ragbridge.rules.elasticsearch import NAME
from ragbridge.rules.endpoints import ELSER, ELSER_MODELS, MODEL_TASKS

if TYPE_CHECKING:
    from ragbridge.local.elastic.endpoints import Endpoint
    from ragbridge.local.elastic.services.draft import Draft

RUNNING = Deployment(None, "sparse_embedding", {"num_allocations": 2, "num_threads": 1, "model_id": ELSER})
"""The one deployment that no endpoint has started. It has its model's name, as in Elastic's example of ``deployment_id``."""


def deployments(endpoints: Iterable[Endpoint]) -> dict[str, Deployment]:
    """The running deployments: each endpoint of this service has started one of the same name."""
    running = {ELSER: RUNNING}
    for one in endpoints:
        if one.service == NAME and "deployment_id" not in one.service_settings:
            running[one.inference_id] = Deployment(
                one.inference_id, one.task_type, dict(one.service_settings)
            )
    return running


def complete(draft: Draft, settings: dict[str, Any]) -> dict[str, Any]:
    """Take over the settings of a deployment, or add what Elasticsearch learns from an uploaded model.

    Raises:
        Failure: 400; 404 for an unknown deployment.
    """
    model, deployment = settings.get("model_id"), settings.get("deployment_id")
    if deployment is not None:
        return _deployed(draft, model, deployment)
    if str(model).startswith(".") and model not in MODEL_TASKS:
        raise bad_argument(
            "Error parsing request config, model id does not match any models available on this platform. "
            f"Was [{model}]. You may need to load it into the cluster using eland."
        )
    if draft.task_type == "text_embedding" and model not in MODEL_TASKS:
        return {**settings, "dimensions": draft.learn_width()}
    return settings


def check_change(draft: Draft, settings: Mapping[str, Any]) -> None:
    """Only the endpoint that started a deployment may change its allocations.

    Raises:
        Failure: 409.
    """
    deployment = settings.get("deployment_id")
    if deployment is None or not draft.values:
        return
    owner = draft.deployments[deployment].owner if deployment in draft.deployments else None
    by = "through the trained models API" if owner is None else f"using inference endpoint [{owner}]"
    reason = (
        f"Unable to update inference endpoint [{draft.inference_id}] using deployment_id [{deployment}]. "
    )
    raise Failure(409, f"{reason}The model deployment must be updated {by}.")


def check_chunking(model: str, settings: dict[str, Any]) -> None:
    """ELSER reads 512 tokens.

    Raises:
        Failure: 400.
    """
    if model in ELSER_MODELS:
        try:
            check_elser(settings)
        except ConfigurationError as error:
            raise bad_argument(str(error)) from error


def _deployed(draft: Draft, model: str | None, name: str) -> dict[str, Any]:
    deployed = draft.deployments.get(name)
    if deployed is None:
        raise Failure(404, f"No known trained model with deployment with id [{name}]")
    if model is not None and model != deployed.settings["model_id"]:
        raise Failure(
            400,
            f"Deployment [{name}] uses model [{deployed.settings['model_id']}] which does not match the model [{model}] "
            "in the request",
        )
    if deployed.task_type != draft.task_type:
        raise Failure(
            400,
            f"Deployed model [{name}] with type [{deployed.task_type}] does not match the requested task type "
            f"[{draft.task_type}]",
        )
    return {**deployed.settings, "deployment_id": name}
