"""What a component needs to know to reach a service, as public fields; shared by all of ragbridge's leaves."""

from __future__ import annotations

import functools
import inspect
import pickle
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypedDict, TypeVar, Unpack

try:
    from llama_index.core.schema import BaseComponent
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, field_serializer

from ragbridge import ConfigurationError, Elastic, Jina, RateLimit, Retry

S = TypeVar("S", Jina, Elastic)


class Connected(BaseComponent, Generic[S]):
    """A component with the settings of a service, or with a ready one; pickled and dumped without secrets.

    A client is made by the fields that have the names of its parameters.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    _SERVICE: ClassVar[Callable[..., Any]]
    _SECRETS: ClassVar[tuple[str, ...]]
    _ADDRESS: ClassVar[str]

    limits: RateLimit | str | None
    retry: Retry
    timeout: float
    concurrency: int | None
    client: S | None

    _made: tuple[dict[str, Any], S] | None = PrivateAttr(default=None)

    def _connected(self) -> S:
        """The client that was given, else one for the connection's settings as they are now."""
        defaults = _defaults(self._SERVICE)
        settings = {name: getattr(self, name) for name in defaults if name in type(self).model_fields}
        if self.client is not None:
            doubled = [name for name in settings if settings[name] != defaults[name]]
            if doubled:
                raise ConfigurationError(f"client= has its own connection: leave out {', '.join(doubled)}")
            return self.client
        if self._made is None or self._made[0] != settings:
            revealed = {name: _revealed(value) for name, value in settings.items()}
            self._made = settings, self._SERVICE(**revealed)
        return self._made[1]

    @field_serializer("client")
    def _describe(self, client: S | None) -> str | None:
        # Part of what identifies this component in caches, since vectors depend on where they come from.
        return None if client is None else str(getattr(client, self._ADDRESS))

    def __getstate__(self) -> dict[str, Any]:
        # Fails where the framework would leave the client out and use the default service instead.
        pickle.dumps(self.client)
        # The framework deletes from the object itself what it cannot pickle: it gets a copy, which has no secret.
        bare = self.model_copy(update=dict.fromkeys(self._SECRETS))
        bare._made = None  # noqa: SLF001 - of its own kind
        return super(Connected, bare).__getstate__()


class JinaConnected(Connected[Jina]):
    """A component over the Jina AI API."""

    _SERVICE: ClassVar[Callable[..., Any]] = Jina
    _SECRETS: ClassVar[tuple[str, ...]] = ("api_key",)
    _ADDRESS: ClassVar[str] = "base_url"

    api_key: SecretStr | None = Field(exclude=True, repr=False)
    base_url: str

    def _jina(self) -> Jina:
        return self._connected()


class ElasticSettings(TypedDict, total=False):
    """Which Elasticsearch, and the policy for it: settings of every component over it. ``Elastic`` explains each.

    What is not given is the environment's: ``ELASTICSEARCH_URL`` or ``ELASTIC_CLOUD_ID``, and ``ELASTIC_API_KEY``.
    ``url="local"`` is the embedded engine, which runs models but no searches. ``client`` is a ready ``Elastic`` instead of
    all others.
    """

    url: str | None
    cloud_id: str | None
    api_key: str | SecretStr | tuple[str, str | SecretStr] | None
    basic_auth: tuple[str, str | SecretStr] | None
    bearer_auth: str | SecretStr | None
    ca_certs: str | None
    verify: bool
    limits: RateLimit | str | None
    retry: Retry
    timeout: float
    concurrency: int | None
    client: Elastic | None


class ElasticConnected(Connected[Elastic]):
    """A component over Elasticsearch, or what holds the connection of one."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    _SERVICE: ClassVar[Callable[..., Any]] = Elastic
    _SECRETS: ClassVar[tuple[str, ...]] = ("api_key", "basic_auth", "bearer_auth")
    _ADDRESS: ClassVar[str] = "url"

    url: str | None = None
    cloud_id: str | None = None
    api_key: SecretStr | tuple[SecretStr, SecretStr] | None = Field(default=None, exclude=True, repr=False)
    basic_auth: tuple[SecretStr, SecretStr] | None = Field(default=None, exclude=True, repr=False)
    bearer_auth: SecretStr | None = Field(default=None, exclude=True, repr=False)
    ca_certs: str | None = None
    verify: bool = True
    limits: RateLimit | str | None = "cluster"
    retry: Retry = Retry()
    timeout: float = Elastic.TIMEOUT
    concurrency: int | None = None
    client: Elastic | None = None

    def __init__(self, **settings: Unpack[ElasticSettings]) -> None:
        check_client(settings.get("client"), "Elastic")
        fields: dict[str, Any] = {**settings}
        super().__init__(**fields)

    def _elastic(self) -> Elastic:
        return self._connected()


@functools.cache
def _defaults(service: Callable[..., Any]) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(service).parameters.items()}


def check_client(client: object, service: str) -> None:
    """Refuse what ``from_dict`` finds in the place of a client."""
    if isinstance(client, str):
        raise ConfigurationError(
            f"client={client!r}: a dict holds only a client's address; from_dict(data, client={service}(...)) restores it"
        )


def named(inference_id: str | None, model_name: str | None) -> str:
    """The endpoint, by LlamaIndex's name or by Elasticsearch's; the one in dumps is LlamaIndex's."""
    if None not in {inference_id, model_name} and inference_id != model_name:
        raise ConfigurationError(
            f"inference_id={inference_id!r} and model_name={model_name!r}: give one of them"
        )
    if not (found := inference_id or model_name):
        raise ConfigurationError("no inference endpoint is named: pass inference_id=")
    return found


def _revealed(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return tuple(map(_revealed, value)) if isinstance(value, tuple) else value
