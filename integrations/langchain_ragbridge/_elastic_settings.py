"""The connection settings of every class over Elasticsearch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from langchain_ragbridge._connection import Connected, environment, secret_environment
from ragbridge import RateLimit, adapters
from ragbridge.adapters import AnswerFormat, elastic_defaults

if TYPE_CHECKING:
    from ragbridge import Elastic

    _Connected = Connected[Elastic]
else:
    _Connected = Connected  # the client is imported when the first one is made


class ElasticSettings(_Connected):
    """The settings of an ``Elastic`` as fields. Given settings override the environment."""

    _SERVICE: ClassVar[type[Any] | str] = "Elastic"
    _SECRETS: ClassVar[tuple[str, ...]] = ("api_key", "basic_auth", "bearer_auth")
    _ADDRESSES: ClassVar[tuple[str, ...]] = ("url", "cloud_id")

    url: str | None = Field(default_factory=environment("ELASTICSEARCH_URL"))
    """Elasticsearch's address; else ``ELASTICSEARCH_URL``. ``"local"`` for the embedded engine, which runs models but no
    searches, and needs no credentials."""
    cloud_id: str | None = Field(default_factory=environment("ELASTIC_CLOUD_ID"))
    """A deployment of Elastic Cloud instead; else ``ELASTIC_CLOUD_ID``."""
    api_key: SecretStr | tuple[SecretStr, SecretStr] | Callable[[], Any] | None = Field(
        default_factory=secret_environment(*elastic_defaults.KEY_VARIABLES), exclude=True, repr=False
    )
    """An API key, encoded or as ``(id, key)``; else ``ELASTIC_API_KEY``. Or a function that gives one."""
    basic_auth: tuple[SecretStr, SecretStr] | None = Field(default=None, exclude=True, repr=False)
    """User name and password instead of an API key."""
    bearer_auth: SecretStr | Callable[[], str] | None = Field(default=None, exclude=True, repr=False)
    """A bearer token instead of an API key, or a function that gives it."""
    ca_certs: str | Path | None = None
    """File or folder of the certificates that are trusted (PEM); None for the usual ones."""
    verify: bool = True
    """False to accept any certificate, which lets anyone on the network path read the traffic."""
    limits: RateLimit | str | None = "cluster"
    """``"cluster"`` counts nothing but heeds a 429, ``"eis"`` is what the Elastic Inference Service publishes,
    ``"eis-v5"`` for ``jina-embeddings-v5``; or a
    ``RateLimit`` for each inference endpoint, or None for no limiter."""
    timeout: float = elastic_defaults.TIMEOUT
    """Seconds to wait for an answer's data. Elasticsearch itself waits 30 for a model."""

    answer_format: AnswerFormat = "auto"
    """In which form vectors are asked for: ``"auto"`` is CBOR where it works, else JSON; ``"cbor"`` or ``"json"`` settle it."""

    @property
    def _elastic(self) -> Elastic:
        return self._connected()

    def _make(self, settings: dict[str, Any]) -> Elastic:
        if adapters.brings_own_key(settings) and "api_key" not in self.model_fields_set:
            settings["api_key"] = None  # the key from the environment, which the caller did not ask for
        return super()._make(settings)

    @model_validator(mode="after")
    def _settle(self) -> Self:
        self._give_way()
        return self

    def _give_way(self) -> None:
        """Forget what is from the environment where something was given instead, or where it is of no use."""
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        unused = set[str]()
        if "client" in given or (self.url and self.cloud_id):
            unused |= {*self._ADDRESSES}
        if given & {*self._SECRETS, "client"} or self.url == elastic_defaults.LOCAL:
            unused.add("api_key")
        for name in unused - given:
            vars(self)[name] = None  # not by setattr, which would mark it as given

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._give_way()
