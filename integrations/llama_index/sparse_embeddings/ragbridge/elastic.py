"""``ElasticSparseEmbedding``: sparse vectors by an inference endpoint of Elasticsearch, for LlamaIndex."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

try:
    from llama_index.core.base.embeddings.base_sparse import BaseSparseEmbedding, SparseEmbedding
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from llama_index.embeddings.ragbridge.connection import ElasticConnected, ElasticSettings, named
from ragbridge import Elastic, adapters

MAX_EMBED_BATCH_SIZE = 2048
"""The largest batch that LlamaIndex makes. It is the default: the core splits it into requests and runs them concurrently."""


class ElasticSparseEmbeddingSettings(ElasticSettings, total=False):
    """``ElasticSettings``, and the field of ``BaseSparseEmbedding``."""

    num_workers: int | None


class ElasticSparseEmbedding(ElasticConnected, BaseSparseEmbedding):  # type: ignore[misc]  # two dumpers, the first counts
    """Sparse vectors by an inference endpoint of Elasticsearch such as ELSER, or of the embedded engine (``url="local"``).

    LlamaIndex wants numbers where Elasticsearch gives tokens: ``ragbridge.token_index`` makes them, the same for each token
    in any process and version. Queries and texts are embedded alike, since sparse endpoints know no roles. Settings travel
    as those of ``ElasticEmbedding`` do, credentials do not.

    For hybrid search in Qdrant::

        QdrantVectorStore(
            "docs",
            client=client,
            enable_hybrid=True,
            sparse_doc_fn=embedding.sparse_doc_fn,
            sparse_query_fn=embedding.sparse_query_fn,
        )

    Args:
        inference_id: The inference endpoint: one that exists in every cluster, such as ``.elser-2-elasticsearch``, or one
            of your own.
        model_name: Another spelling of ``inference_id``.
        task_settings: The service's own settings; they override the endpoint's.
        inference_timeout: Seconds that Elasticsearch waits for the model; its own default is 30.
        batch_size: Texts in one request at most; the limit of the endpoint's service applies as well.
        embed_batch_size: Texts that LlamaIndex hands over at once, up to 2048.
        **settings: See ``ElasticSettings``; and ``num_workers`` of ``BaseSparseEmbedding``.

    Raises:
        ConfigurationError: A setting is wrong, or there is no address.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    task_settings: dict[str, Any] | None
    inference_timeout: float | None
    batch_size: int

    def __init__(
        self,
        *,
        inference_id: str | None = None,
        model_name: str | None = None,
        task_settings: dict[str, Any] | None = None,
        inference_timeout: float | None = None,
        batch_size: int = Elastic.BATCH_SIZE,
        embed_batch_size: int = MAX_EMBED_BATCH_SIZE,
        **settings: Unpack[ElasticSparseEmbeddingSettings],
    ) -> None:
        fields: dict[str, Any] = {
            "model_name": named(inference_id, model_name),
            "task_settings": task_settings,
            "inference_timeout": inference_timeout,
            "batch_size": batch_size,
            "embed_batch_size": embed_batch_size,
            **settings,
        }
        super().__init__(**fields)
        # Sends nothing; raises for what Elasticsearch would refuse.
        self._elastic().sparse_embed([], **self._options())

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "ElasticSparseEmbedding"

    @property
    def inference_id(self) -> str:
        """The inference endpoint; the field is ``model_name``."""
        return self.model_name

    def get_text_embedding_batch(
        self, texts: Iterable[str], show_progress: bool = False, **kwargs: Any
    ) -> list[SparseEmbedding]:
        """The vectors of texts, in order."""
        return super().get_text_embedding_batch(
            adapters.listed(texts, "texts", of="texts"), show_progress, **kwargs
        )

    async def aget_text_embedding_batch(
        self, texts: Iterable[str], show_progress: bool = False, **kwargs: Any
    ) -> list[SparseEmbedding]:
        """The vectors of texts, in order."""
        listed = adapters.listed(texts, "texts", of="texts")
        return await super().aget_text_embedding_batch(listed, show_progress, **kwargs)

    def sparse_doc_fn(self, texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
        """The numbers and the weights of documents' tokens, for ``QdrantVectorStore(sparse_doc_fn=...)``."""
        return self._elastic().sparse_embed(texts, role="document", **self._options()).to_columns()

    def sparse_query_fn(self, texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
        """The same for queries, for ``QdrantVectorStore(sparse_query_fn=...)``."""
        return self._elastic().sparse_embed(texts, role="query", **self._options()).to_columns()

    def _get_query_embedding(self, query: str) -> SparseEmbedding:
        return self._get_text_embeddings([query])[0]

    async def _aget_query_embedding(self, query: str) -> SparseEmbedding:
        return (await self._aget_text_embeddings([query]))[0]

    def _get_text_embedding(self, text: str) -> SparseEmbedding:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> SparseEmbedding:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[SparseEmbedding]:
        return [*self._elastic().sparse_embed(texts, **self._options()).indices()]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[SparseEmbedding]:
        return [*(await self._elastic().asparse_embed(texts, **self._options())).indices()]

    def _options(self) -> dict[str, Any]:
        return {
            "inference_id": self.model_name,
            "task_settings": self.task_settings,
            "timeout": self.inference_timeout,
        }
