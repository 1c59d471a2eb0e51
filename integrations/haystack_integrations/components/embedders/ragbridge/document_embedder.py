"""``JinaDocumentEmbedder``: a vector for each document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haystack import Document, component
from haystack.utils import Secret

import ragbridge
from haystack_integrations.common.ragbridge.component import check_documents, copied, progress_of, texts_of
from haystack_integrations.common.ragbridge.jina import (
    BASE_URL,
    BATCH_SIZE,
    KEY,
    TIMEOUT,
    JinaComponent,
    check_embedding_type,
)
from haystack_integrations.components.embedders.ragbridge._late_chunking import sources_of
from ragbridge import RateLimit, Retry
from ragbridge.adapters import CacheLike, QuotasLike, TransportName
from ragbridge.models import DEFAULT_EMBEDDING_MODEL

if TYPE_CHECKING:
    from ragbridge import DocumentEmbeddings, Embeddings


@component
class JinaDocumentEmbedder(JinaComponent):
    """Embeds documents with Jina AI or with the embedded engine.

    The model's own task for passages is chosen by itself. Requests run side by side as far as the quota allows.

    ### Usage example
    ```python
    from haystack import Document
    from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder

    embedder = JinaDocumentEmbedder(base_url="local")
    documents = embedder.run([Document(content="Bees collect nectar.")])["documents"]
    print(documents[0].embedding)
    ```
    """

    def __init__(
        self,
        model: str = DEFAULT_EMBEDDING_MODEL,
        api_key: Secret | list[Secret] | None = KEY,
        *,
        base_url: str = BASE_URL,
        host: str | None = None,
        document_prefix: str | None = None,
        prefix: str = "",
        suffix: str = "",
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        embedding_type: str = "float",
        late_chunking: bool = False,
        source_id_field: str = "source_id",
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
        batch_size: int = BATCH_SIZE,
        progress_bar: bool = False,
        client: ragbridge.Jina | None = None,
    ) -> None:
        """Create the component. Nothing is resolved or opened before warm-up.

        :param model: The model's name.
        :param api_key: The key, resolved at warm-up, or a list of keys, each with a quota of its own: by default the environment's `JINA_API_KEY`, `JINAAI_API_KEY` or
            `JINA_AUTH_TOKEN`. Needed at `api.jina.ai`, optional elsewhere.
        :param base_url: The API's address, with or without `/v1`; `"local"` for the embedded engine.
        :param host: What kind of server is there, such as `"vllm"` or `"tei"`; None: known by its address, or found by
            asking it once.
        :param document_prefix: Put before the text of each document, on any host; None for what the model
            wants where its host does not put it there. Unlike `prefix`, it takes that one's place.
        :param prefix: Put before each text.
        :param suffix: Put after each text.
        :param meta_fields_to_embed: Names of meta fields whose values are embedded before the content.
        :param embedding_separator: Put between the values of meta fields and the content.
        :param task: The service's own name of the task; None for the model's task for passages.
        :param dimensions: Width of the vectors, where the model lets it be chosen.
        :param truncate: Cut texts that are longer than the model's context; else the service refuses them.
        :param normalized: Whether vectors get unit length; the service's default is True.
        :param embedding_type: `"float"`: Haystack has no other vectors.
        :param late_chunking: Embed each document, a chunk, in the context of the other chunks of its source. Each is the
            text that it is without late chunking, prefix, meta fields and suffix included. A matter of
            `jina-embeddings-v3` and `-v4`; embed queries with the same model in a `JinaTextEmbedder`, which needs no
            such setting.
        :param source_id_field: The meta field that tells which source a chunk is of, for late chunking. The chunks of
            one source are taken in the order in which they come.
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
        :param batch_size: Documents in one request at most, up to 512; fewer where the quota asks for it. With late
            chunking a request holds the chunks of one source instead.
        :param progress_bar: Show how many documents are done, on standard error.
        :param client: A ready client instead of connection settings. Such a component cannot be serialized.
        :raises ConfigurationError: A setting is wrong.
        """
        self.document_prefix = document_prefix  # before the base checks what stands beside a client
        super(JinaDocumentEmbedder, self).__init__(  # noqa: UP008 - @component makes the class anew
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
            batch_size=batch_size,
        )
        self.model = model
        self.prefix = prefix
        self.suffix = suffix
        self.meta_fields_to_embed = list(meta_fields_to_embed or [])
        self.embedding_separator = embedding_separator
        self.task = task
        self.dimensions = dimensions
        self.truncate = truncate
        self.normalized = normalized
        self.embedding_type = check_embedding_type(embedding_type)
        self.late_chunking = late_chunking
        self.source_id_field = source_id_field
        self.progress_bar = progress_bar

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Embed documents.

        :param documents: The documents to embed. An empty list sends nothing.
        :returns: A dictionary with
            - `documents`: copies in the same order, with their ids, and with `embedding`;
            - `meta`: `model` and `usage` (`total_tokens`, as billed).
        :raises TypeError: `documents` is not a list of Documents.
        :raises ConfigurationError: A setting is wrong; or a document names no source, with late chunking.
        :raises RagbridgeError: The service cannot be asked, or refuses; the message names the document by its index,
            with late chunking by those of its source and of the chunk in it.
        """
        asked = self._asked(documents)
        with progress_of(documents, shown=self.progress_bar) as bar:
            jina = self._connected()
            if self.late_chunking:
                return self._answer(documents, jina.embed_documents(**asked, progress=bar.update))
            return self._answer(documents, jina.embed(**asked, progress=bar.update))

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """Embed documents, as `run` does, without blocking the event loop.

        :param documents: The documents to embed. An empty list sends nothing.
        :returns: The same as `run`.
        :raises TypeError: `documents` is not a list of Documents.
        :raises ConfigurationError: A setting is wrong; or a document names no source, with late chunking.
        :raises RagbridgeError: The service cannot be asked, or refuses; the message names the document by its index,
            with late chunking by those of its source and of the chunk in it.
        """
        asked = self._asked(documents)
        with progress_of(documents, shown=self.progress_bar) as bar:
            jina = self._connected()
            if self.late_chunking:
                return self._answer(documents, await jina.aembed_documents(**asked, progress=bar.update))
            return self._answer(documents, await jina.aembed(**asked, progress=bar.update))

    def _asked(self, documents: list[Document]) -> dict[str, Any]:
        check_documents(
            documents,
            "JinaDocumentEmbedder expects a list of Documents as input. "
            "In case you want to embed a string, please use the JinaTextEmbedder.",
        )
        texts = [
            self.prefix + text + self.suffix
            for text in texts_of(documents, self.meta_fields_to_embed, self.embedding_separator)
        ]
        options = {
            "model": self.model,
            "task": self.task,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
            "normalized": self.normalized,
        }
        if not self.late_chunking:
            return {"texts": texts, "role": None if self.task else "document", **options}
        chunks = [
            [texts[place] for place in source] for source in sources_of(documents, self.source_id_field)
        ]
        return {"documents": chunks, "late_chunking": True, **options}

    def _answer(
        self, documents: list[Document], embeddings: Embeddings | DocumentEmbeddings
    ) -> dict[str, Any]:
        if isinstance(embeddings, ragbridge.Embeddings):
            vectors = embeddings.tolist()
        else:
            vectors = embeddings.tolist(sources_of(documents, self.source_id_field))
        meta = {"model": embeddings.model, "usage": {"total_tokens": embeddings.usage.tokens}}
        # A copy keeps its id; a new Document would hash its vector into another one.
        pairs = zip(documents, vectors, strict=True)
        return {
            "documents": [copied(document, embedding=vector) for document, vector in pairs],
            "meta": meta,
        }
