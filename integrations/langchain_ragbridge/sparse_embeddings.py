"""``JinaSparseEmbeddings``: texts to weighted tokens by Jina AI, for Qdrant's store."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, Field

from langchain_ragbridge._settings import JinaSettings
from ragbridge import SparseVector
from ragbridge.adapters import jina_defaults
from ragbridge.models import DEFAULT_SPARSE_MODEL, Role


class JinaSparseEmbeddings(JinaSettings):
    """Jina AI's sparse model (``elser-v2``), or the embedded engine's with ``base_url="local"``.

    It is what ``langchain-qdrant`` wants as ``sparse_embedding`` of its ``QdrantVectorStore``, which need not be installed::

        QdrantVectorStore.from_documents(
            documents,
            embedding=embeddings,
            sparse_embedding=JinaSparseEmbeddings(),
            retrieval_mode=RetrievalMode.HYBRID,
        )

    Stores want numbers where the service gives tokens: ``ragbridge.token_index`` makes them, the same for each token in any
    process and version.

    >>> embeddings = JinaSparseEmbeddings(base_url="local")
    >>> vector = embeddings.embed_query("a late interaction")
    >>> len(vector.indices), len(vector.values)
    (3, 3)

    Raises:
        ConfigurationError: A setting is wrong or unknown, or the key is missing.
    """

    model: str = Field(default=DEFAULT_SPARSE_MODEL, validation_alias=AliasChoices("model", "model_name"))
    """The model's name. Also accepted as ``model_name``."""
    task: str | None = None
    """The service's own task for documents and queries alike; None for the one that fits each of them."""
    batch_size: int = jina_defaults.BATCH_SIZE
    """Texts in one request at most, up to 512."""
    query_prefix: str | None = None
    """Put before queries; None for nothing."""
    document_prefix: str | None = None
    """The same for documents."""

    def embed_documents(self, texts: list[str]) -> list[SparseVector]:
        """One vector for each text, in the order of the texts. An empty list sends nothing.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.sparse_embed``; the index that it names is one of ``texts``.
        """
        return [*self._jina.sparse_embed(texts, **self._options("document")).to_vectors()]

    def embed_query(self, text: str) -> SparseVector:
        """The vector of a query.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.sparse_embed``.
        """
        return self._jina.sparse_embed([text], **self._options("query")).to_vectors()[0]

    async def aembed_documents(self, texts: list[str]) -> list[SparseVector]:
        """``embed_documents`` on the running event loop."""
        return [*(await self._jina.asparse_embed(texts, **self._options("document"))).to_vectors()]

    async def aembed_query(self, text: str) -> SparseVector:
        """``embed_query`` on the running event loop."""
        return (await self._jina.asparse_embed([text], **self._options("query"))).to_vectors()[0]

    def _options(self, role: Role) -> dict[str, Any]:
        return {"model": self.model} | ({"role": role} if self.task is None else {"task": self.task})

    def _check_options(self) -> None:
        self._jina.sparse_embed([], **self._options("document"))
