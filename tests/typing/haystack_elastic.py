"""What type checkers know of the Haystack components over Elasticsearch: read by mypy and pyright, never run."""

from __future__ import annotations

from typing import Any, assert_type

from haystack import Document
from haystack.utils import Secret

from haystack_integrations.components.embedders.ragbridge import (
    ElasticDocumentEmbedder,
    ElasticSparseDocumentEmbedder,
    ElasticSparseTextEmbedder,
    ElasticTextEmbedder,
)
from haystack_integrations.components.rankers.ragbridge import ElasticRanker
from haystack_integrations.components.retrievers.ragbridge import ElasticSemanticRetriever
from ragbridge import Jina, RateLimit, Retry
from ragbridge.elastic import Elastic

text_embedder = ElasticTextEmbedder(
    "my-endpoint",
    url="https://localhost:9200",
    api_key=Secret.from_token("key"),
    limits=RateLimit(requests_per_minute=500),
    retry=Retry(),
    timeout=30,
    task_type="embedding",
)
document_embedder = ElasticDocumentEmbedder("my-endpoint", batch_size=16, meta_fields_to_embed=["title"])
sparse_text_embedder = ElasticSparseTextEmbedder(
    ".elser-2-elastic", username="reader", password=Secret.from_env_var("PASSWORD")
)
sparse_document_embedder = ElasticSparseDocumentEmbedder(".elser-2-elastic", progress_bar=True)
ranker = ElasticRanker("my-reranker", client=Elastic("local"), top_k=3, score_threshold=0.1)
retriever = ElasticSemanticRetriever(["articles", "notes-*"], "content", filters={"term": {"lang": "en"}})
ElasticTextEmbedder()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ElasticTextEmbedder("my-endpoint", api_key="key")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ElasticDocumentEmbedder("my-endpoint", client=Jina())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ElasticRanker("my-reranker", top_n=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def used(documents: list[Document]) -> None:
    """The framework's own types go in; dictionaries come out, as from every component."""
    assert_type(text_embedder.run("text"), dict[str, Any])
    assert_type(document_embedder.run(documents), dict[str, Any])
    assert_type(await sparse_text_embedder.run_async("text"), dict[str, Any])
    assert_type(await sparse_document_embedder.run_async(documents), dict[str, Any])
    assert_type(ranker.run("query", documents, top_k=1), dict[str, Any])
    assert_type(retriever.run("query", filters=[{"term": {"lang": "en"}}], top_k=1), dict[str, Any])
    assert_type(await retriever.run_async("query"), dict[str, Any])
    text_embedder.run(documents)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
