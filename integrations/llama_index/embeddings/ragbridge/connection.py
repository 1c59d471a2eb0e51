"""The settings of a connection as public fields, shared by all LlamaIndex packages of ragbridge."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypedDict, TypeVar, Unpack

try:
    from llama_index.core.schema import BaseComponent
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, field_serializer, field_validator

import ragbridge
from llama_index.embeddings.ragbridge.events import DISPATCHING
from llama_index.embeddings.ragbridge.events import dispatcher as events_dispatcher
from llama_index.embeddings.ragbridge.listeners import is_heard
from ragbridge import ConfigurationError, RateLimit, Retry, adapters
from ragbridge.adapters import (
    AnswerFormat,
    CacheLike,
    QuotasLike,
    TransportName,
    elastic_defaults,
    jina_defaults,
)

if TYPE_CHECKING:
    from ragbridge import Elastic, Jina, Observer

    S = TypeVar("S", Jina, Elastic)
else:
    S = TypeVar("S")  # with the classes named, each adapter would import both clients


class Connected(BaseComponent, adapters.Connected[S], Generic[S]):
    """A component with the settings of a service, or with a ready client; pickled and dumped without secrets."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True)

    _FRAMEWORK: ClassVar[str] = "llama_index"
    _OBSERVERS: ClassVar[tuple[Observer, ...]] = (DISPATCHING,)
    _SECRETS: ClassVar[tuple[str, ...]]
    _ADDRESS: ClassVar[str]

    retry: Retry = Retry()
    timeout: float
    deadline: float | None = None
    concurrency: int | None = None
    quotas: Any = Field(default=None, repr=False)
    transport: TransportName = "auto"
    headers: dict[str, SecretStr | None] | None = Field(default=None, repr=False)
    cache: Any = Field(default=None, repr=False)
    cache_version: str = ""
    client: S | None = None

    _made: adapters.Made[S] | None = PrivateAttr(default=None)

    def __init__(self, **fields: Any) -> None:
        client = fields.get("client")
        if isinstance(client, str):
            raise ConfigurationError(
                f"client={client!r}: a dict holds only a client's address; "
                f"from_dict(data, client={self._service().__name__}(...)) restores it"
            )
        super().__init__(**fields)

    @classmethod
    def _settings(cls) -> Collection[str]:
        return cls.model_fields

    def _is_heard(self) -> bool:
        return is_heard(events_dispatcher)

    def _revealed(self, value: Any) -> Any:
        return adapters.changed(
            value, lambda part: part.get_secret_value() if isinstance(part, SecretStr) else part
        )

    @field_validator("client")
    @classmethod
    def _is_ready(cls, client: S | None) -> S | None:
        return cls._ready(client)

    @field_validator("cache", "quotas", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return adapters.path_as_text(value)

    @field_serializer("quotas")
    def _written_quotas(self, quotas: Any) -> str | None:
        return adapters.written_quotas(quotas)

    @field_serializer("headers")
    def _written_headers(self, headers: dict[str, SecretStr | None] | None) -> dict[str, None] | None:
        # Values may be secrets: None stands for the environment's RAGBRIDGE_HEADER_<NAME>.
        return adapters.named(headers)

    @field_serializer("cache")
    def _written(self, cache: Any) -> str | None:
        # None for what no text names: a dict, a cache of the caller's own.
        return adapters.written_cache(cache)

    @field_serializer("client")
    def _describe(self, client: S | None) -> str | None:
        # Caches identify this component by its dump, and vectors depend on the service.
        return None if client is None else str(getattr(client, self._ADDRESS))

    def __getstate__(self) -> dict[str, Any]:
        # Raises if one of these cannot be pickled. The framework would drop it silently: the copy would use the default
        # service, or pay again for what is in the cache.
        pickle.dumps((self.client, self.cache, self.quotas))
        # The framework deletes attributes that cannot be pickled from the object itself, so it is given a copy without secrets.
        for name in self._SECRETS:
            adapters.check_portable(getattr(self, name), name)
        gone = dict.fromkeys(name for name in self._SECRETS if not callable(getattr(self, name)))
        bare = self.model_copy(update={**gone, "headers": adapters.named(self.headers)})
        return super(Connected, bare).__getstate__()


class JinaSettings(TypedDict, total=False):
    """The settings of a connection to the Jina AI API, which every component over it takes. ``Jina`` explains each.

    Without ``api_key``, the environment's ``JINA_API_KEY``, ``JINAAI_API_KEY`` or ``JINA_AUTH_TOKEN`` is used.
    ``base_url="local"`` is the embedded engine, which needs no key. ``limits`` is a published tier (``"keyless"``,
    ``"free"``, ``"paid"``, ``"premium"``), a ``RateLimit``, or None for no limiter; ``"auto"`` is the free tier at
    ``*.jina.ai`` and none elsewhere. ``host`` says what kind of server is at ``base_url``, such as ``"vllm"`` or ``"tei"``;
    None: known by its address, or found by asking it once. ``client`` is a ready ``Jina`` instead of all others.
    """

    api_key: str | SecretStr | Sequence[str | SecretStr] | Callable[[], str] | None
    base_url: str
    host: str | None
    limits: RateLimit | str | None
    retry: Retry
    timeout: float
    deadline: float | None
    concurrency: int | None
    quotas: QuotasLike | None
    transport: TransportName
    headers: Mapping[str, str | SecretStr | None] | None
    cache: CacheLike | None
    cache_version: str
    client: ragbridge.Jina | None


if TYPE_CHECKING:
    _JinaConnected = Connected[Jina]
    _ElasticConnected = Connected[Elastic]
else:
    _JinaConnected = _ElasticConnected = Connected  # the client is imported when the first one is made


class JinaConnected(_JinaConnected):
    """A component over the Jina AI API."""

    _SERVICE: ClassVar[type[Any] | str] = "Jina"
    _SECRETS: ClassVar[tuple[str, ...]] = ("api_key",)
    _ADDRESS: ClassVar[str] = "base_url"

    api_key: SecretStr | list[SecretStr] | Callable[[], str] | None = Field(
        default=None, exclude=True, repr=False
    )
    base_url: str = jina_defaults.BASE_URL
    host: str | None = None
    limits: RateLimit | str | None = "auto"
    timeout: float = jina_defaults.TIMEOUT

    def _jina(self) -> Jina:
        return self._connected()


class ElasticSettings(TypedDict, total=False):
    """The settings of a connection to Elasticsearch, which every component over it takes. ``Elastic`` explains each.

    Settings that are not given come from the environment: ``ELASTICSEARCH_URL`` or ``ELASTIC_CLOUD_ID``, and ``ELASTIC_API_KEY``.
    ``url="local"`` is the embedded engine, which runs models but no searches. ``client`` is a ready ``Elastic`` instead of
    all others.
    """

    url: str | None
    cloud_id: str | None
    api_key: str | SecretStr | tuple[str, str | SecretStr] | Callable[[], Any] | None
    basic_auth: tuple[str, str | SecretStr] | None
    bearer_auth: str | SecretStr | Callable[[], str] | None
    ca_certs: str | None
    verify: bool
    limits: RateLimit | str | None
    retry: Retry
    timeout: float
    deadline: float | None
    concurrency: int | None
    quotas: QuotasLike | None
    transport: TransportName
    headers: Mapping[str, str | SecretStr | None] | None
    cache: CacheLike | None
    cache_version: str
    answer_format: AnswerFormat
    client: ragbridge.Elastic | None


class ElasticConnected(_ElasticConnected):
    """A component over Elasticsearch, or what holds the connection of one."""

    _SERVICE: ClassVar[type[Any] | str] = "Elastic"
    _SECRETS: ClassVar[tuple[str, ...]] = ("api_key", "basic_auth", "bearer_auth")
    _ADDRESS: ClassVar[str] = "url"

    url: str | None = None
    cloud_id: str | None = None
    api_key: SecretStr | tuple[SecretStr, SecretStr] | Callable[[], Any] | None = Field(
        default=None, exclude=True, repr=False
    )
    basic_auth: tuple[SecretStr, SecretStr] | None = Field(default=None, exclude=True, repr=False)
    bearer_auth: SecretStr | Callable[[], str] | None = Field(default=None, exclude=True, repr=False)
    ca_certs: str | None = None
    verify: bool = True
    limits: RateLimit | str | None = "cluster"
    timeout: float = elastic_defaults.TIMEOUT
    answer_format: AnswerFormat = "auto"

    def __init__(self, **settings: Unpack[ElasticSettings]) -> None:
        fields: dict[str, Any] = {**settings}
        super().__init__(**fields)

    def _elastic(self) -> Elastic:
        return self._connected()


def named(inference_id: str | None, model_name: str | None) -> str:
    """The endpoint, given by Elasticsearch's name for it or by LlamaIndex's, which is the one in dumps."""
    if None not in {inference_id, model_name} and inference_id != model_name:
        raise ConfigurationError(
            f"inference_id={inference_id!r} and model_name={model_name!r}: give one of them"
        )
    if endpoint := inference_id or model_name:
        return endpoint
    raise ConfigurationError("no inference endpoint is named: pass inference_id=")


def check_cache(fields: Mapping[str, Any]) -> None:
    """Refuse a cache that cannot tell a query's vector from a passage's."""
    if fields.get("embeddings_cache") is not None:
        raise ConfigurationError(
            "embeddings_cache= finds vectors by their text alone, so a query would get a passage's vector, or "
            "another model's: cache= keeps vectors under everything that they depend on"
        )
