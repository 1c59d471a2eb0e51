"""``ElasticEmbeddings``: texts to vectors, by an inference endpoint of Elasticsearch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

try:
    from langchain_core.embeddings import Embeddings
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from langchain_ragbridge._cache import namespace
from langchain_ragbridge._elastic_settings import ElasticSettings
from ragbridge.adapters import elastic_defaults

if TYPE_CHECKING:
    from ragbridge.models import Role


class ElasticEmbeddings(ElasticSettings, Embeddings):
    """An inference endpoint of Elasticsearch for dense vectors, or the embedded engine's with ``url="local"``.

    Whatever service is behind the endpoint, its key stays in Elasticsearch. Documents are embedded as ``ingest`` and
    queries as ``search``, in batches that the service accepts, synchronously as well as asynchronously. One object serves
    any number of threads and event loops.

    Endpoints of bytes give whole numbers from -128.0 to 127.0, endpoints of bits 1.0 or -1.0 for each dimension: cosines
    between such vectors order as the endpoint's own measure does.

    >>> embeddings = ElasticEmbeddings(inference_id=".jina-embeddings-v5-text-small", url="local")
    >>> len(embeddings.embed_query("what is late interaction?"))
    1024

    Raises:
        ConfigurationError: A setting is wrong or unknown, or there is no address.
    """

    inference_id: str
    """The inference endpoint, of the type ``text_embedding``; one that exists in every cluster, such as
    ``.multilingual-e5-small-elasticsearch``, or one of your own."""
    task_type: Literal["text_embedding", "embedding"] = "text_embedding"
    """``"embedding"`` for an endpoint of this type (9.4 and later, several modalities)."""
    input_type: str | None = None
    """Elasticsearch's own input type, for documents and queries alike, such as ``clustering``; None for the one that fits each
    of them."""
    task_settings: dict[str, Any] | None = None
    """The service's own settings; they override the endpoint's."""
    inference_timeout: float | None = None
    """Seconds that Elasticsearch waits for the model, such as one that has to be started first; its own default is 30."""
    batch_size: int = elastic_defaults.BATCH_SIZE
    """Texts in one request at most; the limit of the endpoint's service applies as well."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text, in the order of the texts. An empty list sends nothing.

        Raises:
            RagbridgeError: See ``ragbridge.Elastic.embed``; the index that it names is one of ``texts``.
        """
        return self._elastic.embed(texts, **self._options("document")).to_floats()

    def embed_query(self, text: str) -> list[float]:
        """The vector of a query.

        Raises:
            RagbridgeError: See ``ragbridge.Elastic.embed``.
        """
        return self._elastic.embed([text], **self._options("query")).to_floats()[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """``embed_documents`` on the running event loop."""
        return (await self._elastic.aembed(texts, **self._options("document"))).to_floats()

    async def aembed_query(self, text: str) -> list[float]:
        """``embed_query`` on the running event loop."""
        return (await self._elastic.aembed([text], **self._options("query"))).to_floats()[0]

    @property
    def cache_namespace(self) -> str:
        """Names everything here that a document's vector depends on besides its text: for ``CacheBackedEmbeddings``.

        See ``JinaEmbeddings.cache_namespace``. What the endpoint stands for is not in it: one that is deleted and made
        again with another model needs another cache.
        """
        return namespace(
            {
                "at": self._elastic.url,
                "inference_id": self.inference_id,
                "task_type": self.task_type,
                "input_type": self.input_type or "ingest",
                "task_settings": self.task_settings and json.dumps(self.task_settings, sort_keys=True),
            }
        )

    def _options(self, role: Role) -> dict[str, Any]:
        return {
            "inference_id": self.inference_id,
            "role": role if self.input_type is None else None,
            "input_type": self.input_type,
            "task_type": self.task_type,
            "task_settings": self.task_settings,
            "timeout": self.inference_timeout,
        }

    def _check_options(self) -> None:
        self._elastic.embed([], **self._options("document"))
