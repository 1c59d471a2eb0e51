"""The connection settings of every class over the Jina AI API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import AliasChoices, Field, SecretStr

from langchain_ragbridge._connection import Connected, secret_environment
from ragbridge import RateLimit, adapters
from ragbridge.adapters import jina_defaults

if TYPE_CHECKING:
    from ragbridge import Jina

    _Connected = Connected[Jina]
else:
    _Connected = Connected  # the client is imported when the first one is made


class JinaSettings(_Connected):
    """The settings of a ``Jina`` as fields."""

    _SERVICE: ClassVar[type[Any] | str] = "Jina"
    _SECRETS: ClassVar[tuple[str, ...]] = ("api_key", "jina_api_key")

    api_key: SecretStr | list[SecretStr] | Callable[[], str] | None = Field(
        default_factory=secret_environment(*jina_defaults.KEY_VARIABLES),
        validation_alias=AliasChoices(*_SECRETS),
        exclude=True,
        repr=False,
    )
    """The key; else ``JINA_API_KEY``, ``JINAAI_API_KEY`` or ``JINA_AUTH_TOKEN``. Also accepted as ``jina_api_key``. Or a list
    of keys, each with a quota of its own, or a function that gives the key, which travels in pickles by its name."""
    base_url: str = jina_defaults.BASE_URL
    """The API's address, with or without ``/v1``; ``"local"`` for the embedded engine, which needs no key."""
    host: str | None = None
    """What kind of server is there, such as ``"vllm"`` or ``"tei"``; None: known by its address, or found by asking it once."""
    limits: RateLimit | str | None = "auto"
    """A published tier, a ``RateLimit``, or None for no limiter; ``"auto"`` for the free tier at ``*.jina.ai`` and none
    elsewhere. Objects with one key share one quota."""
    timeout: float = jina_defaults.TIMEOUT
    """Seconds to wait for an answer's data."""

    @property
    def _jina(self) -> Jina:
        return self._connected()

    @property
    def _address(self) -> str:
        """Where vectors come from, as it was given."""
        return self.base_url if self.client is None else self.client.base_url

    def _make(self, settings: dict[str, Any]) -> Jina:
        if adapters.brings_own_key(settings) and "api_key" not in self.model_fields_set:
            settings["api_key"] = None  # the key from the environment, which the caller did not ask for
        return super()._make(settings)
