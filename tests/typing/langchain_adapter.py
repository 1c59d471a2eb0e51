"""What type checkers know of the LangChain adapter: read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import Runnable
from pydantic import SecretStr

from langchain_ragbridge import JinaEmbeddings, JinaRerank
from ragbridge import Jina, RateLimit, Retry

embeddings = JinaEmbeddings(
    model="jina-embeddings-v3",
    api_key=SecretStr("key"),
    base_url="https://api.jina.ai",
    dimensions=256,
    limits=RateLimit(requests_per_minute=500),
    retry=Retry(),
    timeout=30,
    concurrency=4,
    batch_size=64,
)
JinaEmbeddings(client=Jina(), limits="paid", task="classification")
JinaEmbeddings(dimension=256)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
JinaEmbeddings(timeout="long")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
rerank = JinaRerank(model="jina-reranker-v3", top_n=None, max_doc_length=512)
JinaRerank(top_k=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

as_embeddings: Embeddings = embeddings
as_compressor: BaseDocumentCompressor = rerank


async def used(documents: list[Document]) -> None:
    """The framework's own types go in and come out."""
    assert_type(embeddings.embed_documents(["a"]), list[list[float]])
    assert_type(embeddings.embed_query("a"), list[float])
    assert_type(await embeddings.aembed_documents(["a"]), list[list[float]])
    assert_type(await embeddings.aembed_query("a"), list[float])
    assert_type(rerank.compress_documents(documents, "query"), Sequence[Document])
    assert_type(await rerank.acompress_documents(documents, "query"), Sequence[Document])
    assert_type(rerank.as_runnable(), Runnable[Mapping[str, Any], list[Document]])
    assert_type(embeddings.model, str)
