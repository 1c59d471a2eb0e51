"""From a request's body to an endpoint, by the tables of ``ragbridge.rules``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.endpoints import Endpoint
from ragbridge.local.elastic.errors import Failure, invalid_request, refuse, unknown_settings
from ragbridge.local.elastic.services import eis, elasticsearch, jinaai, remote
from ragbridge.local.elastic.services.draft import Draft
from ragbridge.rules import RULES
from ragbridge.rules.chunking import read_settings
from ragbridge.rules.cohere import NAME as COHERE
from ragbridge.rules.eis import NAME as ELASTIC
from ragbridge.rules.elasticsearch import NAME as ELASTICSEARCH
from ragbridge.rules.endpoints import CHUNKING_TASKS, ELSER, TASK_TYPES, id_problem
from ragbridge.rules.jinaai import NAME as JINAAI
from ragbridge.rules.openai import NAME as OPENAI
from ragbridge.rules.reader import Scope
from ragbridge.rules.table import shown

if TYPE_CHECKING:
    from ragbridge.local.elastic.services.draft import Deployment
    from ragbridge.rules.table import ServiceRules


@dataclass(frozen=True, slots=True)
class Service:
    """What the engine adds to the rules of a service.

    Attributes:
        complete: Adds to the settings of a new endpoint what only a running service knows.
        check_change: Refuses to change an endpoint.
        streams: Task types that it answers piece by piece.
        missing: Task types that the engine does not offer.
        answer: Answers an ``inputs.Inference``, with the body that Elasticsearch would send; None for the embedded model.
    """

    complete: Callable[[Draft, dict[str, Any]], dict[str, Any]]
    check_change: Callable[[Draft, Mapping[str, Any]], None] | None = None
    streams: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    answer: Callable[[Any], dict[str, Any]] | None = None


SERVICES = {
    JINAAI: Service(jinaai.complete),
    ELASTICSEARCH: Service(elasticsearch.complete, elasticsearch.check_change),
    OPENAI: Service(remote.complete, streams=remote.CHAT, missing=remote.CHAT),
    COHERE: Service(remote.complete, streams=remote.CHAT[:1], missing=remote.CHAT),
    ELASTIC: Service(eis.complete, streams=("chat_completion",), missing=eis.CHAT),
}


def resolve_task(path: str | None, body: object) -> str | None:
    """The task type that the path or the body names; None where neither does.

    Raises:
        Failure: 400, there is no such task type, or path and body name different ones.
    """
    given = None if body is None else check_task(str(body))
    if path is not None and given is not None and path != given:
        raise Failure(
            400,
            f"Cannot resolve conflicting task_type parameter in the request URL [{path}] and the request body [{given}]",
        )
    return path or given


def check_task(task_type: str) -> str:
    """The task type, in lower case.

    Raises:
        Failure: 400, there is no such task type.
    """
    name = task_type.strip().lower()
    if name not in TASK_TYPES:
        raise Failure(400, f"Unknown task_type [{task_type}]")
    return name


def create(
    inference_id: str,
    task_type: str | None,
    config: dict[str, Any],
    *,
    deployments: Mapping[str, Deployment],
    learn_width: Callable[[], int],
) -> Endpoint:
    """The endpoint that a request to create one asks for.

    Raises:
        Failure: 400; 404 for an unknown deployment.
    """
    service, task_type = _rules(task_type, config)
    if (problem := id_problem(inference_id)) is not None:
        raise invalid_request(problem)
    settings = _object(config, "service_settings")
    if settings is None:
        raise Failure(400, "Missing required field [service_settings]")
    tasks = _object(config, "task_settings") or {}
    chunking = None
    if task_type in CHUNKING_TASKS:
        chunking = _chunking(_object(config, "chunking_settings") or {})
    if config:
        raise unknown_settings(config, service.name)
    own = SERVICES[service.name]
    if task_type in own.missing:
        raise Failure(
            400, f"Task type [{task_type}] is not offered by the embedded engine: it has no chat model"
        )
    scope = Scope("service_settings", settings)
    values = service.read(inference_id, task_type, scope)
    refuse(scope.problems)
    draft = Draft(inference_id, task_type, values, deployments, learn_width)
    settings = own.complete(draft, shown(service.service_settings, task_type, values))
    if scope.left:
        raise unknown_settings(scope.left, service.name)
    if chunking is not None and service.name == ELASTICSEARCH:
        elasticsearch.check_chunking(settings["model_id"], chunking)
    tasks = shown(service.task_settings, task_type, read_task_settings(service.name, task_type, tasks))
    return Endpoint(inference_id, task_type, service.name, settings, tasks, chunking)


def update(
    endpoint: Endpoint,
    task_type: str | None,
    config: dict[str, Any],
    *,
    deployments: Mapping[str, Deployment],
    learn_width: Callable[[], int],
) -> Endpoint:
    """The endpoint after a request to change it.

    Raises:
        Failure: 400; 409 for a deployment of others.
    """
    task_type = resolve_task(task_type, config.pop("task_type", None))
    if task_type not in {None, endpoint.task_type}:
        raise Failure(400, "Task type must match the task type of the existing endpoint")
    settings, tasks = _object(config, "service_settings"), _object(config, "task_settings")
    if config:
        # Elasticsearch shows all values; a misspelt ``api_key`` holds a key.
        given = ", ".join(
            f"{key}={value if key in {'service', 'inference_id'} else '...'}" for key, value in config.items()
        )
        raise Failure(
            400,
            f"Request contained fields which cannot be updated, remove these fields and try again [{{{given}}}]",
        )
    if settings is None and tasks is None:
        raise Failure(400, "Request body must contain [service_settings] or [task_settings]")
    service, own = RULES[endpoint.service], SERVICES[endpoint.service]
    if settings is not None:
        scope = Scope("service_settings", settings)
        values = service.read_changes(endpoint.task_type, scope)
        refuse(scope.problems)
        draft = Draft(endpoint.inference_id, endpoint.task_type, values, deployments, learn_width)
        if own.check_change is not None:
            own.check_change(draft, endpoint.service_settings)
        if scope.left:
            raise unknown_settings(scope.left, endpoint.service)
        changes = {
            row.name: values[row.name] for row in service.changeable if row.shown and row.name in values
        }
        endpoint = replace(endpoint, service_settings={**endpoint.service_settings, **changes})
    if tasks is not None:
        changes = read_task_settings(endpoint.service, endpoint.task_type, tasks)
        endpoint = replace(endpoint, task_settings={**endpoint.task_settings, **changes})
    return endpoint


def read_task_settings(service: str, task_type: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The task settings of an endpoint or of one request.

    Raises:
        Failure: 400.
    """
    scope = Scope("task_settings", values)
    tasks = RULES[service].read_task_settings(task_type, scope)
    refuse(scope.problems)
    if scope.left:
        raise unknown_settings(scope.left, service)
    return tasks


def _rules(task_type: str | None, config: dict[str, Any]) -> tuple[ServiceRules, str]:
    """The rules of the service that a body names, and the task type that the path or the body names."""
    task_type = resolve_task(task_type, config.pop("task_type", None))
    if task_type is None:
        raise Failure(400, "model is missing required setting [task_type]")
    name = config.pop("service", None)
    if name is None:
        raise Failure(400, "Inference endpoint configuration is missing the [service] setting")
    if name == "elser":  # the old name of ELSER in the service ``elasticsearch``
        name = ELASTICSEARCH
        if isinstance(config.get("service_settings"), dict):
            config["service_settings"] = {"model_id": ELSER, **config["service_settings"]}
    service = RULES.get(str(name))
    if service is None:
        raise Failure(400, f"Unknown service [{name}]")
    scope = Scope("endpoint", {})
    if not service.check_task(scope, task_type):
        refuse(scope.problems)
    return service, task_type


def _object(config: dict[str, Any], key: str) -> dict[str, Any] | None:
    value = config.pop(key, None)
    if value is None or isinstance(value, dict):
        return value
    raise Failure(400, f"field [{key}] is not of the expected type. The value cannot be converted to a [Map]")


def _chunking(settings: dict[str, Any]) -> dict[str, Any]:
    values, problems = read_settings(settings)
    refuse(problems)
    return values
