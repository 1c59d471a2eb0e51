"""What type checkers know of the LangChain adapter: read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, assert_type

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import BaseDocumentCompressor, BaseDocumentTransformer, Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_text_splitters import TextSplitter
from pydantic import SecretStr

from langchain_ragbridge import (
    JinaClassifier,
    JinaEmbeddings,
    JinaReaderLoader,
    JinaRerank,
    JinaSearch,
    JinaSearchRetriever,
    JinaSegmenterSplitter,
)
from ragbridge import Image, Jina, RateLimit, ReaderOptions, Retry

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

images = JinaRerank(
    model="jina-reranker-m0", max_documents_per_call=64, image_key="figure", image_root=Path("figures")
)
JinaEmbeddings(embedding_type="binary")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
splitter = JinaSegmenterSplitter(limits="keyless", max_chunk_length=500, tokenizer="gpt2")
loader = JinaReaderLoader(
    urls=["https://a.example"], options=ReaderOptions(no_cache=True), continue_on_failure=True
)
JinaReaderLoader(urls="https://a.example")
JinaReaderLoader()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
tool = JinaSearch(k=3, site="jina.ai", content=False)
retriever = JinaSearchRetriever(k=3, country="de", language="de", location="Berlin")
classifier = JinaClassifier(labels=["a", "b"], label_key="topic")
JinaClassifier(labels={"topic": ["a", "b"]}, model="jina-clip-v2")

as_splitter: TextSplitter = splitter
as_loader: BaseLoader = loader
as_tool: BaseTool = tool
as_retriever: BaseRetriever = retriever
as_transformer: BaseDocumentTransformer = classifier
as_embeddings: Embeddings = embeddings
as_compressor: BaseDocumentCompressor = rerank


async def used(documents: list[Document]) -> None:
    """The framework's own types go in and come out."""
    assert_type(embeddings.embed_documents(["a"]), list[list[float]])
    assert_type(embeddings.embed_query("a"), list[float])
    assert_type(await embeddings.aembed_documents(["a"]), list[list[float]])
    assert_type(await embeddings.aembed_query("a"), list[float])
    assert_type(
        embeddings.embed_images(["a.png", Path("a.png"), b"png", BytesIO(), Image("a.png")]),
        list[list[float]],
    )
    assert_type(await embeddings.aembed_images(["a.png"]), list[list[float]])
    embeddings.embed_images([3])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    assert_type(images.rerank(["a", Image("a.png"), {"text": "b"}], Image("a.png")), list[dict[str, Any]])
    assert_type(splitter.split_documents(documents), list[Document])
    assert_type(await splitter.atransform_documents(documents), list[Document])
    assert_type(loader.lazy_load(), Iterator[Document])
    assert_type(loader.alazy_load(), AsyncIterator[Document])
    assert_type(retriever.invoke("query"), list[Document])
    assert_type(classifier.transform_documents(documents), list[Document])
    assert_type(rerank.compress_documents(documents, "query"), Sequence[Document])
    assert_type(await rerank.acompress_documents(documents, "query"), Sequence[Document])
    assert_type(rerank.as_runnable(), Runnable[Mapping[str, Any], list[Document]])
    assert_type(embeddings.model, str)
