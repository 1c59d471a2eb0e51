"""What every component over the Jina AI API is told about its connection."""

from __future__ import annotations

from typing import Any, ClassVar

from haystack.utils import Secret

from haystack_integrations.common.ragbridge.component import ServiceComponent
from ragbridge import Jina, RateLimit, Retry

KEY = Secret.from_env_var(list(Jina.KEY_VARIABLES), strict=False)
BASE_URL = Jina.BASE_URL
TIMEOUT = Jina.TIMEOUT
BATCH_SIZE = Jina.BATCH_SIZE


class JinaComponent(ServiceComponent[Jina]):
    """A component that owns a ``Jina``."""

    CONNECTION: ClassVar[tuple[str, ...]] = (
        "api_key",
        "base_url",
        "limits",
        "retry",
        "timeout",
        "concurrency",
        "batch_size",
    )
    SECRETS: ClassVar[tuple[str, ...]] = ("api_key",)

    def __init__(
        self,
        *,
        client: Jina | None,
        api_key: Secret | None,
        base_url: str,
        limits: RateLimit | dict[str, Any] | str | None,
        retry: Retry | dict[str, Any] | None,
        timeout: float,
        concurrency: int | None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self.api_key = api_key
        self.base_url = base_url
        self.batch_size = batch_size
        super().__init__(client=client, limits=limits, retry=retry, timeout=timeout, concurrency=concurrency)

    def _make(self, settings: dict[str, Any]) -> Jina:
        return Jina(**settings)
