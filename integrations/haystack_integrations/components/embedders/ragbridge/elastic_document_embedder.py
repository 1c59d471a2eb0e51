"""``ElasticDocumentEmbedder``: a vector for each document, by an inference endpoint of Elasticsearch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from haystack import Document, component
from haystack.utils import Secret

import ragbridge
from haystack_integrations.common.ragbridge.component import check_documents, copied, progress_of, texts_of
from haystack_integrations.common.ragbridge.elastic import (
    BATCH_SIZE,
    KEY,
    TIMEOUT,
    ElasticComponent,
)
from ragbridge import RateLimit, Retry
from ragbridge.adapters import AnswerFormat, CacheLike, QuotasLike, TransportName

if TYPE_CHECKING:
    from ragbridge import Embeddings


@component
class ElasticDocumentEmbedder(ElasticComponent):
    """Embeds documents by an inference endpoint of Elasticsearch or of the embedded engine.

    Documents are split into requests that the endpoint's service accepts.

    ### Usage example
    ```python
    from haystack import Document
    from haystack_integrations.components.embedders.ragbridge import ElasticDocumentEmbedder

    embedder = ElasticDocumentEmbedder(".jina-embeddings-v5-text-small", url="local")
    documents = embedder.run([Document(content="Bees collect nectar.")])["documents"]
    print(documents[0].embedding)
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
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        input_type: str | None = None,
        task_type: Literal["text_embedding", "embedding"] = "text_embedding",
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
        batch_size: int = BATCH_SIZE,
        progress_bar: bool = False,
        client: ragbridge.Elastic | None = None,
    ) -> None:
        """Create the component. Nothing is resolved or opened before warm-up.

        :param inference_id: The inference endpoint.
        :param url: Elasticsearch's address, by default the environment's `ELASTICSEARCH_URL`; `"local"` for the embedded
            engine.
        :param cloud_id: A deployment of Elastic Cloud instead, by default the environment's `ELASTIC_CLOUD_ID`.
        :param api_key: An API key, encoded; by default the environment's `ELASTIC_API_KEY`.
        :param username: A user name instead of an API key.
        :param password: The user's password.
        :param bearer_auth: A bearer token instead of an API key.
        :param ca_certs: File or folder of the certificates that are trusted, such as Elasticsearch's `http_ca.crt`.
        :param verify: False to accept any certificate, which lets anyone on the network path read the traffic.
        :param prefix: Put before each text.
        :param suffix: Put after each text.
        :param meta_fields_to_embed: Names of meta fields whose values are embedded before the content.
        :param embedding_separator: Put between the values of meta fields and the content.
        :param input_type: Elasticsearch's own input type; None for `ingest`.
        :param task_type: `"embedding"` for an endpoint of this type (Elasticsearch 9.4 and later).
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
        :param batch_size: Documents in one request at most; the limit of the endpoint's service applies as well.
        :param progress_bar: Show how many documents are done, on standard error.
        :param client: A ready client instead of connection settings. Such a component cannot be serialized.
        :raises ConfigurationError: A setting is wrong.
        """
        super(ElasticDocumentEmbedder, self).__init__(  # noqa: UP008 - @component makes the class anew
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
            batch_size=batch_size,
        )
        self.inference_id = inference_id
        self.prefix = prefix
        self.suffix = suffix
        self.meta_fields_to_embed = list(meta_fields_to_embed or [])
        self.embedding_separator = embedding_separator
        self.input_type = input_type
        self.task_type: Literal["text_embedding", "embedding"] = task_type
        self.task_settings = task_settings
        self.inference_timeout = inference_timeout
        self.progress_bar = progress_bar

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Embed documents.

        :param documents: The documents to embed. An empty list sends nothing.
        :returns: A dictionary with
            - `documents`: copies in the same order, with their ids, and with `embedding`;
            - `meta`: `model`, which is the endpoint's id. Elasticsearch does not tell what was billed.
        :raises TypeError: `documents` is not a list of Documents.
        :raises RagbridgeError: Elasticsearch cannot be asked, or refuses; the message names documents by their index.
        """
        asked = self._asked(documents)
        with progress_of(documents, shown=self.progress_bar) as bar:
            return _answer(documents, self._connected().embed(**asked, progress=bar.update))

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """Embed documents, as `run` does, without blocking the event loop.

        :param documents: The documents to embed. An empty list sends nothing.
        :returns: The same as `run`.
        :raises TypeError: `documents` is not a list of Documents.
        :raises RagbridgeError: Elasticsearch cannot be asked, or refuses; the message names documents by their index.
        """
        asked = self._asked(documents)
        with progress_of(documents, shown=self.progress_bar) as bar:
            return _answer(documents, await self._connected().aembed(**asked, progress=bar.update))

    def _asked(self, documents: list[Document]) -> dict[str, Any]:
        check_documents(
            documents,
            "ElasticDocumentEmbedder expects a list of Documents as input. "
            "In case you want to embed a string, please use the ElasticTextEmbedder.",
        )
        texts = texts_of(documents, self.meta_fields_to_embed, self.embedding_separator)
        return {
            "texts": [self.prefix + text + self.suffix for text in texts],
            "inference_id": self.inference_id,
            "role": None if self.input_type else "document",
            "input_type": self.input_type,
            "task_type": self.task_type,
            "task_settings": self.task_settings,
            "timeout": self.inference_timeout,
        }


def _answer(documents: list[Document], embeddings: Embeddings) -> dict[str, Any]:
    # A copy keeps its id; a new Document would hash its vector into another one.
    pairs = zip(documents, embeddings.to_floats(), strict=True)
    return {
        "documents": [copied(document, embedding=vector) for document, vector in pairs],
        "meta": {"model": embeddings.model},
    }
