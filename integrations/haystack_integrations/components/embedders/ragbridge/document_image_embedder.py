"""``JinaDocumentImageEmbedder``: a vector for each document's picture."""

from __future__ import annotations

from asyncio import to_thread
from typing import TYPE_CHECKING, Any

from haystack import Document, component
from haystack.utils import Secret

import ragbridge
from haystack_integrations.common.ragbridge.component import check_documents, copied, progress_of
from haystack_integrations.common.ragbridge.jina import (
    BASE_URL,
    BATCH_SIZE,
    KEY,
    TIMEOUT,
    JinaComponent,
    check_embedding_type,
)
from haystack_integrations.common.ragbridge.pictures import Pictures, check_size
from ragbridge import RateLimit, Retry
from ragbridge.adapters import CacheLike, QuotasLike, TransportName
from ragbridge.models import DEFAULT_IMAGE_MODEL

if TYPE_CHECKING:
    from ragbridge import Embeddings


@component
class JinaDocumentImageEmbedder(JinaComponent):
    """Embeds the pictures of documents with Jina AI, in the space of the model's texts.

    Embed queries by a `JinaTextEmbedder` with the same model. The embedded engine (`base_url="local"`) sees nothing: it
    draws a picture's vector from its bytes.

    ### Usage example
    ```python
    from haystack import Document
    from haystack_integrations.components.embedders.ragbridge import JinaDocumentImageEmbedder

    embedder = JinaDocumentImageEmbedder(root_path="pictures")
    documents = [
        Document(content="A photo of a cat", meta={"file_path": "cat.jpg"}),
        Document(content="The third page", meta={"file_path": "report.pdf", "page_number": 3}),
    ]
    print(embedder.run(documents)["documents"][0].embedding)
    ```
    """

    def __init__(
        self,
        model: str = DEFAULT_IMAGE_MODEL,
        api_key: Secret | list[Secret] | None = KEY,
        *,
        base_url: str = BASE_URL,
        host: str | None = None,
        file_path_meta_field: str = "file_path",
        root_path: str | None = None,
        image_size: tuple[int, int] | None = None,
        task: str | None = None,
        dimensions: int | None = None,
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
        batch_size: int = BATCH_SIZE,
        progress_bar: bool = False,
        client: ragbridge.Jina | None = None,
    ) -> None:
        """Create the component. Nothing is resolved or opened before warm-up.

        :param model: The model's name: an omni model, `jina-embeddings-v4`, `jina-clip-v2` or `jina-clip-v1`. The default
            one's vectors lie in the space of those that a `JinaTextEmbedder` makes by default.
        :param api_key: The key, resolved at warm-up, or a list of keys, each with a quota of its own: by default the environment's `JINA_API_KEY`, `JINAAI_API_KEY` or
            `JINA_AUTH_TOKEN`. Needed at `api.jina.ai`, optional elsewhere.
        :param base_url: The API's address, with or without `/v1`; `"local"` for the embedded engine.
        :param host: What kind of server is there, such as `"vllm"` or `"tei"`; None: known by its address, or found by
            asking it once.
        :param file_path_meta_field: The meta field that names the file of an image or a PDF.
        :param root_path: The folder that such files are in, which they cannot leave: meta may come from afar. None
            to open no file.
        :param image_size: Width and height into which larger pictures are fitted before they are sent, their shape kept.
            Needs pillow. Pictures are billed by their size, and pages of PDFs are drawn at 300 dots an inch.
        :param task: The service's own name of the task; None for the model's task for passages.
        :param dimensions: Width of the vectors, where the model lets it be chosen.
        :param normalized: Whether vectors get unit length; the service's default is True.
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
        :param batch_size: Pictures in one request at most, up to 512; fewer where they are heavy or the quota asks for it.
        :param progress_bar: Show how many documents are done, on standard error.
        :param client: A ready client instead of connection settings. Such a component cannot be serialized.
        :raises ConfigurationError: A setting is wrong.
        """
        super(JinaDocumentImageEmbedder, self).__init__(  # noqa: UP008 - @component makes the class anew
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
        self.file_path_meta_field = file_path_meta_field
        self.root_path = root_path
        self.image_size = check_size(image_size)
        self.task = task
        self.dimensions = dimensions
        self.normalized = normalized
        self.embedding_type = check_embedding_type(embedding_type)
        self.progress_bar = progress_bar

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Embed the pictures of documents.

        A document's picture is its `blob` where it has one, else the file that its meta names. Of a PDF it is the page
        in `meta["page_number"]`, which pypdfium2 and pillow draw.

        :param documents: The documents to embed. An empty list sends nothing.
        :returns: A dictionary with
            - `documents`: copies in the same order, with their ids, with `embedding`, and with where it comes from in
              `meta["embedding_source"]`;
            - `meta`: `model` and `usage` (`total_tokens`, as billed).
        :raises TypeError: `documents` is not a list of Documents.
        :raises ConfigurationError: A setting is wrong, or a document has no readable picture; the message names it.
        :raises RagbridgeError: The service cannot be asked, or refuses; the message names the document by its index.
        """
        asked = self._asked(documents)
        with progress_of(documents, shown=self.progress_bar) as bar:
            return self._answer(documents, self._connected().embed(**asked, progress=bar.update))

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """Embed the pictures of documents, as `run` does, without blocking the event loop.

        :param documents: The documents to embed. An empty list sends nothing.
        :returns: The same as `run`.
        :raises TypeError: `documents` is not a list of Documents.
        :raises ConfigurationError: A setting is wrong, or a document has no readable picture; the message names it.
        :raises RagbridgeError: The service cannot be asked, or refuses; the message names the document by its index.
        """
        asked = await to_thread(self._asked, documents)
        with progress_of(documents, shown=self.progress_bar) as bar:
            return self._answer(documents, await self._connected().aembed(**asked, progress=bar.update))

    def _asked(self, documents: list[Document]) -> dict[str, Any]:
        check_documents(
            documents,
            "JinaDocumentImageEmbedder expects a list of Documents as input. "
            "In case you want to embed a string, please use the JinaTextEmbedder.",
        )
        pictures = Pictures(self.file_path_meta_field, self.root_path, self.image_size)
        images = pictures.of(documents, range(len(documents)))
        return {
            "texts": [images[place] for place in range(len(documents))],
            "model": self.model,
            "role": None if self.task else "document",
            "task": self.task,
            "dimensions": self.dimensions,
            "normalized": self.normalized,
        }

    def _answer(self, documents: list[Document], embeddings: Embeddings) -> dict[str, Any]:
        pairs = zip(documents, embeddings.tolist(), strict=True)
        # A copy keeps its id; a new Document would hash its vector into another one.
        return {
            "documents": [
                copied(document, {"embedding_source": self._origin(document)}, embedding=vector)
                for document, vector in pairs
            ],
            "meta": {"model": embeddings.model, "usage": {"total_tokens": embeddings.usage.tokens}},
        }

    def _origin(self, document: Document) -> dict[str, str]:
        """The metadata that Haystack's own image embedders add for an image from a file."""
        if document.blob is not None:
            return {"type": "image"}
        return {"type": "image", "file_path_meta_field": self.file_path_meta_field}
