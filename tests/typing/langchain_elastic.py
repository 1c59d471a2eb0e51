"""What type checkers know of the LangChain adapter over Elasticsearch: read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, assert_type

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from pydantic import SecretStr

from langchain_ragbridge import ElasticEmbeddings, ElasticRerank, ElasticSemanticRetriever
from ragbridge import Elastic, Jina, RateLimit, Retry

embeddings = ElasticEmbeddings(
    inference_id=".jina-embeddings-v5-text-small",
    url="https://localhost:9200",
    api_key=SecretStr("key"),
    ca_certs=Path("ca.pem"),
    limits=RateLimit(requests_per_minute=500),
    retry=Retry(),
    timeout=90,
    concurrency=4,
    batch_size=64,
)
ElasticEmbeddings(client=Elastic(), inference_id="my", task_type="embedding", input_type="clustering")
ElasticEmbeddings(url="local")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ElasticEmbeddings(client=Jina(), inference_id="my")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ElasticEmbeddings(inference_id="my", task_type="rerank")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
rerank = ElasticRerank(
    inference_id="my", cloud_id="name:abc", basic_auth=(SecretStr("me"), SecretStr("pw")), top_n=None
)
ElasticRerank(inference_id="my", top_k=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
retriever = ElasticSemanticRetriever(
    index=["a", "b"],
    field="content",
    api_key=(SecretStr("id"), SecretStr("key")),
    k=10,
    filter={"term": {"lang": "en"}},
    match_field="title",
    rerank_inference_id=".rerank-v1-elasticsearch",
    rank_window_size=50,
    metadata_fields=["title"],
)
ElasticSemanticRetriever(index="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

as_embeddings: Embeddings = embeddings
as_compressor: BaseDocumentCompressor = rerank
as_retriever: BaseRetriever = retriever


async def used(documents: list[Document]) -> None:
    """The framework's own types go in and come out."""
    assert_type(embeddings.embed_documents(["a"]), list[list[float]])
    assert_type(await embeddings.aembed_query("a"), list[float])
    assert_type(rerank.compress_documents(documents, "query"), Sequence[Document])
    assert_type(await rerank.acompress_documents(documents, "query"), Sequence[Document])
    assert_type(rerank.as_runnable(), Runnable[Mapping[str, Any], list[Document]])
    assert_type(retriever.invoke("query", k=3), list[Document])
    assert_type(await retriever.ainvoke("query"), list[Document])
    assert_type(embeddings.client, Elastic | None)
