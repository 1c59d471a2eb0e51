"""From settings, typed or plain, to the body that creates an endpoint: by Elasticsearch's rules, in its words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from ragbridge.errors import ConfigurationError
from ragbridge.rules.chunking import (
    ChunkingSettings,
    check_elser,
    check_settings,
    plain,
    warn_of_large_chunks,
)
from ragbridge.rules.endpoints import CHUNKING_TASKS, MODEL_TASKS, TASK_TYPES, id_problem
from ragbridge.rules.reader import Scope
from ragbridge.services.elastic.endpoints.settings import eis, elasticsearch, jinaai
from ragbridge.services.elastic.endpoints.settings.base import EndpointSettings, Rules

RULES: Final[Mapping[str, Rules]] = {
    jinaai.JinaAI.service: jinaai.RULES,
    elasticsearch.ElasticsearchService.service: elasticsearch.RULES,
    eis.ElasticInferenceService.service: eis.RULES,
}

AnySettings: TypeAlias = "EndpointSettings | Mapping[str, Any]"
"""Typed settings, or a body as Elasticsearch takes it: ``service``, ``service_settings``, ``task_settings``."""


def build_config(
    inference_id: str,
    task_type: str,
    settings: AnySettings,
    chunking_settings: ChunkingSettings | None = None,
) -> dict[str, Any]:
    """The body that creates an endpoint. Settings of services that are not known here are left to Elasticsearch.

    Raises:
        ConfigurationError: Elasticsearch would refuse it; the message holds its own messages, all of them at once.
    """
    check_new_id(inference_id)
    check_task_type(task_type)
    config = _config(settings)
    if chunking_settings is not None:
        if config.get("chunking_settings") is not None:
            raise ConfigurationError(
                "chunking_settings stand in the settings and beside them: give them once"
            )
        config["chunking_settings"] = plain(chunking_settings, name="chunking_settings")
    problems: list[str] = []
    _check_service(task_type, config, problems)
    _check_model_id(inference_id, config, problems)
    if problems:
        raise ConfigurationError(
            f"{config['service']} endpoint {inference_id!r} of task type {task_type}: {'; '.join(problems)}"
        )
    if isinstance(config.get("chunking_settings"), Mapping):
        _check_chunking(config)
    return config


def check_new_id(inference_id: str) -> None:
    """Refuse an id that no new endpoint may have.

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
    """Refuse what is no task type.

    Raises:
        ConfigurationError: It is none.
    """
    if task_type not in TASK_TYPES:
        raise ConfigurationError(
            f"Unknown task_type [{task_type}]: task_type must be one of {', '.join(TASK_TYPES)}"
        )


_SECRET = re.compile(r"key|secret|token|password|credential|service_account", re.IGNORECASE)
"""Settings that hold secrets, of other services too: ``api_key``, ``secret_parameters``, ``service_account_json``, ..."""


def secrets_of(fields: Mapping[str, Any], *, secret: bool = False) -> Iterator[str]:
    """The keys in a body, which no error may show: Elasticsearch repeats whole requests in some of its messages."""
    for name, value in fields.items():
        hidden = secret or _SECRET.search(str(name)) is not None
        if isinstance(value, Mapping):
            yield from secrets_of(value, secret=hidden)
        elif hidden and isinstance(value, str) and value:
            yield value


def _config(settings: AnySettings) -> dict[str, Any]:
    config = dict(settings.config if isinstance(settings, EndpointSettings) else _mapping(settings))
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


def _check_service(task_type: str, config: Mapping[str, Any], problems: list[str]) -> None:
    name = config["service"]
    rules = RULES.get(name)
    if rules is None:
        return
    if task_type not in rules.tasks:
        problems.append(
            f"The [{name}] service does not support task type [{task_type}] (it has {', '.join(rules.tasks)})"
        )
        return
    body = Scope("endpoint", config, problems)
    body.take("service")
    service = body.scope("service_settings") or Scope("service_settings", {}, problems)
    task = body.scope("task_settings") or Scope("task_settings", {}, problems)
    if task_type in CHUNKING_TASKS:
        body.scope("chunking_settings")
    rules.check(task_type, service, task)
    unknown = [*body.left, *service.left, *task.left]
    if unknown:
        problems.append(
            f"Configuration contains settings [{', '.join(unknown)}] unknown to the [{name}] service "
            f"(leave them out for task type {task_type})"
        )


def _check_model_id(inference_id: str, config: Mapping[str, Any], problems: list[str]) -> None:
    settings = config["service_settings"]
    model = settings.get("model_id") if isinstance(settings, Mapping) else None
    if config["service"] == elasticsearch.ElasticsearchService.service and model == inference_id:
        problems.append(
            f"Inference endpoint IDs must be unique. Requested inference endpoint ID [{inference_id}] matches existing "
            "trained model ID(s) but must not. (choose an inference_id other than the model's id)"
        )


def _check_chunking(config: Mapping[str, Any]) -> None:
    """Chunking is the same for all services, but for ELSER's bound."""
    found = check_settings(config["chunking_settings"])
    settings = config["service_settings"]
    models = (
        (settings.get("model_id"), settings.get("deployment_id")) if isinstance(settings, Mapping) else ()
    )
    if any(isinstance(model, str) and model in _ELSER for model in models):
        check_elser(found)
    warn_of_large_chunks(found, stacklevel=2)


_ELSER = {
    "elser_model_2",
    *(m for m, task in MODEL_TASKS.items() if task == "sparse_embedding"),
}
"""Names of ELSER with both services, and of the deployments that Elasticsearch itself makes of it."""
