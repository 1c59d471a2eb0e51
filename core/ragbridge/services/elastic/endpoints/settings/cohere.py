"""Service ``cohere``: Cohere's models through Elasticsearch, or a server with its API, such as Jina's on premises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar, Literal

from ragbridge.client.secret import Secret
from ragbridge.ground.records import dataclass
from ragbridge.rules import cohere
from ragbridge.rules.endpoints import InputType, Similarity
from ragbridge.services.elastic.endpoints.settings.base import (
    EndpointSettings,
    keep_key,
    rate_limit,
    reveal,
    route_of,
)


@dataclass(frozen=True, slots=True)
class Cohere(EndpointSettings):
    """An endpoint that asks Cohere, or a server of yours that speaks as it does: ``rerank`` and ``text_embedding``.

    This is how Elasticsearch ranks by a Jina server on premises, of which ``/v1/rerank`` is the route::

        Cohere("jina-reranker-v2-base-multilingual", api_key=key, url="https://jina.example.com/v1/rerank")

    Elasticsearch uses its default for what is None. A setting that the endpoint's task type does not have is refused
    when the endpoint is created.

    Attributes:
        model: The model's name.
        api_key: The key for the server; any text where it asks for none. It travels to Elasticsearch, which never gives it
            back; it is not shown, and settings that hold it cannot be pickled.
        url: The whole address of the route, which Elasticsearch must reach; Cohere's own by default.
        dimensions: Width of the vectors; by default Elasticsearch learns it from a test request.
        similarity: How vectors are compared.
        embedding_type: ``float`` (the default), ``byte``, also called ``int8``, or ``bit``, also called ``binary``.
        max_input_tokens: Longest input in tokens. Chunks should be shorter.
        requests_per_minute: Limit of the requests that Elasticsearch sends, 10,000 by default.
        input_type: What texts are for, unless a request says otherwise.
        truncate: Which end of a text that is too long is cut off: ``start``, ``end``, or ``none`` for an error.
        top_n: For ``rerank``: how many documents to return. In a ``text_similarity_reranker`` it must be at least
            the ``rank_window_size``.
        return_documents: For ``rerank``: whether the texts come back.
    """

    model: str
    api_key: str | Secret = field(repr=False, kw_only=True)
    url: str | None = field(default=None, kw_only=True)
    dimensions: int | None = field(default=None, kw_only=True)
    similarity: Similarity | None = field(default=None, kw_only=True)
    embedding_type: Literal["float", "byte", "int8", "bit", "binary"] | None = field(
        default=None, kw_only=True
    )
    max_input_tokens: int | None = field(default=None, kw_only=True)
    requests_per_minute: int | None = field(default=None, kw_only=True)
    input_type: InputType | None = field(default=None, kw_only=True)
    truncate: Literal["none", "start", "end"] | None = field(default=None, kw_only=True)
    top_n: int | None = field(default=None, kw_only=True)
    return_documents: bool | None = field(default=None, kw_only=True)

    service: ClassVar[str] = cohere.NAME

    def __post_init__(self) -> None:
        keep_key(self)
        route_of(self.url, "/v1/rerank or /v1/embeddings")

    def _service_settings(self) -> Mapping[str, Any]:
        return {
            "model_id": self.model,
            "api_key": reveal(self.api_key),
            "url": self.url,
            "dimensions": self.dimensions,
            "similarity": self.similarity,
            "embedding_type": self.embedding_type,
            "max_input_tokens": self.max_input_tokens,
            "rate_limit": rate_limit(self.requests_per_minute),
        }

    def _task_settings(self) -> Mapping[str, Any]:
        return {
            "input_type": self.input_type,
            "truncate": self.truncate and self.truncate.upper(),
            "top_n": self.top_n,
            "return_documents": self.return_documents,
        }
