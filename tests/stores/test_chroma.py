"""Chroma, embedded, under LangChain."""

from __future__ import annotations

import pytest


def test_langchain_indexes_retrieves_and_reranks(small, jina, judged) -> None:
    """``langchain-chroma`` ranks as NumPy does, with ids that are kept after reranking."""
    chroma = pytest.importorskip("langchain_chroma")
    from chromadb.config import Settings
    from langchain_core.documents import Document

    from langchain_ragbridge import JinaEmbeddings, JinaRerank

    store = chroma.Chroma(
        "passages",
        JinaEmbeddings(client=jina, dimensions=256),
        client_settings=Settings(anonymized_telemetry=False),
        collection_configuration={"hnsw": {"space": "cosine", "ef_search": 400}},
    )
    store.add_documents([Document(text, id=name) for name, text in zip(small.ids, small.texts, strict=True)])
    found = [store.similarity_search(question, k=50) for question in small.questions]
    assert [[document.id for document in rows] for rows in found] == small.dense
    reranker = JinaRerank(client=jina, top_n=10)
    reranked = [
        [document.id for document in reranker.compress_documents(rows, question)]
        for question, rows in zip(small.questions, found, strict=True)
    ]
    assert reranked == small.reranked
    judged("LangChain, Chroma, dense", small.dense, reranked)
