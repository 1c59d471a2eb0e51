"""What the settings of all services have in common: their body, and who may know what is in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ragbridge.rules.reader import Scope
from ragbridge.services.elastic.arguments import given


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
        task = given(**self._task_settings())
        return given(
            service=self.service,
            service_settings=given(**self._service_settings()),
            task_settings=task or None,
        )

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
