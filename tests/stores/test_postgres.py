"""PostgreSQL with pgvector, a real server on a unix socket, under the three frameworks and without one."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import numpy as np
import pytest

# Read when haystack is imported; tests stay off the network.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

from ragbridge import bits

psycopg = pytest.importorskip("psycopg")

DIMENSIONS, RETRIEVED, KEPT = 256, 50, 10


def test_langchain_indexes_retrieves_and_reranks(postgres, small, jina, judged) -> None:
    """``langchain-postgres`` ranks as NumPy does, also awaited; what is indexed twice is embedded once."""
    from langchain_core.documents import Document
    from langchain_core.indexing import InMemoryRecordManager, index
    from langchain_postgres import Column, PGEngine, PGVectorStore

    from langchain_ragbridge import JinaEmbeddings, JinaRerank

    engine = PGEngine.from_connection_string(postgres.replace("postgresql:", "postgresql+psycopg:"))
    engine.init_vectorstore_table(
        "langchain", DIMENSIONS, id_column=Column("langchain_id", "TEXT", nullable=False)
    )
    store = PGVectorStore.create_sync(engine, JinaEmbeddings(client=jina, dimensions=DIMENSIONS), "langchain")
    records = InMemoryRecordManager("passages")
    records.create_schema()
    documents = [
        Document(text, metadata={"name": name}) for name, text in zip(small.ids, small.texts, strict=True)
    ]
    settings: Any = {"cleanup": "incremental", "source_id_key": "name", "key_encoder": "sha256"}
    assert index(documents, records, store, **settings)["num_added"] == len(documents)
    before = jina.usage.requests
    assert index(documents, records, store, **settings)["num_skipped"] == len(documents)
    assert jina.usage.requests == before

    def names(found: Any) -> list[str]:
        return [document.metadata["name"] for document in found]

    reranker = JinaRerank(client=jina, top_n=KEPT)
    found = [store.similarity_search(question, k=RETRIEVED) for question in small.questions]
    assert [names(rows) for rows in found] == small.dense
    reranked = [
        names(reranker.compress_documents(rows, question))
        for question, rows in zip(small.questions, found, strict=True)
    ]
    assert reranked == small.reranked
    judged("LangChain, PostgreSQL, dense", small.dense, reranked)

    async def awaited() -> list[Any]:
        asked = [store.asimilarity_search(question, k=RETRIEVED) for question in small.questions[:10]]
        return await asyncio.gather(*asked)

    assert [names(rows) for rows in asyncio.run(awaited())] == small.dense[:10]
    asyncio.run(engine.close())


def test_llama_index_indexes_retrieves_and_reranks(postgres, small, jina, judged) -> None:
    """``llama-index-vector-stores-postgres`` ranks as NumPy does, also awaited."""
    from llama_index.core import StorageContext, VectorStoreIndex
    from llama_index.core.schema import TextNode
    from llama_index.vector_stores.postgres import PGVectorStore

    from llama_index.embeddings.ragbridge import JinaEmbedding
    from llama_index.postprocessor.ragbridge import JinaRerank

    store = PGVectorStore(
        connection_string=postgres.replace("postgresql:", "postgresql+psycopg2:"),
        async_connection_string=postgres.replace("postgresql:", "postgresql+asyncpg:"),
        table_name="llama_index",
        schema_name="public",
        embed_dim=DIMENSIONS,
    )
    nodes = [TextNode(id_=name, text=text) for name, text in zip(small.ids, small.texts, strict=True)]
    index = VectorStoreIndex(
        nodes,
        storage_context=StorageContext.from_defaults(vector_store=store),
        embed_model=JinaEmbedding(client=jina, dimensions=DIMENSIONS),
    )
    retriever, reranker = index.as_retriever(similarity_top_k=RETRIEVED), JinaRerank(client=jina, top_n=KEPT)

    def names(found: Any) -> list[str]:
        return [row.node.node_id for row in found]

    found = [retriever.retrieve(question) for question in small.questions]
    assert [names(rows) for rows in found] == small.dense
    reranked = [
        names(reranker.postprocess_nodes(rows, query_str=question))
        for question, rows in zip(small.questions, found, strict=True)
    ]
    assert reranked == small.reranked
    judged("LlamaIndex, PostgreSQL, dense", small.dense, reranked)

    async def awaited() -> list[Any]:
        try:
            return await asyncio.gather(*map(retriever.aretrieve, small.questions[:10]))
        finally:
            await store.close()

    assert [names(rows) for rows in asyncio.run(awaited())] == small.dense[:10]


def test_haystack_indexes_retrieves_and_reranks(postgres, small, jina, judged, monkeypatch) -> None:
    """``pgvector-haystack`` ranks as NumPy does; a pipeline that was written and read again does so on the event loop."""
    from haystack import Document, Pipeline
    from haystack_integrations.components.retrievers.pgvector import PgvectorEmbeddingRetriever
    from haystack_integrations.document_stores.pgvector import PgvectorDocumentStore

    from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder, JinaTextEmbedder
    from haystack_integrations.components.rankers.ragbridge import JinaRanker

    monkeypatch.setenv("PG_CONN_STR", postgres)
    store = PgvectorDocumentStore(embedding_dimension=DIMENSIONS, table_name="haystack")
    documents = [Document(id=name, content=text) for name, text in zip(small.ids, small.texts, strict=True)]
    embedder = JinaDocumentEmbedder(client=jina, dimensions=DIMENSIONS)
    assert store.write_documents(embedder.run(documents)["documents"]) == len(documents)

    made = Pipeline()
    made.add_component("embedder", JinaTextEmbedder(base_url="local", dimensions=DIMENSIONS))
    made.add_component("retriever", PgvectorEmbeddingRetriever(document_store=store, top_k=RETRIEVED))
    made.add_component("ranker", JinaRanker(base_url="local", top_k=KEPT))
    made.connect("embedder.embedding", "retriever.query_embedding")
    made.connect("retriever.documents", "ranker.documents")
    pipeline = Pipeline.loads(made.dumps())

    async def ask(question: str) -> tuple[list[str], list[str]]:
        asked = {"embedder": {"text": question}, "ranker": {"query": question}}
        found = await pipeline.run_async(asked, include_outputs_from={"retriever"})
        first, second = (
            [document.id for document in found[name]["documents"]] for name in ("retriever", "ranker")
        )
        return first, second

    async def ask_all() -> list[tuple[list[str], list[str]]]:
        return [await ask(question) for question in small.questions]

    found, reranked = zip(*asyncio.run(ask_all()), strict=True)
    assert [*found] == small.dense
    assert [*reranked] == small.reranked
    judged("Haystack, PostgreSQL, dense", found, reranked)


@pytest.fixture
def connection(postgres) -> Any:
    with psycopg.connect(postgres, autocommit=True) as connection:
        yield connection


def test_bits_rank_by_hamming_distance(connection, small, jina, judged) -> None:
    """``bits.to_pgvector`` fills a column ``bit(n)``: distances are those of the arrays, by the index of pgvector as well."""
    documents = jina.embed(small.texts, role="document", embedding_type="ubinary")
    asked = jina.embed(small.questions, role="query", embedding_type="ubinary")
    width = documents.vectors.shape[1] * 8
    connection.execute("CREATE EXTENSION vector")
    connection.execute(f"CREATE TABLE packed (name text PRIMARY KEY, bits bit({width}))")
    with connection.cursor() as cursor:
        rows = zip(small.ids, bits.to_pgvector(documents), strict=True)
        cursor.executemany(f"INSERT INTO packed VALUES (%s, %s::bit({width}))", [*rows])
    distances = np.bitwise_count(asked.vectors[:, None] ^ documents.vectors[None]).sum(axis=2)
    places = {name: number for number, name in enumerate(small.ids)}

    def search() -> list[list[str]]:
        found = []
        for literal, row in zip(bits.to_pgvector(asked), distances, strict=True):
            best = connection.execute(
                f"SELECT name, bits <~> %s::bit({width}) AS distance FROM packed ORDER BY distance LIMIT 10",
                (literal,),
            ).fetchall()
            assert [distance for _, distance in best] == [row[places[name]] for name, _ in best]
            found.append([name for name, _ in best])
        return found

    exact = search()
    for names, row in zip(exact, distances, strict=True):
        assert [row[places[name]] for name in names] == sorted(row)[:10]
    assert judged(f"no framework, PostgreSQL, bit({width})", exact) > 0.3
    connection.execute("CREATE INDEX ON packed USING hnsw (bits bit_hamming_ops)")
    connection.execute("SET enable_seqscan = off")
    assert "Index Scan" in str(
        connection.execute(
            f"EXPLAIN SELECT name FROM packed ORDER BY bits <~> %s::bit({width}) LIMIT 10",
            (bits.to_pgvector(asked)[0],),
        ).fetchall()
    )
    assert judged(f"no framework, PostgreSQL, bit({width}) by HNSW", search()) > 0.3


def test_bits_and_faiss_agree(small, jina) -> None:
    """``bits.to_faiss`` goes into a binary index as it is, whose distances are those of the arrays."""
    faiss = pytest.importorskip("faiss")
    documents = jina.embed(small.texts, role="document", embedding_type="ubinary")
    asked = jina.embed(small.questions, role="query", embedding_type="ubinary")
    index = faiss.IndexBinaryFlat(documents.vectors.shape[1] * 8)
    index.add(bits.to_faiss(documents))
    distances, _ = index.search(bits.to_faiss(asked), 10)
    expected = np.bitwise_count(asked.vectors[:, None] ^ documents.vectors[None]).sum(axis=2)
    assert (distances == np.sort(expected, axis=1)[:, :10]).all()
