"""Service ``openai``: OpenAI's models through Elasticsearch, or a server with its API, such as Jina's on premises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar

from ragbridge.client.secret import Secret
from ragbridge.ground.records import dataclass
from ragbridge.rules import openai
from ragbridge.rules.endpoints import Similarity
from ragbridge.services.elastic.endpoints.settings.base import (
    EndpointSettings,
    keep_key,
    rate_limit,
    reveal,
    route_of,
)


@dataclass(frozen=True, slots=True)
class OpenAI(EndpointSettings):
    """An endpoint that asks OpenAI, or a server of yours that speaks as it does: task type ``text_embedding``.

    This is how Elasticsearch embeds by a Jina server on premises, of which ``/v1/embeddings`` is the route::

        OpenAI("jina-embeddings-v3", api_key=key, url="https://jina.example.com/v1/embeddings")

    Elasticsearch tells such a server nothing of queries and documents: its models embed both alike.

    Attributes:
        model: The model's name.
        api_key: The key for the server; any text where it asks for none. It travels to Elasticsearch, which never gives it
            back; it is not shown, and settings that hold it cannot be pickled.
        url: The whole address of the route, which Elasticsearch must reach; OpenAI's own by default.
        organization_id: OpenAI's organization.
        dimensions: Width of the vectors; by default Elasticsearch learns it from a test request.
        similarity: How vectors are compared; ``dot_product`` by default.
        max_input_tokens: Longest input in tokens. Chunks should be shorter.
        requests_per_minute: Limit of the requests that Elasticsearch sends, 3,000 by default.
        user: Who asks, for OpenAI's own records.
        headers: Further headers of each request, for servers that want some. They are shown: no place for keys.
    """

    model: str
    api_key: str | Secret = field(repr=False, kw_only=True)
    url: str | None = field(default=None, kw_only=True)
    organization_id: str | None = field(default=None, kw_only=True)
    dimensions: int | None = field(default=None, kw_only=True)
    similarity: Similarity | None = field(default=None, kw_only=True)
    max_input_tokens: int | None = field(default=None, kw_only=True)
    requests_per_minute: int | None = field(default=None, kw_only=True)
    user: str | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] | None = field(default=None, kw_only=True)

    service: ClassVar[str] = openai.NAME

    def __post_init__(self) -> None:
        keep_key(self)
        route_of(self.url, "/v1/embeddings")

    def _service_settings(self) -> Mapping[str, Any]:
        return {
            "model_id": self.model,
            "api_key": reveal(self.api_key),
            "url": self.url,
            "organization_id": self.organization_id,
            "dimensions": self.dimensions,
            "similarity": self.similarity,
            "max_input_tokens": self.max_input_tokens,
            "rate_limit": rate_limit(self.requests_per_minute),
        }

    def _task_settings(self) -> Mapping[str, Any]:
        return {"user": self.user, "headers": None if self.headers is None else dict(self.headers)}
