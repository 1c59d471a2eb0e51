"""Service ``jinaai``: Jina AI's models through Elasticsearch, billed to a Jina key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar, Literal

from ragbridge.client.secret import Secret
from ragbridge.ground.records import dataclass
from ragbridge.rules import jinaai
from ragbridge.rules.endpoints import InputType, Similarity
from ragbridge.services.elastic.endpoints.settings.base import EndpointSettings, keep_key, rate_limit, reveal


@dataclass(frozen=True, slots=True)
class JinaAI(EndpointSettings):
    """An endpoint that asks Jina AI: task types ``text_embedding``, ``rerank`` and ``embedding`` (from 9.4 on).

    Elasticsearch uses its default for what is None. A setting that the endpoint's task type does not have is refused
    when the endpoint is created.

    Attributes:
        model: The model's name, such as ``jina-embeddings-v3``.
        api_key: The key for Jina AI. It travels to Elasticsearch, which never gives it back; it is not shown, and
            settings that hold it cannot be pickled.
        dimensions: Width of the vectors; by default Elasticsearch learns it from a test request.
        similarity: How vectors are compared; by default ``dot_product`` for floats and ``l2_norm`` for bits.
        embedding_type: ``float`` (the default), or ``bit``, also called ``binary``.
        max_input_tokens: Longest input in tokens. Chunks should be shorter.
        multimodal_model: For ``embedding`` alone: False for a model that takes only text (default True).
        requests_per_minute: Limit of the requests that Elasticsearch sends, 2,000 by default; endpoints with the same
            settings share it.
        input_type: What texts are for, unless a request says otherwise: ``ingest``, ``search``, ``classification``,
            ``clustering``.
        late_chunking: Embed the chunks of a document in the context of the whole document, if the model can.
        top_n: For ``rerank``: how many documents to return. In a ``text_similarity_reranker`` it must be at least
            the ``rank_window_size``.
        return_documents: For ``rerank``: whether the texts come back.
    """

    model: str
    api_key: str | Secret = field(repr=False, kw_only=True)
    dimensions: int | None = field(default=None, kw_only=True)
    similarity: Similarity | None = field(default=None, kw_only=True)
    embedding_type: Literal["float", "bit", "binary"] | None = field(default=None, kw_only=True)
    max_input_tokens: int | None = field(default=None, kw_only=True)
    multimodal_model: bool | None = field(default=None, kw_only=True)
    requests_per_minute: int | None = field(default=None, kw_only=True)
    input_type: InputType | None = field(default=None, kw_only=True)
    late_chunking: bool | None = field(default=None, kw_only=True)
    top_n: int | None = field(default=None, kw_only=True)
    return_documents: bool | None = field(default=None, kw_only=True)

    service: ClassVar[str] = jinaai.NAME

    def __post_init__(self) -> None:
        keep_key(self)

    def _service_settings(self) -> Mapping[str, Any]:
        return {
            "model_id": self.model,
            "api_key": reveal(self.api_key),
            "dimensions": self.dimensions,
            "similarity": self.similarity,
            "embedding_type": self.embedding_type,
            "max_input_tokens": self.max_input_tokens,
            "multimodal_model": self.multimodal_model,
            "rate_limit": rate_limit(self.requests_per_minute),
        }

    def _task_settings(self) -> Mapping[str, Any]:
        return {
            "input_type": self.input_type,
            "late_chunking": self.late_chunking,
            "top_n": self.top_n,
            "return_documents": self.return_documents,
        }
