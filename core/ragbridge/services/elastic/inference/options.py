"""What can be asked of an inference endpoint, checked before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.models import Role
from ragbridge.observers import Operation
from ragbridge.rules.endpoints import INPUT_TYPES, InputType
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.encoding import encode
from ragbridge.services.elastic.session import SEARCH
from ragbridge.services.elastic.wire import duration, segment

DenseTask: TypeAlias = Literal["text_embedding", "embedding"]

_ROLES: dict[Role, InputType] = {"query": "search", "document": "ingest"}
_DENSE_TASKS: tuple[str, ...] = get_args(DenseTask)


@dataclass(frozen=True, slots=True)
class InferenceOptions:
    """What is asked of one endpoint, checked.

    Attributes:
        task: The task type, as routes name it.
        inference_id: The endpoint.
        input_type: What the inputs are for; None where the task takes none, or to leave it to the endpoint.
        task_settings: Of this request, before the endpoint's own.
        timeout: Seconds that Elasticsearch waits for the model; None for its own figure.
        by_role: Whether ``input_type`` stands for a role, which a service need not know.
    """

    task: str
    inference_id: str
    input_type: str | None = None
    task_settings: Mapping[str, Any] | None = None
    timeout: float | None = None
    by_role: bool = False

    def operation(self, items: int | None, top_n: int | None = None) -> Operation:
        """What observers are told of a call over so many items; None for a stream."""
        return Operation(model=self.inference_id, items=items, top_n=top_n, task=self.input_type)

    @property
    def path(self) -> str:
        """The route."""
        return f"/_inference/{self.task}/{segment('inference_id', self.inference_id)}"

    @property
    def query(self) -> dict[str, object]:
        """The parameters of the address."""
        return {"timeout": None if self.timeout is None else duration(self.timeout)}

    @property
    def product(self) -> str:
        """Whose quota counts it."""
        return f"{self.task}{SEARCH if self.input_type == 'search' else ''}/{self.inference_id}"

    def payload(self, *, roles: bool = True, **fields: Any) -> dict[str, Any]:
        """The request's body: ``fields`` and what is set here; without ``roles`` it does not tell one."""
        input_type = self.input_type if roles or not self.by_role else None
        body = {**fields, "input_type": input_type, "task_settings": self.task_settings}
        return {name: value for name, value in body.items() if value is not None}


def check_options(
    task: str,
    inference_id: str,
    *,
    role: Role | None = None,
    input_type: str | None = None,
    task_settings: Mapping[str, Any] | None = None,
    timeout: float | None = None,
) -> InferenceOptions:
    """The options, where they are what the API takes.

    Raises:
        ConfigurationError: One of them is not; the message names it.
    """
    segment("inference_id", inference_id)
    if role is not None and input_type is not None:
        raise ConfigurationError(
            f"role={role!r} and input_type={input_type!r}: give one, a role chooses the type by itself"
        )
    check_role(role)
    if role is not None:
        input_type = _ROLES[role]
    elif input_type is not None:
        input_type = _input_type(input_type)
    settings = None if task_settings is None else _settings(task_settings)
    if timeout is not None:
        timeout = check.seconds("timeout", timeout)
    return InferenceOptions(task, inference_id, input_type, settings, timeout, by_role=role is not None)


def check_role(role: object) -> None:
    """See that ``role`` is one, or None.

    Raises:
        ConfigurationError: It is something else.
    """
    if role is not None and (not isinstance(role, str) or role not in _ROLES):
        raise ConfigurationError(f"role={role!r} must be 'query' or 'document'")


def check_dense_task(task_type: str) -> str:
    """``task_type`` where it is one that makes dense vectors."""
    if task_type not in _DENSE_TASKS:
        raise ConfigurationError(f"task_type={task_type!r} must be one of {', '.join(_DENSE_TASKS)}")
    return task_type


def _settings(found: object) -> dict[str, Any] | None:
    if not isinstance(found, Mapping):
        raise ConfigurationError(f"task_settings is {type(found).__name__}, not a mapping")
    settings: dict[str, Any] = json.loads(encode(found, name="task_settings"))
    if "task" in settings:
        raise ConfigurationError(
            "task_settings['task']: Elasticsearch has no such setting, although guides name one: pass role= or input_type=, "
            f"one of {', '.join(INPUT_TYPES)}"
        )
    return settings or None


def _input_type(value: str) -> str:
    """Elasticsearch reads it in any case; types that begin with ``internal_`` are its own."""
    found = value.strip().lower() if isinstance(value, str) else ""
    if found not in INPUT_TYPES:
        raise ConfigurationError(f"input_type={value!r} must be one of {', '.join(INPUT_TYPES)}")
    return found
