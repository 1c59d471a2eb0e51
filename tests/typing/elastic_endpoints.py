"""What type checkers know of ``elastic.endpoints``: read by mypy and pyright, never run."""

from __future__ import annotations

from typing import assert_type

from ragbridge.chunking import Chunker, SentenceChunker
from ragbridge.elastic import (
    ELSER,
    AdaptiveAllocations,
    Deletion,
    Elastic,
    ElasticInferenceService,
    ElasticsearchService,
    Endpoint,
    JinaAI,
)

elastic = Elastic("local")


def manage(chunker: Chunker) -> None:
    """Settings are typed; results are values."""
    settings = JinaAI("jina-embeddings-v3", api_key="key", similarity="cosine", dimensions=256)
    made = elastic.endpoints.create("e", "text_embedding", settings, chunking_settings=chunker, timeout=60)
    assert_type(made, Endpoint)
    assert_type(made.dimensions, int | None)
    assert_type(made.batch_cap, int | None)
    assert_type(elastic.endpoints.get("e"), Endpoint)
    assert_type(elastic.endpoints.list(), tuple[Endpoint, ...])
    assert_type(elastic.endpoints.exists("e"), bool)
    assert_type(elastic.endpoints.update("e", num_allocations=2), Endpoint)
    assert_type(elastic.endpoints.delete("e", dry_run=True), Deletion)
    allocations = AdaptiveAllocations(1, 4)
    own = ElasticsearchService(ELSER, num_threads=1, adaptive_allocations=allocations)
    elastic.endpoints.create("e", "sparse_embedding", own, chunking_settings=SentenceChunker(200, 1))
    elastic.endpoints.create("e", "rerank", {"service": "cohere", "service_settings": {"api_key": "k"}})
    JinaAI("jina-embeddings-v3")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    JinaAI("m", api_key="key", similarity="euclid")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    elastic.endpoints.create("e", "reranking", own)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    made.service = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


async def awaited() -> None:
    """The awaitable face gives the same."""
    hosted = ElasticInferenceService("jina-reranker-v3")
    assert_type(await elastic.endpoints.acreate("e", "rerank", hosted), Endpoint)
    assert_type(await elastic.endpoints.alist("rerank"), tuple[Endpoint, ...])
    assert_type(await elastic.endpoints.adelete("e"), Deletion)
