"""``ElasticSparseTextEmbedder``: the weighted tokens of a query, by an inference endpoint of Elasticsearch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haystack import component
from haystack.dataclasses import SparseEmbedding
from haystack.utils import Secret

import ragbridge
from haystack_integrations.common.ragbridge.elastic import KEY, TIMEOUT, ElasticComponent
from haystack_integrations.components.embedders.ragbridge._sparse import sparse_embeddings
from ragbridge import RateLimit, Retry
from ragbridge.adapters import AnswerFormat, CacheLike, QuotasLike, TransportName

if TYPE_CHECKING:
    from ragbridge import SparseEmbeddings


@component
class ElasticSparseTextEmbedder(ElasticComponent):
    """Embeds a string as weighted tokens (ELSER) by an inference endpoint of Elasticsearch or of the embedded engine.

    ### Usage example
    ```python
    from haystack_integrations.components.embedders.ragbridge import ElasticSparseTextEmbedder

    embedder = ElasticSparseTextEmbedder(".elser-2-elastic", url="local")
    print(embedder.run("What do bees collect?")["sparse_embedding"])
    ```
    """

    def __init__(
        self,
        inference_id: str,
        *,
        url: str | None = None,
        cloud_id: str | None = None,
        api_key: Secret | None = KEY,
        username: str | None = None,
        password: Secret | None = None,
        bearer_auth: Secret | None = None,
        ca_certs: str | None = None,
        verify: bool = True,
        prefix: str = "",
        suffix: str = "",
        task_settings: dict[str, Any] | None = None,
        inference_timeout: float | None = None,
        limits: RateLimit | dict[str, Any] | str | None = "cluster",
        retry: Retry | dict[str, Any] | None = None,
        timeout: float = TIMEOUT,
        deadline: float | None = None,
        concurrency: int | None = None,
        transport: TransportName = "auto",
        headers: dict[str, str | Secret | None] | None = None,
        quotas: QuotasLike | None = None,
        cache: CacheLike | None = None,
        cache_version: str = "",
        answer_format: AnswerFormat = "auto",
        client: ragbridge.Elastic | None = None,
    ) -> None:
        """Create the component. Nothing is resolved or opened before warm-up.

        :param inference_id: The inference endpoint, of the type `sparse_embedding`.
        :param url: Elasticsearch's address, by default the environment's `ELASTICSEARCH_URL`; `"local"` for the embedded
            engine.
        :param cloud_id: A deployment of Elastic Cloud instead, by default the environment's `ELASTIC_CLOUD_ID`.
        :param api_key: An API key, encoded; by default the environment's `ELASTIC_API_KEY`.
        :param username: A user name instead of an API key.
        :param password: The user's password.
        :param bearer_auth: A bearer token instead of an API key.
        :param ca_certs: File or folder of the certificates that are trusted, such as Elasticsearch's `http_ca.crt`.
        :param verify: False to accept any certificate, which lets anyone on the network path read the traffic.
        :param prefix: Put before the text.
        :param suffix: Put after the text.
        :param task_settings: The service's own settings; they override the endpoint's.
        :param inference_timeout: Seconds that Elasticsearch waits for the model; None for its own default, 30.
        :param limits: `"cluster"` counts nothing and pauses where Elasticsearch asks for it; `"eis"` is what the Elastic
            Inference Service publishes; a `RateLimit` or its fields as a dictionary; or None for no limiter.
        :param retry: How failures are retried: a `Retry` or its fields as a dictionary; None for its defaults.
        :param timeout: Seconds to wait for an answer's data. Elasticsearch itself waits 30 for a model.
        :param deadline: Seconds that one request may take as a whole; None for ten times `timeout`.
        :param concurrency: Requests in flight at most; None for what the limits allow.
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
        :param answer_format: In which form vectors are asked for: `"auto"` is CBOR where it works, else JSON; `"cbor"` or
            `"json"` settle it.
        :param client: A ready client instead of connection settings. Such a component cannot be serialized.
        :raises ConfigurationError: A setting is wrong.
        """
        super(ElasticSparseTextEmbedder, self).__init__(  # noqa: UP008 - @component makes the class anew
            client=client,
            url=url,
            cloud_id=cloud_id,
            api_key=api_key,
            username=username,
            password=password,
            bearer_auth=bearer_auth,
            ca_certs=ca_certs,
            verify=verify,
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
            answer_format=answer_format,
        )
        self.inference_id = inference_id
        self.prefix = prefix
        self.suffix = suffix
        self.task_settings = task_settings
        self.inference_timeout = inference_timeout

    @component.output_types(sparse_embedding=SparseEmbedding, meta=dict[str, Any])
    def run(self, text: str) -> dict[str, Any]:
        """Embed one string.

        :param text: The text to embed.
        :returns: A dictionary with
            - `sparse_embedding`: the tokens' numbers, which are the same everywhere and always, and their weights;
            - `meta`: `model`, which is the endpoint's id, and `is_truncated`: whether the model saw only the beginning.
        :raises TypeError: `text` is not a string.
        :raises RagbridgeError: Elasticsearch cannot be asked, or refuses.
        """
        asked = self._asked(text)
        return _answer(self._connected().sparse_embed(**asked))

    @component.output_types(sparse_embedding=SparseEmbedding, meta=dict[str, Any])
    async def run_async(self, text: str) -> dict[str, Any]:
        """Embed one string, as `run` does, without blocking the event loop.

        :param text: The text to embed.
        :returns: The same as `run`.
        :raises TypeError: `text` is not a string.
        :raises RagbridgeError: Elasticsearch cannot be asked, or refuses.
        """
        asked = self._asked(text)
        return _answer(await self._connected().asparse_embed(**asked))

    def _asked(self, text: str) -> dict[str, Any]:
        if not isinstance(text, str):
            raise TypeError(
                "ElasticSparseTextEmbedder expects a string as input. "
                "In case you want to embed a list of Documents, please use the ElasticSparseDocumentEmbedder."
            )
        return {
            "texts": [self.prefix + text + self.suffix],
            "inference_id": self.inference_id,
            "task_settings": self.task_settings,
            "timeout": self.inference_timeout,
        }


def _answer(embeddings: SparseEmbeddings) -> dict[str, Any]:
    return {
        "sparse_embedding": sparse_embeddings(embeddings)[0],
        "meta": {"model": embeddings.model, "is_truncated": embeddings.is_truncated[0]},
    }
