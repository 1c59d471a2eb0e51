"""What the settings of all services have in common: their body, and who may know what is in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, TypeAlias

from ragbridge._scope import Scope

TaskType: TypeAlias = Literal[
    "text_embedding", "sparse_embedding", "rerank", "embedding", "completion", "chat_completion"
]
TASK_TYPES: Final = (
    "text_embedding", "sparse_embedding", "rerank", "embedding", "completion", "chat_completion",
)  # fmt: skip
"""``embedding`` (multimodal) is from 9.4 on. Elasticsearch's specification, August 2026."""

Similarity: TypeAlias = Literal["cosine", "dot_product", "l2_norm"]
SIMILARITIES: Final = ("cosine", "dot_product", "l2_norm")


class EndpointSettings(ABC):
    """Settings of an endpoint of one service. Frozen; compares by value; shows and pickles no key.

    Attributes:
        service: The service's name on the wire.
    """

    __slots__ = ()

    service: ClassVar[str]

    @property
    def config(self) -> dict[str, Any]:
        """The body for creating an endpoint, as any client takes it. It holds the key, where there is one."""
        service, task = self._service_settings(), self._task_settings()
        config: dict[str, Any] = {"service": self.service, "service_settings": given(service)}
        if given(task):
            config["task_settings"] = given(task)
        return config

    @abstractmethod
    def _service_settings(self) -> Mapping[str, Any]: ...

    def _task_settings(self) -> Mapping[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class Rules:
    """What Elasticsearch asks of one service's settings.

    Attributes:
        tasks: The task types that it has.
        check: Reads every setting that it knows for a task type from ``service_settings`` and ``task_settings``, and
            notes what is wrong; what it leaves is unknown.
    """

    tasks: tuple[str, ...]
    check: Callable[[str, Scope, Scope], None]


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value: what is None is left to Elasticsearch."""
    return {name: value for name, value in fields.items() if value is not None}
