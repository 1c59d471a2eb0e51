"""``ElasticEmbedding``: dense vectors by an inference endpoint of Elasticsearch, for LlamaIndex."""

from __future__ import annotations

from typing import Any, Literal, Unpack

try:
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
    from llama_index.core.rate_limiter import BaseRateLimiter
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from llama_index.embeddings.ragbridge.connection import ElasticConnected, ElasticSettings, check_cache, named
from llama_index.embeddings.ragbridge.listed import ListedEmbedding
from llama_index.embeddings.ragbridge.listeners import spanned
from ragbridge.adapters import elastic_defaults
from ragbridge.models import Role

MAX_EMBED_BATCH_SIZE = 2048
"""The largest batch that LlamaIndex makes. It is the default: the core splits it into requests and runs them concurrently."""

dispatcher = get_dispatcher(__name__)


class ElasticEmbeddingSettings(ElasticSettings, total=False):
    """``ElasticSettings``, and the fields of ``BaseEmbedding``."""

    callback_manager: CallbackManager | None
    num_workers: int | None
    rate_limiter: BaseRateLimiter | None


class ElasticEmbedding(ElasticConnected, ListedEmbedding):
    """Dense vectors by an inference endpoint of Elasticsearch, or of the embedded engine (``url="local"``).

    Queries are embedded as ``search`` and texts as ``ingest``, in batches that the endpoint's service accepts. Every setting
    is a public field, so pickles, ``to_dict`` and the cache of an ``IngestionPipeline`` hold them all. Credentials are in
    none of these: what is unpickled or made by ``from_dict`` takes the environment's ``ELASTIC_API_KEY``.

    Endpoints of bytes give whole numbers from -128.0 to 127.0, endpoints of bits 1.0 or -1.0 for each dimension.

    Args:
        inference_id: The inference endpoint: one that exists in every cluster, such as
            ``.multilingual-e5-small-elasticsearch``, or one of your own.
        model_name: Another spelling of ``inference_id``.
        task_type: ``"embedding"`` for an endpoint of this type (9.4 and later, several modalities).
        input_type: Elasticsearch's own input type, for queries and texts alike, such as ``clustering``; None for the one that
            fits each of them.
        task_settings: The service's own settings; they override the endpoint's.
        inference_timeout: Seconds that Elasticsearch waits for the model; its own default is 30.
        batch_size: Texts in one request at most; the limit of the endpoint's service applies as well.
        embed_batch_size: Texts that LlamaIndex hands over at once, up to 2048.
        **settings: See ``ElasticSettings``; and fields of ``BaseEmbedding``: ``callback_manager``, ``num_workers``,
            ``rate_limiter``.

    Raises:
        ConfigurationError: A setting is wrong, or there is no address.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    task_type: Literal["text_embedding", "embedding"]
    input_type: str | None
    task_settings: dict[str, Any] | None
    inference_timeout: float | None
    batch_size: int

    def __init__(
        self,
        *,
        inference_id: str | None = None,
        model_name: str | None = None,
        task_type: Literal["text_embedding", "embedding"] = "text_embedding",
        input_type: str | None = None,
        task_settings: dict[str, Any] | None = None,
        inference_timeout: float | None = None,
        batch_size: int = elastic_defaults.BATCH_SIZE,
        embed_batch_size: int = MAX_EMBED_BATCH_SIZE,
        **settings: Unpack[ElasticEmbeddingSettings],
    ) -> None:
        fields: dict[str, Any] = {
            "model_name": named(inference_id, model_name),
            "task_type": task_type,
            "input_type": input_type,
            "task_settings": task_settings,
            "inference_timeout": inference_timeout,
            "batch_size": batch_size,
            "embed_batch_size": embed_batch_size,
            **settings,
        }
        check_cache(fields)
        super().__init__(**fields)
        # Sends nothing; raises for what Elasticsearch would refuse.
        self._elastic().embed([], **self._options("document"))

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "ElasticEmbedding"

    @property
    def inference_id(self) -> str:
        """The inference endpoint; the field is ``model_name``."""
        return self.model_name

    def to_payload(self) -> dict[str, Any]:
        """The settings that events and callbacks report."""
        return super().to_payload() | {"task_type": self.task_type, "input_type": self.input_type}

    @spanned(dispatcher)
    def _get_query_embedding(self, query: str) -> list[float]:
        return self._elastic().embed([query], **self._options("query")).to_floats()[0]

    @spanned(dispatcher)
    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._elastic().aembed([query], **self._options("query"))).to_floats()[0]

    @spanned(dispatcher)
    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._elastic().embed(texts, **self._options("document")).to_floats()

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return (await self._elastic().aembed(texts, **self._options("document"))).to_floats()

    def _options(self, role: Role) -> dict[str, Any]:
        return {
            "inference_id": self.model_name,
            "task_type": self.task_type,
            "task_settings": self.task_settings,
            "timeout": self.inference_timeout,
            **({"role": role} if self.input_type is None else {"input_type": self.input_type}),
        }
