"""``JinaEmbedding``: the core's embeddings for LlamaIndex."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

try:
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
    from llama_index.core.rate_limiter import BaseRateLimiter
    from llama_index.core.schema import BaseNode
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from llama_index.embeddings.ragbridge.connection import JinaConnected, JinaSettings, check_cache
from llama_index.embeddings.ragbridge.late_chunking import embedding_documents
from llama_index.embeddings.ragbridge.listed import ListedEmbedding, listed_nodes
from llama_index.embeddings.ragbridge.listeners import spanned
from ragbridge import ConfigurationError
from ragbridge.adapters import jina_defaults
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, EmbeddingModel, Role

MAX_EMBED_BATCH_SIZE = 2048
"""The largest batch that LlamaIndex makes. It is the default: the core splits it into requests and runs them concurrently."""

dispatcher = get_dispatcher(__name__)


class JinaEmbeddingSettings(JinaSettings, total=False):
    """``JinaSettings``, and the fields of ``BaseEmbedding``."""

    callback_manager: CallbackManager | None
    num_workers: int | None
    rate_limiter: BaseRateLimiter | None


class JinaEmbedding(JinaConnected, ListedEmbedding):
    """Embeddings by Jina AI, or by the embedded engine (``base_url="local"``).

    Queries and texts are embedded with the task that the model has for each. Every setting is a public field, so
    pickles, ``to_dict`` and the cache of an ``IngestionPipeline`` hold them all. The key is in none of these: what is
    unpickled or made by ``from_dict`` takes it from the environment of its own process.

    With late chunking it embeds nodes, not strings: put it after a splitter into the transformations of an
    ``IngestionPipeline`` or of ``VectorStoreIndex.from_documents``, or call it with nodes; a ``VectorStoreIndex`` takes
    the vectors that nodes have. Nodes with the same ``ref_doc_id`` are one document, those without are one each.
    All nodes of a document must come in one call: a pipeline with ``num_workers`` divides nodes, not only documents.

    Args:
        model: Another spelling of ``model_name``.
        model_name: The model's name.
        task: The service's own name of the task, for queries and texts alike; None to choose by role.
        dimensions: Width of the vectors, where the model lets it be chosen.
        truncate: Cut texts that are longer than the model's context; else the service refuses them.
        normalized: Whether vectors get unit length; the service's default is True.
        late_chunking: Embed each node in the context of its document (late chunking); ``jina-embeddings-v3`` and ``-v4`` can.
        batch_size: Texts in one request at most.
        embed_batch_size: Texts that LlamaIndex hands over at once, up to 2048.
        query_prefix: Put before queries, on any host; None for what the model wants where its host does not put it there.
        document_prefix: The same for texts.
        embedding_type: ``"float"``: LlamaIndex knows no other vectors. ``Jina.embed`` has packed bits.
        **settings: See ``JinaSettings``; and fields of ``BaseEmbedding``: ``callback_manager``, ``num_workers``,
            ``rate_limiter``.

    Raises:
        ConfigurationError: A setting is wrong, or the key is missing.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    task: str | None
    dimensions: int | None
    truncate: bool | None
    normalized: bool | None
    late_chunking: bool
    batch_size: int
    query_prefix: str | None
    document_prefix: str | None

    def __init__(
        self,
        *,
        model: EmbeddingModel | None = None,
        model_name: EmbeddingModel | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        late_chunking: bool = False,
        batch_size: int = jina_defaults.BATCH_SIZE,
        embed_batch_size: int = MAX_EMBED_BATCH_SIZE,
        query_prefix: str | None = None,
        document_prefix: str | None = None,
        embedding_type: str = "float",
        **settings: Unpack[JinaEmbeddingSettings],
    ) -> None:
        if None not in {model, model_name} and model != model_name:
            raise ConfigurationError(f"model={model!r} and model_name={model_name!r}: give one of them")
        if embedding_type != "float":
            raise ConfigurationError(
                f"embedding_type={embedding_type!r}: LlamaIndex takes lists of floats alone, in which a bit has no "
                "advantage; Jina.embed gives packed bits"
            )
        fields: dict[str, Any] = {
            "model_name": model_name or model or DEFAULT_EMBEDDING_MODEL,
            "task": task,
            "dimensions": dimensions,
            "truncate": truncate,
            "normalized": normalized,
            "late_chunking": late_chunking,
            "batch_size": batch_size,
            "embed_batch_size": embed_batch_size,
            "query_prefix": query_prefix,
            "document_prefix": document_prefix,
            **settings,
        }
        check_cache(fields)
        super().__init__(**fields)
        # Sends nothing; raises if the model lacks one of the options.
        self._jina().embed_documents([], **self._document_options())

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "JinaEmbedding"

    def to_payload(self) -> dict[str, Any]:
        """The settings that events and callbacks report."""
        told = ("task", "dimensions", "late_chunking")
        return super().to_payload() | {name: getattr(self, name) for name in told}

    def __call__(self, nodes: Iterable[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """Gives each node its vector, and returns the nodes."""
        nodes = listed_nodes(nodes)
        if not self.late_chunking or not nodes:
            return super().__call__(nodes, **kwargs)
        with embedding_documents(self, nodes, **kwargs) as (question, finish):
            if self.rate_limiter is not None:
                self.rate_limiter.acquire()
            finish(self._jina().embed_documents(**question, **self._document_options()))
        return nodes

    @dispatcher.span
    async def acall(self, nodes: Iterable[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """Gives each node its vector, and returns the nodes."""
        nodes = listed_nodes(nodes)
        if not self.late_chunking or not nodes:
            return await super().acall(nodes, **kwargs)
        with embedding_documents(self, nodes, **kwargs) as (question, finish):
            if self.rate_limiter is not None:
                await self.rate_limiter.async_acquire()
            finish(await self._jina().aembed_documents(**question, **self._document_options()))
        return nodes

    @spanned(dispatcher)
    def _get_query_embedding(self, query: str) -> list[float]:
        return self._jina().embed([query], **self._options("query")).tolist()[0]

    @spanned(dispatcher)
    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._jina().aembed([query], **self._options("query"))).tolist()[0]

    @spanned(dispatcher)
    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._jina().embed(texts, **self._text_options()).tolist()

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return (await self._jina().aembed(texts, **self._text_options())).tolist()

    def _options(self, role: Role) -> dict[str, Any]:
        return self._common_options() | ({"role": role} if self.task is None else {"task": self.task})

    def _text_options(self) -> dict[str, Any]:
        if self.late_chunking:
            raise ConfigurationError(
                "late_chunking=True: strings do not tell which document they are of; embed nodes: put this embedding "
                "after the splitter into the transformations of IngestionPipeline or VectorStoreIndex.from_documents, "
                "or call embedding(nodes) before VectorStoreIndex(nodes)"
            )
        return self._options("document")

    def _document_options(self) -> dict[str, Any]:
        return self._common_options() | {"task": self.task, "late_chunking": self.late_chunking}

    def _common_options(self) -> dict[str, Any]:
        return {
            "model": self.model_name,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
            "normalized": self.normalized,
        }
