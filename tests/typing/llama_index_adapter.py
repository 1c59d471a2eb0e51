"""What type checkers know of the LlamaIndex adapters: read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_type

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings import MultiModalEmbedding
from llama_index.core.extractors import BaseExtractor
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document, MetadataMode, NodeWithScore
from llama_index.core.tools.tool_spec.base import BaseToolSpec

from llama_index.embeddings.ragbridge import JinaEmbedding, JinaMultiModalEmbedding
from llama_index.extractors.ragbridge import JinaClassificationExtractor
from llama_index.postprocessor.ragbridge import JinaRerank
from llama_index.readers.ragbridge import JinaReader
from llama_index.tools.ragbridge import JinaToolSpec
from ragbridge import Jina, RateLimit, ReaderOptions, Retry

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
images = JinaMultiModalEmbedding(model="jina-clip-v2", dimensions=256, client=Jina())
rerank = JinaRerank(
    model="jina-reranker-m0", top_n=3, metadata_mode=MetadataMode.EMBED, max_documents_per_call=64
)
reader = JinaReader(options=ReaderOptions(return_format="html"), region="eu", limits="keyless")
tools = JinaToolSpec(num=5, country="de", site="jina.ai", content=False)
extractor = JinaClassificationExtractor(
    labels={"tone": ("calm", "angry")}, model="jina-embeddings-v3", in_place=False
)
JinaClassificationExtractor(classifier="id", label_key="kind")
JinaClassificationExtractor(labels=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
JinaReader(options={"engine": "direct"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
JinaRerank(top_n="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

as_embedding: BaseEmbedding = embedding
as_images: MultiModalEmbedding = images
as_postprocessor: BaseNodePostprocessor = rerank
as_reader: BasePydanticReader = reader
as_tools: BaseToolSpec = tools
as_extractor: BaseExtractor = extractor


async def used(nodes: list[NodeWithScore]) -> None:
    """The framework's own types go in and come out."""
    assert_type(embedding.get_text_embedding_batch(["a"]), list[list[float]])
    assert_type(embedding.get_query_embedding("a"), list[float])
    assert_type(await embedding.aget_query_embedding("a"), list[float])
    assert_type(rerank.postprocess_nodes(nodes, query_str="query"), list[NodeWithScore])
    assert_type(embedding.model_name, str)
    assert_type(embedding.dimensions, int | None)
    assert_type(images.get_image_embedding("a.png"), list[float])
    assert_type(await images.aget_image_embedding_batch(["a.png"]), list[list[float]])
    assert_type(reader.load_data(["https://jina.ai"]), list[Document])
    assert_type(await reader.aload_data(["https://jina.ai"], options=ReaderOptions()), list[Document])
    assert_type(reader.lazy_load_data(["https://jina.ai"]), Iterable[Document])
    assert_type(tools.jina_search("query"), list[Document])
    reader.load_data(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
