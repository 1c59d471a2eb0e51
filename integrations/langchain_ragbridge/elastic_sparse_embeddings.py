"""``ElasticSparseEmbeddings``: texts to weighted tokens, by an inference endpoint of Elasticsearch, for Qdrant's store."""

from __future__ import annotations

from typing import Any

from langchain_ragbridge._elastic_settings import ElasticSettings
from ragbridge import SparseVector
from ragbridge.adapters import elastic_defaults


class ElasticSparseEmbeddings(ElasticSettings):
    """A sparse inference endpoint of Elasticsearch such as ELSER, or the embedded engine's with ``url="local"``.

    It is what ``langchain-qdrant`` wants as ``sparse_embedding`` of its ``QdrantVectorStore``, which need not be installed::

        QdrantVectorStore.from_documents(
            documents,
            embedding=embeddings,
            sparse_embedding=ElasticSparseEmbeddings(inference_id=".elser-2-elastic"),
            retrieval_mode=RetrievalMode.HYBRID,
        )

    Stores want numbers where Elasticsearch gives tokens: ``ragbridge.token_index`` makes them, the same for each token in any
    process and version. Queries and documents are embedded alike, since sparse endpoints know no roles.

    >>> embeddings = ElasticSparseEmbeddings(inference_id=".elser-2-elastic", url="local")
    >>> vector = embeddings.embed_query("a late interaction")
    >>> len(vector.indices), len(vector.values)
    (3, 3)

    Raises:
        ConfigurationError: A setting is wrong or unknown, or there is no address.
    """

    inference_id: str
    """The inference endpoint, of the type ``sparse_embedding``; one that exists in every cluster, such as
    ``.elser-2-elasticsearch``, or one of your own."""
    task_settings: dict[str, Any] | None = None
    """The service's own settings; they override the endpoint's."""
    inference_timeout: float | None = None
    """Seconds that Elasticsearch waits for the model, such as one that has to be started first; its own default is 30."""
    batch_size: int = elastic_defaults.BATCH_SIZE
    """Texts in one request at most; the limit of the endpoint's service applies as well."""

    def embed_documents(self, texts: list[str]) -> list[SparseVector]:
        """One vector for each text, in the order of the texts. An empty list sends nothing.

        Raises:
            RagbridgeError: See ``ragbridge.Elastic.sparse_embed``; the index that it names is one of ``texts``.
        """
        return [*self._elastic.sparse_embed(texts, role="document", **self._options()).to_vectors()]

    def embed_query(self, text: str) -> SparseVector:
        """The vector of a query.

        Raises:
            RagbridgeError: See ``ragbridge.Elastic.sparse_embed``.
        """
        return self._elastic.sparse_embed([text], role="query", **self._options()).to_vectors()[0]

    async def aembed_documents(self, texts: list[str]) -> list[SparseVector]:
        """``embed_documents`` on the running event loop."""
        found = await self._elastic.asparse_embed(texts, role="document", **self._options())
        return [*found.to_vectors()]

    async def aembed_query(self, text: str) -> SparseVector:
        """``embed_query`` on the running event loop."""
        found = await self._elastic.asparse_embed([text], role="query", **self._options())
        return found.to_vectors()[0]

    def _options(self) -> dict[str, Any]:
        return {
            "inference_id": self.inference_id,
            "task_settings": self.task_settings,
            "timeout": self.inference_timeout,
        }

    def _check_options(self) -> None:
        self._elastic.sparse_embed([], **self._options())
