"""What the settings of all services have in common: how they become a request body."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from ragbridge.services.elastic.arguments import given


class EndpointSettings(ABC):
    """Settings of an endpoint of one service: frozen, compared by value. A key is neither shown nor pickled.

    Attributes:
        service: The service's name on the wire.
    """

    __slots__ = ()

    service: ClassVar[str]

    @property
    def config(self) -> dict[str, Any]:
        """The body that creates an endpoint, for any client. It contains the key, if there is one."""
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
