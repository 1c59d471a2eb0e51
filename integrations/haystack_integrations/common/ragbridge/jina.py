"""The connection settings of every component over the Jina AI API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from haystack.utils import Secret

from haystack_integrations.common.ragbridge.component import ServiceComponent
from ragbridge import ConfigurationError, RateLimit, Retry, adapters
from ragbridge.adapters import CacheLike, QuotasLike, TransportName, jina_defaults

if TYPE_CHECKING:
    from ragbridge import Jina

    _Component = ServiceComponent[Jina]
else:
    _Component = ServiceComponent  # the client is imported when the first one is made

KEY = Secret.from_env_var(list(jina_defaults.KEY_VARIABLES), strict=False)
BASE_URL = jina_defaults.BASE_URL
TIMEOUT = jina_defaults.TIMEOUT
BATCH_SIZE = jina_defaults.BATCH_SIZE


class JinaComponent(_Component):
    """A component that owns a ``Jina``."""

    _SERVICE: ClassVar[type[Any] | str] = "Jina"
    _SECRETS: ClassVar[tuple[str, ...]] = ("api_key",)

    def __init__(
        self,
        *,
        client: Jina | None,
        api_key: Secret | list[Secret] | None,
        base_url: str,
        host: str | None = None,
        limits: RateLimit | dict[str, Any] | str | None,
        retry: Retry | dict[str, Any] | None,
        timeout: float,
        deadline: float | None,
        concurrency: int | None,
        transport: TransportName,
        headers: dict[str, str | Secret | None] | None,
        quotas: QuotasLike | None,
        cache: CacheLike | None,
        cache_version: str,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self.api_key = api_key
        self.base_url = base_url
        self.host = host
        self.batch_size = batch_size
        super().__init__(
            client=client,
            limits=limits,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            concurrency=concurrency,
            transport=transport,
            headers=headers,
            quotas=quotas,
            cache=cache,
            cache_version=cache_version,
        )

    def _make(self, settings: dict[str, Any]) -> Jina:
        if adapters.brings_own_key(settings) and self.api_key == KEY:
            settings["api_key"] = None  # the key from the environment, which the caller did not ask for
        return super()._make(settings)


def check_embedding_type(embedding_type: str) -> str:
    """Returns ``embedding_type`` if a ``Document`` and its stores can hold such vectors.

    Raises:
        ConfigurationError: ``embedding_type`` is not ``"float"``.
    """
    if embedding_type != "float":
        raise ConfigurationError(
            f"embedding_type={embedding_type!r}: Haystack takes lists of floats alone, in which a bit is as large as a "
            "float; use ragbridge.Jina.embed, which gives packed bits, and store these yourself"
        )
    return embedding_type
