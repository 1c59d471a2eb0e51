"""What type checkers know of the Haystack components: read by mypy and pyright, never run."""

from __future__ import annotations

from typing import Any, assert_type

from haystack import Document
from haystack.utils import Secret

from haystack_integrations.components.classifiers.ragbridge import JinaDocumentClassifier
from haystack_integrations.components.connectors.ragbridge import JinaReaderConnector, JinaReaderMode
from haystack_integrations.components.embedders.ragbridge import (
    JinaDocumentEmbedder,
    JinaDocumentImageEmbedder,
    JinaTextEmbedder,
)
from haystack_integrations.components.rankers.ragbridge import JinaRanker
from ragbridge import Jina, RateLimit, ReaderOptions, Retry

text_embedder = JinaTextEmbedder(
    "jina-embeddings-v3",
    Secret.from_token("key"),
    base_url="https://api.jina.ai",
    dimensions=256,
    limits=RateLimit(requests_per_minute=500),
    retry=Retry(),
    timeout=30,
    concurrency=4,
)
document_embedder = JinaDocumentEmbedder(batch_size=64, meta_fields_to_embed=["title"], progress_bar=True)
ranker = JinaRanker(client=Jina(), top_k=3, score_threshold=0.1)
image_embedder = JinaDocumentImageEmbedder("jina-clip-v2", root_path="pictures", image_size=(640, 480))
reader = JinaReaderConnector("read", options={"return_format": "html"}, limits="keyless")
search = JinaReaderConnector(JinaReaderMode.SEARCH, options=ReaderOptions(no_cache=True), num=5)
classifier = JinaDocumentClassifier(labels={"topic": ["a", "b"]}, model="jina-embeddings-v3")
JinaReaderConnector()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
JinaDocumentClassifier(["a", "b"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
JinaTextEmbedder(api_key="key")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
JinaDocumentEmbedder(dimension=256)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
JinaRanker(top_n=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def used(documents: list[Document]) -> None:
    """The framework's own types go in; dictionaries come out, as from every component."""
    assert_type(text_embedder.run("text"), dict[str, Any])
    assert_type(document_embedder.run(documents), dict[str, Any])
    assert_type(ranker.run("query", documents, top_k=1), dict[str, Any])
    assert_type(await ranker.run_async("query", documents), dict[str, Any])
    assert_type(await image_embedder.run_async(documents), dict[str, Any])
    assert_type(reader.run("https://example.com", {"X-No-Cache": "true"}), dict[str, Any])
    assert_type(await search.run_async("query"), dict[str, Any])
    assert_type(classifier.run(documents), dict[str, Any])
    text_embedder.run(documents)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
