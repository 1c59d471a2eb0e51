"""Qdrant in its local mode under the three frameworks: dense, sparse, hybrid, reranked, and vectors for each token."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import pytest

# Read when haystack is imported; tests stay off the network.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

import qdrant_client
from haystack import Document as HaystackDocument
from haystack import Pipeline
from langchain_core.documents import Document
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.schema import TextNode

from ragbridge import maxsim
from ragbridge.elastic import Elastic

DIMENSIONS, RETRIEVED, KEPT = 256, 50, 10
PAIRED = 100
"""Passages of the test of multi-vectors: Qdrant in memory compares them in Python, one after the other."""

ENDPOINT = ".elser-2-elastic"


def nodes(small: Any) -> list[TextNode]:
    """LlamaIndex's, with ids as Qdrant takes them; the name is kept out of what is embedded."""
    return [
        TextNode(
            id_=str(uuid5(NAMESPACE_OID, name)),
            text=text,
            metadata={"name": name},
            excluded_embed_metadata_keys=["name"],
        )
        for name, text in zip(small.ids, small.texts, strict=True)
    ]


class LangChain:
    """``langchain-qdrant``."""

    def __init__(self, small: Any, jina: Any, sparse: Any = None) -> None:
        from langchain_qdrant import QdrantVectorStore, RetrievalMode

        from langchain_ragbridge import (
            ElasticSparseEmbeddings,
            JinaEmbeddings,
            JinaRerank,
            JinaSparseEmbeddings,
        )

        made = {
            "jina": lambda: JinaSparseEmbeddings(client=jina),
            "elastic": lambda: ElasticSparseEmbeddings(inference_id=ENDPOINT, client=Elastic("local")),
        }
        self._modes = RetrievalMode
        self._store = QdrantVectorStore.from_documents(
            [
                Document(text, metadata={"name": name})
                for name, text in zip(small.ids, small.texts, strict=True)
            ],
            embedding=JinaEmbeddings(client=jina, dimensions=DIMENSIONS),
            sparse_embedding=made[sparse]() if sparse else None,
            retrieval_mode=RetrievalMode.HYBRID if sparse else RetrievalMode.DENSE,
            location=":memory:",
            collection_name="passages",
        )
        self._reranker = JinaRerank(client=jina, top_n=KEPT)

    def find(self, question: str, mode: str = "dense") -> list[Any]:
        self._store.retrieval_mode = self._modes(mode)
        return self._store.similarity_search(question, k=RETRIEVED)

    async def afind(self, question: str) -> list[Any]:
        return await self._store.asimilarity_search(question, k=RETRIEVED)

    def rerank(self, question: str, found: list[Any]) -> list[str]:
        return self.names(self._reranker.compress_documents(found, question))

    async def arerank(self, question: str, found: list[Any]) -> list[str]:
        return self.names(await self._reranker.acompress_documents(found, question))

    def names(self, found: Any) -> list[str]:
        return [document.metadata["name"] for document in found]


class LlamaIndex:
    """``llama-index-vector-stores-qdrant``."""

    def __init__(self, small: Any, jina: Any, sparse: Any = None) -> None:
        from llama_index.vector_stores.qdrant import QdrantVectorStore

        from llama_index.embeddings.ragbridge import JinaEmbedding
        from llama_index.postprocessor.ragbridge import JinaRerank
        from llama_index.sparse_embeddings.ragbridge import ElasticSparseEmbedding, JinaSparseEmbedding

        settings = {}
        if sparse:
            made = (
                JinaSparseEmbedding(client=jina)
                if sparse == "jina"
                else ElasticSparseEmbedding(inference_id=ENDPOINT, client=Elastic("local"))
            )
            settings = {
                "enable_hybrid": True,
                "sparse_doc_fn": made.sparse_doc_fn,
                "sparse_query_fn": made.sparse_query_fn,
            }
        store = QdrantVectorStore("passages", client=qdrant_client.QdrantClient(":memory:"), **settings)
        self._index = VectorStoreIndex(
            nodes(small),
            storage_context=StorageContext.from_defaults(vector_store=store),
            embed_model=JinaEmbedding(client=jina, dimensions=DIMENSIONS),
        )
        self._reranker = JinaRerank(client=jina, top_n=KEPT)

    def find(self, question: str, mode: str = "dense") -> list[Any]:
        retriever = self._index.as_retriever(
            similarity_top_k=RETRIEVED,
            sparse_top_k=RETRIEVED,
            hybrid_top_k=RETRIEVED,
            vector_store_query_mode={"dense": "default"}.get(mode, mode),
        )
        return retriever.retrieve(question)

    def rerank(self, question: str, found: list[Any]) -> list[str]:
        return self.names(self._reranker.postprocess_nodes(found, query_str=question))

    async def arerank(self, question: str, found: list[Any]) -> list[str]:
        return self.names(await self._reranker.apostprocess_nodes(found, query_str=question))

    def names(self, found: Any) -> list[str]:
        return [row.node.metadata["name"] for row in found]


class Haystack:
    """``qdrant-haystack``."""

    def __init__(self, small: Any, jina: Any, sparse: Any = None) -> None:
        from haystack_integrations.components.retrievers.qdrant import (
            QdrantEmbeddingRetriever,
            QdrantHybridRetriever,
            QdrantSparseEmbeddingRetriever,
        )
        from haystack_integrations.document_stores.qdrant import QdrantDocumentStore

        from haystack_integrations.components.embedders.ragbridge import (
            ElasticSparseDocumentEmbedder,
            ElasticSparseTextEmbedder,
            JinaDocumentEmbedder,
            JinaSparseDocumentEmbedder,
            JinaSparseTextEmbedder,
            JinaTextEmbedder,
        )
        from haystack_integrations.components.rankers.ragbridge import JinaRanker

        store = QdrantDocumentStore(
            ":memory:",
            embedding_dim=DIMENSIONS,
            use_sparse_embeddings=bool(sparse),
            recreate_index=True,
            progress_bar=False,
        )
        documents = [
            HaystackDocument(id=name, content=text) for name, text in zip(small.ids, small.texts, strict=True)
        ]
        documents = JinaDocumentEmbedder(client=jina, dimensions=DIMENSIONS).run(documents)["documents"]
        self._query = JinaTextEmbedder(client=jina, dimensions=DIMENSIONS)
        if sparse == "jina":
            documents = JinaSparseDocumentEmbedder(client=jina).run(documents)["documents"]
            self._sparse: Any = JinaSparseTextEmbedder(client=jina)
        elif sparse:
            elastic = Elastic("local")
            documents = ElasticSparseDocumentEmbedder(ENDPOINT, client=elastic).run(documents)["documents"]
            self._sparse = ElasticSparseTextEmbedder(ENDPOINT, client=elastic)
        store.write_documents(documents)
        self._dense_retriever = QdrantEmbeddingRetriever(document_store=store, top_k=RETRIEVED)
        if sparse:
            self._sparse_retriever = QdrantSparseEmbeddingRetriever(document_store=store, top_k=RETRIEVED)
            self._hybrid_retriever = QdrantHybridRetriever(document_store=store, top_k=RETRIEVED)
        self._ranker = JinaRanker(client=jina, top_k=KEPT)

    def find(self, question: str, mode: str = "dense") -> list[Any]:
        if mode == "sparse":
            embedding = self._sparse.run(question)["sparse_embedding"]
            return self._sparse_retriever.run(query_sparse_embedding=embedding)["documents"]
        dense = self._query.run(question)["embedding"]
        if mode == "dense":
            return self._dense_retriever.run(query_embedding=dense)["documents"]
        embedding = self._sparse.run(question)["sparse_embedding"]
        return self._hybrid_retriever.run(query_embedding=dense, query_sparse_embedding=embedding)[
            "documents"
        ]

    def rerank(self, question: str, found: list[Any]) -> list[str]:
        return self.names(self._ranker.run(question, found)["documents"])

    async def arerank(self, question: str, found: list[Any]) -> list[str]:
        return self.names((await self._ranker.run_async(question, found))["documents"])

    def names(self, found: Any) -> list[str]:
        return [document.id for document in found]


FRAMEWORKS = [LangChain, LlamaIndex, Haystack]


@pytest.fixture(scope="module")
def stores(small: Any, jina: Any) -> dict[str, Any]:
    """One for each framework, with dense and sparse vectors."""
    return {kind.__name__: kind(small, jina, "jina") for kind in FRAMEWORKS}


@pytest.fixture(scope="module")
def weights(small: Any, jina: Any) -> np.ndarray:
    """The dot products of questions and passages by their tokens: what a sparse search must find, without a store."""
    documents, questions = (
        jina.sparse_embed(small.texts, role="document"),
        jina.sparse_embed(small.questions, role="query"),
    )
    return np.array(
        [
            [
                sum(weight * document.get(token, 0.0) for token, weight in question.items())
                for document in documents
            ]
            for question in questions
        ]
    )


@pytest.mark.parametrize("framework", [kind.__name__ for kind in FRAMEWORKS])
def test_dense_search_ranks_as_the_vectors_do(stores, small, judged, framework) -> None:
    """Passage for passage the ranking that NumPy gives, in each framework, before and after reranking."""
    store = stores[framework]
    found = [store.find(question) for question in small.questions]
    assert [store.names(rows) for rows in found] == small.dense
    reranked = [store.rerank(question, rows) for question, rows in zip(small.questions, found, strict=True)]
    assert reranked == small.reranked
    assert judged(f"{framework}, Qdrant, dense", small.dense, reranked) > 0.4


def test_sparse_search_ranks_as_the_tokens_do(stores, small, weights, judged) -> None:
    """The same ranking in three frameworks, whose scores are the products of the tokens' weights."""
    found = {
        name: [store.names(store.find(question, "sparse")) for question in small.questions]
        for name, store in stores.items()
    }
    assert found["LangChain"] == found["LlamaIndex"] == found["Haystack"]
    places = {name: number for number, name in enumerate(small.ids)}
    for names, row in zip(found["LangChain"], weights, strict=True):
        best = np.sort(row)[::-1][: len(names)]
        np.testing.assert_allclose(row[[places[name] for name in names]], best, rtol=1e-4)
    assert judged("three frameworks, Qdrant, sparse", found["LangChain"]) > 0.4


@pytest.mark.parametrize("framework", [kind.__name__ for kind in FRAMEWORKS])
def test_hybrid_search_joins_both(stores, small, judged, framework) -> None:
    """What is found is found by vectors or by tokens, the best of each among it; frameworks join them in ways of their own."""
    store = stores[framework]
    found, reranked = [], []
    for question, dense in zip(small.questions, small.dense, strict=True):
        rows = store.find(question, "hybrid")
        names, sparse = store.names(rows), store.names(store.find(question, "sparse"))
        assert set(names) <= {*dense, *sparse}
        assert {dense[0], *sparse[:1]} <= set(names)
        found.append(names)
        reranked.append(store.rerank(question, rows))
    assert judged(f"{framework}, Qdrant, hybrid", found, reranked) > 0.4


def test_an_endpoint_of_elasticsearch_gives_tokens_as_well(stores, small, jina) -> None:
    """``Elastic`` in the place of ``Jina``: the embedded engine weighs words alike for both, so the rankings are one."""
    few = replace(small, ids=small.ids[:40], texts=small.texts[:40])
    questions = small.questions[:5]
    rankings = [
        [store.names(store.find(question, "sparse")) for question in questions]
        for kind in FRAMEWORKS
        for store in (kind(few, jina, "elastic"), kind(few, jina, "jina"))
    ]
    assert any(rankings[0])
    assert rankings == [rankings[0]] * 6


async def test_langchain_awaits(stores, small) -> None:
    """Many questions at once, found and reranked as one after the other."""
    store = stores["LangChain"]
    store.find(small.questions[0])  # back to dense
    found = await asyncio.gather(*map(store.afind, small.questions[:10]))
    assert [store.names(rows) for rows in found] == small.dense[:10]
    reranked = await asyncio.gather(*map(store.arerank, small.questions[:10], found))
    assert [*reranked] == small.reranked[:10]


async def test_llama_index_awaits(small, jina) -> None:
    """Written and searched by Qdrant's asynchronous client alone."""
    from llama_index.vector_stores.qdrant import QdrantVectorStore

    from llama_index.embeddings.ragbridge import JinaEmbedding

    client = qdrant_client.AsyncQdrantClient(":memory:")
    index = VectorStoreIndex(
        [],
        storage_context=StorageContext.from_defaults(
            vector_store=QdrantVectorStore("passages", aclient=client)
        ),
        embed_model=JinaEmbedding(client=jina, dimensions=DIMENSIONS),
        use_async=True,
    )
    await index.ainsert_nodes(nodes(small))
    retriever = index.as_retriever(similarity_top_k=RETRIEVED)
    for question, dense in zip(small.questions[:10], small.dense, strict=False):
        assert [row.node.metadata["name"] for row in await retriever.aretrieve(question)] == dense
    await client.close()


async def test_haystack_awaits(small, jina) -> None:
    """A pipeline of components that run on the event loop, over documents that were written on it."""
    from haystack_integrations.components.retrievers.qdrant import QdrantEmbeddingRetriever
    from haystack_integrations.document_stores.qdrant import QdrantDocumentStore

    from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder, JinaTextEmbedder
    from haystack_integrations.components.rankers.ragbridge import JinaRanker

    store = QdrantDocumentStore(":memory:", embedding_dim=DIMENSIONS, recreate_index=True, progress_bar=False)
    documents = [
        HaystackDocument(id=name, content=text) for name, text in zip(small.ids, small.texts, strict=True)
    ]
    embedded = await JinaDocumentEmbedder(client=jina, dimensions=DIMENSIONS).run_async(documents)
    await store.write_documents_async(embedded["documents"])
    pipeline = Pipeline()
    pipeline.add_component("embedder", JinaTextEmbedder(client=jina, dimensions=DIMENSIONS))
    pipeline.add_component("retriever", QdrantEmbeddingRetriever(document_store=store, top_k=RETRIEVED))
    pipeline.add_component("ranker", JinaRanker(client=jina, top_k=KEPT))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    pipeline.connect("retriever.documents", "ranker.documents")
    for question, reranked in zip(small.questions[:10], small.reranked, strict=False):
        asked = {"embedder": {"text": question}, "ranker": {"query": question}}
        best = (await pipeline.run_async(asked))["ranker"]["documents"]
        assert [document.id for document in best] == reranked


def test_an_ingestion_pipeline_splits_embeds_and_stores(small, jina) -> None:
    """LlamaIndex's, with this package's parser: each chunk is stored with its vector, and found with its document."""
    from llama_index.core import Document as LlamaDocument
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.vector_stores.qdrant import QdrantVectorStore

    from llama_index.embeddings.ragbridge import JinaEmbedding
    from llama_index.node_parser.ragbridge import RagbridgeNodeParser

    client = qdrant_client.QdrantClient(":memory:")
    store = QdrantVectorStore("chunks", client=client)
    embedding = JinaEmbedding(client=jina, dimensions=DIMENSIONS)
    parser = RagbridgeNodeParser(strategy="sentence", max_chunk_size=40, sentence_overlap=1)
    plain = [(name, text) for name, text in zip(small.ids, small.texts, strict=True) if text.isascii()][:100]
    documents = [LlamaDocument(id_=name, text=text) for name, text in plain]
    chunks = IngestionPipeline(transformations=[parser, embedding], vector_store=store).run(
        documents=documents
    )
    assert client.count("chunks").count == len(chunks) > len(documents)
    retriever = VectorStoreIndex.from_vector_store(store, embed_model=embedding).as_retriever(
        similarity_top_k=1
    )
    for chunk in chunks[:: len(chunks) // 10]:
        (best,) = retriever.retrieve(chunk.get_content())
        assert best.node.ref_doc_id in dict(plain)
        assert best.node.get_content() in dict(plain)[best.node.ref_doc_id]


def test_vectors_of_tokens_are_compared_by_the_store(small, jina) -> None:
    """Qdrant's ``MAX_SIM`` over multi-vectors orders as ``maxsim`` does."""
    from qdrant_client import models

    documents = jina.embed_multivector(small.texts[:PAIRED], role="document")
    asked = jina.embed_multivector(small.questions[:10], role="query")
    client = qdrant_client.QdrantClient(":memory:")
    late = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    vectors = models.VectorParams(size=128, distance=models.Distance.COSINE, multivector_config=late)
    client.create_collection("tokens", vectors_config=vectors)
    client.upsert(
        "tokens",
        [models.PointStruct(id=number, vector=rows) for number, rows in enumerate(documents.tolist())],
    )
    best = []
    for query in asked:
        points = client.query_points("tokens", query=query.tolist(), limit=KEPT).points
        scores = maxsim(query, documents)
        np.testing.assert_allclose([point.score for point in points], np.sort(scores)[::-1][:KEPT], rtol=1e-3)
        best.append((points[0].id, scores.argmax()))
    assert all(found == expected for found, expected in best)
