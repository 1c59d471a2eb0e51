"""``JinaSparseEmbedding``: sparse vectors by Jina AI, for LlamaIndex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from llama_index.embeddings.ragbridge.connection import JinaConnected, JinaSettings
from llama_index.sparse_embeddings.ragbridge.listed import MAX_EMBED_BATCH_SIZE, ListedSparseEmbedding
from ragbridge import ConfigurationError
from ragbridge.adapters import jina_defaults
from ragbridge.models import DEFAULT_SPARSE_MODEL, Role, SparseModel

if TYPE_CHECKING:
    from ragbridge import SparseEmbeddings


class JinaSparseEmbeddingSettings(JinaSettings, total=False):
    """``JinaSettings``, and the field of ``BaseSparseEmbedding``."""

    num_workers: int | None


class JinaSparseEmbedding(JinaConnected, ListedSparseEmbedding):  # type: ignore[misc]  # two dumpers, the first counts
    """Sparse vectors by Jina AI (``elser-v2``), or by the embedded engine (``base_url="local"``).

    Queries and texts are embedded with the task that the model has for each. Settings travel as those of ``JinaEmbedding``
    do, the key does not.

    Args:
        model: Another spelling of ``model_name``.
        model_name: The model's name.
        task: The service's own name of the task, for queries and texts alike; None to choose by role.
        query_prefix: Put before queries; None for nothing.
        document_prefix: The same for texts.
        batch_size: Texts in one request at most.
        embed_batch_size: Texts that LlamaIndex hands over at once, up to 2048.
        **settings: See ``JinaSettings``; and ``num_workers`` of ``BaseSparseEmbedding``.

    Raises:
        ConfigurationError: A setting is wrong, or the key is missing.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    task: str | None
    query_prefix: str | None
    document_prefix: str | None
    batch_size: int

    def __init__(
        self,
        *,
        model: SparseModel | None = None,
        model_name: SparseModel | None = None,
        task: str | None = None,
        query_prefix: str | None = None,
        document_prefix: str | None = None,
        batch_size: int = jina_defaults.BATCH_SIZE,
        embed_batch_size: int = MAX_EMBED_BATCH_SIZE,
        **settings: Unpack[JinaSparseEmbeddingSettings],
    ) -> None:
        if None not in {model, model_name} and model != model_name:
            raise ConfigurationError(f"model={model!r} and model_name={model_name!r}: give one of them")
        fields: dict[str, Any] = {
            "model_name": model_name or model or DEFAULT_SPARSE_MODEL,
            "task": task,
            "query_prefix": query_prefix,
            "document_prefix": document_prefix,
            "batch_size": batch_size,
            "embed_batch_size": embed_batch_size,
            **settings,
        }
        super().__init__(**fields)
        # Sends nothing; raises if the model gives no sparse vectors, or does not have the task.
        self._embed([], "document")

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "JinaSparseEmbedding"

    def _embed(self, texts: list[str], role: Role) -> SparseEmbeddings:
        return self._jina().sparse_embed(texts, **self._options(role))

    async def _aembed(self, texts: list[str], role: Role) -> SparseEmbeddings:
        return await self._jina().asparse_embed(texts, **self._options(role))

    def _options(self, role: Role) -> dict[str, Any]:
        return {"model": self.model_name} | ({"role": role} if self.task is None else {"task": self.task})
