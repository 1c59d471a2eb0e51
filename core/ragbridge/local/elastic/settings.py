"""From a request's body to an endpoint: what all services have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.local.elastic.endpoints import Endpoint
from ragbridge.local.elastic.errors import (
    Failure,
    bad_argument,
    invalid_request,
    invalid_settings,
    unknown_settings,
)
from ragbridge.local.elastic.services import eis, elasticsearch, jinaai
from ragbridge.local.elastic.services.draft import Draft
from ragbridge.rules.chunking import check_settings
from ragbridge.rules.endpoints import CHUNKING_TASKS, ELSER, TASK_TYPES, id_problem
from ragbridge.rules.reader import Scope

if TYPE_CHECKING:
    from ragbridge.local.elastic.services.draft import Deployment


@dataclass(frozen=True, slots=True)
class Service:
    """What a service does with settings.

    Attributes:
        name: What requests call it.
        tasks: The task types that it has.
        create: Reads the service settings of a new endpoint and fills in defaults.
        update: Changes service settings by those of a request.
        task_settings: Reads the task settings that are given.
        task_defaults: Task settings of a new endpoint, by task type.
        streams: Task types that it answers piece by piece.
    """

    name: str
    tasks: tuple[str, ...]
    create: Callable[[Draft], dict[str, Any]]
    update: Callable[[Draft, dict[str, Any]], dict[str, Any]]
    task_settings: Callable[[Scope, str], dict[str, Any]]
    task_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    streams: tuple[str, ...] = ()


SERVICES = {
    service.name: service
    for service in (
        Service(jinaai.NAME, jinaai.TASKS, jinaai.create, jinaai.update, jinaai.task_settings),
        Service(
            elasticsearch.NAME,
            elasticsearch.TASKS,
            elasticsearch.create,
            elasticsearch.update,
            elasticsearch.task_settings,
            task_defaults=elasticsearch.TASK_DEFAULTS,
        ),
        Service(
            eis.NAME,
            eis.TASKS,
            eis.create,
            eis.update,
            eis.task_settings,
            streams=("chat_completion",),
        ),
    )
}


def resolve_task(path: str | None, body: object) -> str | None:
    """The task type that the path or the body names; None where neither does.

    Raises:
        Failure: 400, it is none, or the two differ.
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
        Failure: 400, there is none of that name.
    """
    found = task_type.strip().lower()
    if found not in TASK_TYPES:
        raise Failure(400, f"Unknown task_type [{task_type}]")
    return found


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
    service, task_type = _service(task_type, config)
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
    draft = Draft(inference_id, task_type, Scope("service_settings", settings), deployments, learn_width)
    found = service.create(draft)
    if draft.service.left:
        raise unknown_settings(draft.service.left, service.name)
    if chunking is not None and service.name == elasticsearch.NAME:
        elasticsearch.check_chunking(found["model_id"], chunking)
    defaults = service.task_defaults.get(task_type, {})
    tasks = {**defaults, **read_task_settings(service, task_type, tasks)}
    return Endpoint(inference_id, task_type, service.name, found, tasks, chunking)


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
        raise unknown_settings(config, endpoint.service)
    if settings is None and tasks is None:
        raise Failure(400, "Request body must contain [service_settings] or [task_settings]")
    service = SERVICES[endpoint.service]
    if settings is not None:
        scope = Scope("service_settings", settings)
        draft = Draft(endpoint.inference_id, endpoint.task_type, scope, deployments, learn_width)
        changed = service.update(draft, dict(endpoint.service_settings))
        if scope.left:
            raise unknown_settings(scope.left, endpoint.service)
        endpoint = replace(endpoint, service_settings=changed)
    if tasks is not None:
        merged = {**endpoint.task_settings, **read_task_settings(service, endpoint.task_type, tasks)}
        endpoint = replace(endpoint, task_settings=merged)
    return endpoint


def read_task_settings(service: Service, task_type: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Task settings, of an endpoint or of one request.

    Raises:
        Failure: 400.
    """
    scope = Scope("task_settings", values)
    found = service.task_settings(scope, task_type)
    if scope.problems:
        raise invalid_settings(scope.problems)
    if scope.left:
        raise unknown_settings(scope.left, service.name)
    return found


def _service(task_type: str | None, config: dict[str, Any]) -> tuple[Service, str]:
    """The service that a body names, and the task type that the path or the body does."""
    task_type = resolve_task(task_type, config.pop("task_type", None))
    if task_type is None:
        raise Failure(400, "model is missing required setting [task_type]")
    name = config.pop("service", None)
    if name is None:
        raise Failure(400, "Inference endpoint configuration is missing the [service] setting")
    if name == "elser":  # the old name of ELSER in the service ``elasticsearch``
        name = elasticsearch.NAME
        if isinstance(config.get("service_settings"), dict):
            config["service_settings"] = {"model_id": ELSER, **config["service_settings"]}
    service = SERVICES.get(str(name))
    if service is None:
        raise Failure(400, f"Unknown service [{name}]")
    if task_type not in service.tasks:
        raise Failure(400, f"The [{name}] service does not support task type [{task_type}]")
    return service, task_type


def _object(config: dict[str, Any], key: str) -> dict[str, Any] | None:
    value = config.pop(key, None)
    if value is None or isinstance(value, dict):
        return value
    raise Failure(400, f"field [{key}] is not of the expected type. The value cannot be converted to a [Map]")


def _chunking(settings: dict[str, Any]) -> dict[str, Any]:
    try:
        return check_settings(settings)
    except ConfigurationError as error:
        message = str(error)
        problems = message.removeprefix("chunking settings: ")
        if problems == message:  # no strategy, or an unknown one
            raise bad_argument(message) from error
        raise invalid_settings(problems.split("; ")) from error
