"""``JinaTextEmbedder``: the vector of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haystack import component
from haystack.utils import Secret

import ragbridge
from haystack_integrations.common.ragbridge.jina import (
    BASE_URL,
    KEY,
    TIMEOUT,
    JinaComponent,
    check_embedding_type,
)
from ragbridge import RateLimit, Retry
from ragbridge.adapters import CacheLike, QuotasLike, TransportName
from ragbridge.models import DEFAULT_EMBEDDING_MODEL

if TYPE_CHECKING:
    from ragbridge import Embeddings


@component
class JinaTextEmbedder(JinaComponent):
    """Embeds a string, such as a query, with Jina AI or with the embedded engine.

    The model's task for queries is chosen automatically.

    ### Usage example
    ```python
    from haystack_integrations.components.embedders.ragbridge import JinaTextEmbedder

    embedder = JinaTextEmbedder(base_url="local")
    print(embedder.run("What do bees collect?")["embedding"])
    ```
    """

    def __init__(
        self,
        model: str = DEFAULT_EMBEDDING_MODEL,
        api_key: Secret | list[Secret] | None = KEY,
        *,
        base_url: str = BASE_URL,
        host: str | None = None,
        query_prefix: str | None = None,
        prefix: str = "",
        suffix: str = "",
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        embedding_type: str = "float",
        limits: RateLimit | dict[str, Any] | str | None = "auto",
        retry: Retry | dict[str, Any] | None = None,
        timeout: float = TIMEOUT,
        deadline: float | None = None,
        concurrency: int | None = None,
        transport: TransportName = "auto",
        headers: dict[str, str | Secret | None] | None = None,
        quotas: QuotasLike | None = None,
        cache: CacheLike | None = None,
        cache_version: str = "",
        client: ragbridge.Jina | None = None,
    ) -> None:
        """Create the component. Nothing is resolved or opened before warm-up.

        :param model: The model's name.
        :param api_key: The key, resolved at warm-up, or a list of keys, each with a quota of its own: by default the environment's `JINA_API_KEY`, `JINAAI_API_KEY` or
            `JINA_AUTH_TOKEN`. Needed at `api.jina.ai`, optional elsewhere.
        :param base_url: The API's address, with or without `/v1`; `"local"` for the embedded engine.
        :param host: What kind of server is there, such as `"vllm"` or `"tei"`; None: known by its address, or found by
            asking it once.
        :param query_prefix: Put before the query, on any host; None for what the model
            wants where its host does not put it there. Unlike `prefix`, it takes that one's place.
        :param prefix: Put before the text.
        :param suffix: Put after the text.
        :param task: The service's own name of the task; None for the model's task for queries.
        :param dimensions: Width of the vector, where the model lets it be chosen.
        :param truncate: Cut a text that is longer than the model's context; else the service refuses it.
        :param normalized: Whether the vector gets unit length; the service's default is True.
        :param embedding_type: `"float"`: Haystack has no other vectors.
        :param limits: The account's quota: a tier (`"free"`, `"paid"`, `"premium"`), a `RateLimit` or its fields as a
            dictionary, or None for no limiter; `"auto"` is the free tier at `*.jina.ai` and none elsewhere. Components with the same key share one quota.
        :param retry: How failures are retried: a `Retry` or its fields as a dictionary; None for its defaults.
        :param timeout: Seconds to wait for an answer's data.
        :param deadline: Seconds that one request may take as a whole; None for ten times `timeout`.
        :param concurrency: Requests in flight at most; None for what the quota allows.
        :param transport: Which HTTP library sends: `"httpx"`, `"httpx2"`, `"fast"` (extra `speed`), or `"auto"` for the
            fastest that is installed and serves.
        :param headers: Headers for every request, by name. A value is a `Secret`; None for the environment's
            `RAGBRIDGE_HEADER_<NAME>`; or a text, with which the component cannot be serialized.
        :param quotas: Where quotas are kept that several processes share: `"redis://"` for the server that
            `RAGBRIDGE_REDIS_URL` names, the path of a file for the processes of one machine, or an object such as
            `RedisQuotas()`. Only a text can be serialized.
        :param cache: Where answers are kept that were paid for: the path of a file, `"redis://"` for the server that
            `RAGBRIDGE_REDIS_URL` names, or a cache. Only a text can be serialized.
        :param cache_version: Any text. With another one, nothing is found that was kept before.
        :param client: A ready client instead of connection settings. Such a component cannot be serialized.
        :raises ConfigurationError: A setting is wrong.
        """
        self.query_prefix = query_prefix  # before the base checks what stands beside a client
        super(JinaTextEmbedder, self).__init__(  # noqa: UP008 - @component makes the class anew
            client=client,
            api_key=api_key,
            base_url=base_url,
            host=host,
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
        self.model = model
        self.prefix = prefix
        self.suffix = suffix
        self.task = task
        self.dimensions = dimensions
        self.truncate = truncate
        self.normalized = normalized
        self.embedding_type = check_embedding_type(embedding_type)

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    def run(self, text: str) -> dict[str, Any]:
        """Embed one string.

        :param text: The text to embed.
        :returns: A dictionary with
            - `embedding`: the vector, a list of floats;
            - `meta`: `model` and `usage` (`total_tokens`, as billed).
        :raises TypeError: `text` is not a string.
        :raises RagbridgeError: The service cannot be asked, or refuses.
        """
        asked = self._asked(text)
        return _answer(self._connected().embed(**asked))

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    async def run_async(self, text: str) -> dict[str, Any]:
        """Embed one string, as `run` does, without blocking the event loop.

        :param text: The text to embed.
        :returns: The same as `run`.
        :raises TypeError: `text` is not a string.
        :raises RagbridgeError: The service cannot be asked, or refuses.
        """
        asked = self._asked(text)
        return _answer(await self._connected().aembed(**asked))

    def _asked(self, text: str) -> dict[str, Any]:
        if not isinstance(text, str):
            raise TypeError(
                "JinaTextEmbedder expects a string as input. "
                "In case you want to embed a list of Documents, please use the JinaDocumentEmbedder."
            )
        return {
            "texts": [self.prefix + text + self.suffix],
            "model": self.model,
            "role": None if self.task else "query",
            "task": self.task,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
            "normalized": self.normalized,
        }


def _answer(embeddings: Embeddings) -> dict[str, Any]:
    meta = {"model": embeddings.model, "usage": {"total_tokens": embeddings.usage.tokens}}
    return {"embedding": embeddings.tolist()[0], "meta": meta}
