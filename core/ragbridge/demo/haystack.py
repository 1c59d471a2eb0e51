"""The pipeline in Haystack: ``InMemoryDocumentStore``, one pipeline that indexes and one that answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

# Haystack reports the components of pipelines over the network. It must be told not to before it is imported.
os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "false")

from haystack import Document, Pipeline
from haystack.components.retrievers import InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.core.errors import PipelineRuntimeError
from haystack.document_stores.in_memory import InMemoryDocumentStore

from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder, JinaTextEmbedder
from haystack_integrations.components.rankers.ragbridge import JinaRanker
from ragbridge import Jina
from ragbridge.demo.corpus import Corpus
from ragbridge.demo.pipelines import DIMENSIONS, RERANKED, RETRIEVED, Answer, Hit
from ragbridge.errors import RagbridgeError


def answers(corpus: Corpus, client: Jina, dimensions: int = DIMENSIONS) -> Iterator[Answer]:
    """Index the passages, then answer the queries one by one."""
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    documents = [Document(id=passage.id, content=passage.text) for passage in corpus.passages]
    _run(_indexing(store, client, dimensions), {"embedder": {"documents": documents}})
    answering = _answering(store, client, dimensions)
    for query in corpus.queries:
        asked = {"embedder": {"text": query.text}, "ranker": {"query": query.text}}
        outputs = _run(answering, asked, keep={"retriever"})
        yield Answer(
            query,
            tuple(document.id for document in outputs["retriever"]["documents"]),
            tuple(Hit(document.id, document.score) for document in outputs["ranker"]["documents"]),
        )


def _indexing(store: InMemoryDocumentStore, client: Jina, dimensions: int) -> Pipeline:
    pipeline = Pipeline()
    pipeline.add_component("embedder", JinaDocumentEmbedder(client=client, dimensions=dimensions))
    pipeline.add_component("writer", DocumentWriter(store))
    pipeline.connect("embedder.documents", "writer.documents")
    return pipeline


def _answering(store: InMemoryDocumentStore, client: Jina, dimensions: int) -> Pipeline:
    pipeline = Pipeline()
    pipeline.add_component("embedder", JinaTextEmbedder(client=client, dimensions=dimensions))
    pipeline.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=RETRIEVED))
    pipeline.add_component("ranker", JinaRanker(client=client, top_k=RERANKED))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    pipeline.connect("retriever.documents", "ranker.documents")
    return pipeline


def _run(pipeline: Pipeline, data: dict[str, Any], *, keep: set[str] | None = None) -> dict[str, Any]:
    try:
        return pipeline.run(data, include_outputs_from=keep)
    except PipelineRuntimeError as error:
        if isinstance(error.__cause__, RagbridgeError):
            raise error.__cause__ from None  # Haystack wraps the exceptions of components; the caller wants the cause
        raise
