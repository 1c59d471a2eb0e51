"""What sparse embeddings of LlamaIndex have in common, whichever service makes them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

try:
    from llama_index.core.base.embeddings.base_sparse import BaseSparseEmbedding, SparseEmbedding
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from ragbridge import adapters
from ragbridge.models import Role

if TYPE_CHECKING:
    from ragbridge import SparseEmbeddings

MAX_EMBED_BATCH_SIZE = 2048
"""The largest batch that LlamaIndex makes. It is the default: the core splits it into requests and runs them concurrently."""


class ListedSparseEmbedding(BaseSparseEmbedding):
    """Sparse vectors of lists of texts, and as functions for ``QdrantVectorStore``.

    LlamaIndex wants numbers where services give tokens: ``ragbridge.token_index`` makes them, the same for each token in any
    process and version.
    """

    def get_text_embedding_batch(
        self, texts: Iterable[str], show_progress: bool = False, **kwargs: Any
    ) -> list[SparseEmbedding]:
        """The vectors of texts, in order."""
        listed = adapters.listed(texts, "texts", of="texts")
        return super().get_text_embedding_batch(listed, show_progress, **kwargs)

    async def aget_text_embedding_batch(
        self, texts: Iterable[str], show_progress: bool = False, **kwargs: Any
    ) -> list[SparseEmbedding]:
        """The vectors of texts, in order."""
        listed = adapters.listed(texts, "texts", of="texts")
        return await super().aget_text_embedding_batch(listed, show_progress, **kwargs)

    def sparse_doc_fn(self, texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
        """The numbers and the weights of documents' tokens, for ``QdrantVectorStore(sparse_doc_fn=...)``."""
        return self._embed(texts, "document").to_columns()

    def sparse_query_fn(self, texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
        """The same for queries, for ``QdrantVectorStore(sparse_query_fn=...)``."""
        return self._embed(texts, "query").to_columns()

    @abstractmethod
    def _embed(self, texts: list[str], role: Role) -> SparseEmbeddings:
        """The core's answer."""

    @abstractmethod
    async def _aembed(self, texts: list[str], role: Role) -> SparseEmbeddings:
        """The same, awaited."""

    def _get_query_embedding(self, query: str) -> SparseEmbedding:
        return self._embed([query], "query").indices()[0]

    async def _aget_query_embedding(self, query: str) -> SparseEmbedding:
        return (await self._aembed([query], "query")).indices()[0]

    def _get_text_embedding(self, text: str) -> SparseEmbedding:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> SparseEmbedding:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[SparseEmbedding]:
        return [*self._embed(texts, "document").indices()]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[SparseEmbedding]:
        return [*(await self._aembed(texts, "document")).indices()]
