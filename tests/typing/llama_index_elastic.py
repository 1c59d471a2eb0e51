"""What type checkers know of the LlamaIndex adapters over Elasticsearch: read by mypy and pyright, never run."""

from __future__ import annotations

from typing import assert_type

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.embeddings.base_sparse import BaseSparseEmbedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore

from llama_index.embeddings.ragbridge import ElasticEmbedding
from llama_index.postprocessor.ragbridge import ElasticRerank
from llama_index.retrievers.ragbridge import ElasticSemanticRetriever
from llama_index.sparse_embeddings.ragbridge import ElasticSparseEmbedding
from ragbridge import Elastic, RateLimit, Retry, SparseEmbeddings, token_index

embedding = ElasticEmbedding(
    inference_id=".jina-embeddings-v3",
    url="https://localhost:9200",
    api_key=("id", "key"),
    ca_certs="ca.pem",
    limits=RateLimit(requests_per_minute=500),
    retry=Retry(),
    timeout=90,
    batch_size=64,
    num_workers=4,
)
sparse = ElasticSparseEmbedding(inference_id=".elser-2-elastic", cloud_id="name:abc", api_key="encoded")
rerank = ElasticRerank(
    inference_id=".jina-reranker-v3",
    client=Elastic("local"),
    top_n=3,
    metadata_mode=MetadataMode.EMBED,
    callback_manager=CallbackManager(),
)
retriever = ElasticSemanticRetriever(
    ["articles", "posts-*"],
    "content",
    similarity_top_k=5,
    filter={"term": {"lang": "en"}},
    rerank_inference_id=".jina-reranker-v3",
    url="https://localhost:9200",
    basic_auth=("elastic", "secret"),
)
ElasticEmbedding(".jina-embeddings-v3")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ElasticEmbedding(inference_id="x", timeout="long")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ElasticEmbedding(inference_id="x", ulr="local")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ElasticRerank(url="local")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ElasticRerank(inference_id="x", batch_size=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ElasticSemanticRetriever("articles", "content", k=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

as_embedding: BaseEmbedding = embedding
as_sparse: BaseSparseEmbedding = sparse
as_postprocessor: BaseNodePostprocessor = rerank
as_retriever: BaseRetriever = retriever


async def used(nodes: list[NodeWithScore], found: SparseEmbeddings) -> None:
    """The framework's own types go in and come out."""
    assert_type(embedding.get_text_embedding_batch(["a"]), list[list[float]])
    assert_type(await embedding.aget_query_embedding("a"), list[float])
    assert_type(sparse.get_text_embedding_batch(["a"]), list[dict[int, float]])
    assert_type(await sparse.aget_query_embedding("a"), dict[int, float])
    assert_type(rerank.postprocess_nodes(nodes, query_str="query"), list[NodeWithScore])
    assert_type(retriever.retrieve("query"), list[NodeWithScore])
    assert_type(await retriever.aretrieve("query"), list[NodeWithScore])
    assert_type(embedding.inference_id, str)
    assert_type(found.indices(), tuple[dict[int, float], ...])
    assert_type(token_index("sea"), int)
