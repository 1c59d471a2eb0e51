"""``ElasticSparseEmbedding``: sparse vectors by an inference endpoint of Elasticsearch, for LlamaIndex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from llama_index.embeddings.ragbridge.connection import ElasticConnected, ElasticSettings, named
from llama_index.sparse_embeddings.ragbridge.listed import MAX_EMBED_BATCH_SIZE, ListedSparseEmbedding
from ragbridge.adapters import elastic_defaults
from ragbridge.models import Role

if TYPE_CHECKING:
    from ragbridge import SparseEmbeddings


class ElasticSparseEmbeddingSettings(ElasticSettings, total=False):
    """``ElasticSettings``, and the field of ``BaseSparseEmbedding``."""

    num_workers: int | None


class ElasticSparseEmbedding(ElasticConnected, ListedSparseEmbedding):  # type: ignore[misc]  # two dumpers, the first counts
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
        batch_size: int = elastic_defaults.BATCH_SIZE,
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

    def _embed(self, texts: list[str], role: Role) -> SparseEmbeddings:
        return self._elastic().sparse_embed(texts, role=role, **self._options())

    async def _aembed(self, texts: list[str], role: Role) -> SparseEmbeddings:
        return await self._elastic().asparse_embed(texts, role=role, **self._options())

    def _options(self) -> dict[str, Any]:
        return {
            "inference_id": self.model_name,
            "task_settings": self.task_settings,
            "timeout": self.inference_timeout,
        }
