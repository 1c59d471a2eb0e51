"""From settings, typed or plain, to the body that creates an endpoint, checked by the tables of ``ragbridge.rules``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from ragbridge.client.secret import concealed
from ragbridge.errors import ConfigurationError
from ragbridge.rules import RULES
from ragbridge.rules.chunking import (
    ChunkingSettings,
    check_elser,
    check_settings,
    plain,
    warn_of_large_chunks,
)
from ragbridge.rules.endpoints import CHUNKING_TASKS, ELSER_MODELS, INPUT_TYPES, TASK_TYPES, id_problem
from ragbridge.rules.reader import Problem, Scope
from ragbridge.rules.table import unknown
from ragbridge.services.elastic.endpoints.settings.base import EndpointSettings

AnySettings: TypeAlias = "EndpointSettings | Mapping[str, Any]"
"""Typed settings, or a body as Elasticsearch takes it: ``service``, ``service_settings``, ``task_settings``."""


def build_config(
    inference_id: str,
    task_type: str,
    settings: AnySettings,
    chunking_settings: ChunkingSettings | None = None,
) -> dict[str, Any]:
    """The body that creates an endpoint. Elasticsearch alone checks the settings of services without a table here.

    Raises:
        ConfigurationError: Elasticsearch would refuse it; the message quotes all of its messages.
    """
    check_new_id(inference_id)
    check_task_type(task_type)
    config = _config(settings)
    if chunking_settings is not None:
        if config.get("chunking_settings") is not None:
            raise ConfigurationError(
                "chunking_settings are given both in the settings and as an argument: give them once"
            )
        config["chunking_settings"] = plain(chunking_settings, name="chunking_settings")
    problems = _problems(inference_id, task_type, config)
    if problems:
        raise ConfigurationError(
            f"{config['service']} endpoint {inference_id!r} of task type {task_type}: {'; '.join(map(str, problems))}"
        )
    if isinstance(config.get("chunking_settings"), Mapping):
        _check_chunking(config)
    return config


def check_new_id(inference_id: str) -> None:
    """Check the id of a new endpoint.

    Raises:
        ConfigurationError: Elasticsearch would refuse it.
    """
    if not isinstance(inference_id, str):
        raise ConfigurationError(f"inference_id is {type(inference_id).__name__}, not str")
    problem = id_problem(inference_id)
    if problem is not None:
        reserved = " (ids that begin with a dot are Elasticsearch's own)" if inference_id[:1] == "." else ""
        raise ConfigurationError(problem + reserved)


def check_task_type(task_type: str) -> None:
    """Check the name of a task type.

    Raises:
        ConfigurationError: Elasticsearch has no task type of that name.
    """
    if task_type not in TASK_TYPES:
        raise ConfigurationError(
            f"Unknown task_type [{task_type}]: task_type must be one of {', '.join(TASK_TYPES)}"
        )


_SECRET = re.compile(r"key|secret|token|password|credential|service_account", re.IGNORECASE)
"""Names of settings that hold secrets, those of other services included: ``api_key``, ``secret_parameters``, ..."""


def secrets_of(fields: Mapping[str, Any], *, secret: bool = False) -> Iterator[str]:
    """The secrets in a body. They are removed from errors, since Elasticsearch repeats whole requests in some messages."""
    for name, value in fields.items():
        hidden = secret or _SECRET.search(str(name)) is not None
        if isinstance(value, Mapping):
            yield from secrets_of(value, secret=hidden)
        elif hidden and isinstance(value, str) and value:
            yield value


def conceal(fields: Mapping[str, Any], *, secret: bool = False) -> dict[str, Any]:
    """A body like ``fields`` whose secrets are in no repr."""
    shown: dict[str, Any] = {}
    for name, value in fields.items():
        hidden = secret or _SECRET.search(str(name)) is not None
        inner = conceal(value, secret=hidden) if isinstance(value, Mapping) else value
        shown[name] = concealed(inner) if hidden else inner
    return shown


def _config(settings: AnySettings) -> dict[str, Any]:
    config = conceal(settings.config if isinstance(settings, EndpointSettings) else _mapping(settings))
    for name in ("service", "service_settings"):
        if config.get(name) is None:
            raise ConfigurationError(
                f"Missing required field [{name}]: settings is JinaAI(...), ElasticsearchService(...), "
                "ElasticInferenceService(...), or a body with 'service' and 'service_settings'"
            )
    if not isinstance(config["service"], str):
        raise ConfigurationError(f"service is {type(config['service']).__name__}, not str")
    return config


def _mapping(settings: object) -> Mapping[str, Any]:
    if not isinstance(settings, Mapping):
        raise ConfigurationError(
            f"settings is {type(settings).__name__}: pass JinaAI(...), ElasticsearchService(...), "
            "ElasticInferenceService(...), or a body with 'service' and 'service_settings'"
        )
    return settings


def _problems(inference_id: str, task_type: str, config: Mapping[str, Any]) -> list[Problem]:
    body = Scope("endpoint", config)
    rules = RULES.get(body.take("service"))
    if rules is None or not rules.check_task(body, task_type):
        return body.problems
    service = body.scope("service_settings") or Scope("service_settings", {}, body.problems)
    task = body.scope("task_settings") or Scope("task_settings", {}, body.problems)
    if task_type in CHUNKING_TASKS:
        body.scope("chunking_settings")
    rules.read(inference_id, task_type, service)
    rules.read_task_settings(task_type, task)
    left = [*body.left, *service.left, *task.left]
    if left:
        hint = f"leave them out for task type {task_type}"
        if "task" in task.left:
            hint = f"what texts are for is set by 'input_type', one of {', '.join(INPUT_TYPES)}"
        body.note(unknown(left, rules.name), hint)
    return body.problems


def _check_chunking(config: Mapping[str, Any]) -> None:
    """Chunking rules are the same for all services, except for ELSER's smaller bound."""
    chunking = check_settings(config["chunking_settings"])
    settings = config["service_settings"]
    models = (
        (settings.get("model_id"), settings.get("deployment_id")) if isinstance(settings, Mapping) else ()
    )
    if any(isinstance(model, str) and model in ELSER_MODELS for model in models):
        check_elser(chunking)
    warn_of_large_chunks(chunking, stacklevel=2)
