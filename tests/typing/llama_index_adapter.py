"""What type checkers know of the LlamaIndex adapters: read by mypy and pyright, never run."""

from __future__ import annotations

from typing import assert_type

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore

from llama_index.embeddings.ragbridge import JinaEmbedding
from llama_index.postprocessor.ragbridge import JinaRerank
from ragbridge import Jina, RateLimit, Retry

embedding = JinaEmbedding(
    model="jina-embeddings-v3",
    api_key="key",
    base_url="https://api.jina.ai",
    dimensions=256,
    limits=RateLimit(requests_per_minute=500),
    retry=Retry(),
    timeout=30,
    concurrency=4,
    batch_size=64,
    embed_batch_size=512,
)
JinaEmbedding(model_name="jina-embeddings-v3", client=Jina(), limits="paid", task="classification")
JinaEmbedding("jina-embeddings-v3")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
JinaEmbedding(timeout="long")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
rerank = JinaRerank(model="jina-reranker-v3", top_n=3, metadata_mode=MetadataMode.EMBED)
JinaRerank(top_n="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

as_embedding: BaseEmbedding = embedding
as_postprocessor: BaseNodePostprocessor = rerank


async def used(nodes: list[NodeWithScore]) -> None:
    """The framework's own types go in and come out."""
    assert_type(embedding.get_text_embedding_batch(["a"]), list[list[float]])
    assert_type(embedding.get_query_embedding("a"), list[float])
    assert_type(await embedding.aget_query_embedding("a"), list[float])
    assert_type(rerank.postprocess_nodes(nodes, query_str="query"), list[NodeWithScore])
    assert_type(embedding.model_name, str)
    assert_type(embedding.dimensions, int | None)
