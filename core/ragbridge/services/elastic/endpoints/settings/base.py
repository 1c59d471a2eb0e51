"""What the settings of all services have in common: how they become a request body."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from ragbridge.client.secret import Secret
from ragbridge.errors import ConfigurationError
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


class Keyed(Protocol):
    """Settings with a key."""

    @property
    def api_key(self) -> str | Secret:
        """The key."""
        ...


def keep_key(settings: Keyed) -> None:
    """Keep the key of frozen settings as a ``Secret``, which is in no repr and no pickle.

    It is in no variable here either: tools show those of the frames of an error.

    Raises:
        ConfigurationError: It is no text.
    """
    if isinstance(settings.api_key, Secret):
        return
    if not isinstance(settings.api_key, str):
        raise ConfigurationError(f"api_key is {type(settings.api_key).__name__}, not str")
    object.__setattr__(settings, "api_key", Secret(settings.api_key))


def reveal(api_key: str | Secret) -> str:
    """The key as it stands in a request."""
    return api_key.reveal() if isinstance(api_key, Secret) else api_key


def rate_limit(requests_per_minute: int | None) -> dict[str, int] | None:
    """The limit of an endpoint as it stands in a request; None leaves it to Elasticsearch."""
    return None if requests_per_minute is None else {"requests_per_minute": requests_per_minute}


def route_of(url: str | None, route: str) -> str | None:
    """``url`` of a service, which is the address of the route that Elasticsearch asks, not that of the server.

    Args:
        url: What the caller gave.
        route: What such an address ends with at a Jina server.

    Raises:
        ConfigurationError: It is no http(s) address, or one of a server alone.
    """
    if url is None:
        return None
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError("url must be an http(s) address that Elasticsearch reaches, as a text")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(
            "url holds a user or a password, which Elasticsearch would show: pass api_key="
        )
    if parts.path in {"", "/"}:
        raise ConfigurationError(
            f"url={url!r} names a server: pass the whole address of its route, which ends with {route} at a Jina server"
        )
    return url
