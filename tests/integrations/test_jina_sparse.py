"""Jina's sparse vectors in the three frameworks: the same tokens, the same weights, each role told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from haystack import Document

from haystack_integrations.components.embedders.ragbridge import (
    JinaSparseDocumentEmbedder,
    JinaSparseTextEmbedder,
)
from langchain_ragbridge import JinaSparseEmbeddings
from llama_index.sparse_embeddings.ragbridge import JinaSparseEmbedding
from ragbridge import ConfigurationError, Jina
from ragbridge.local import Engine
from ragbridge.testing import ScriptedTransport

TEXTS = ["Bees collect nectar.", "The sea is deep."]


def test_all_frameworks_have_the_same_vectors() -> None:
    """Numbers and weights of documents, ascending by number, are those of the core, awaited or not."""
    wanted = Jina(base_url="local").sparse_embed(TEXTS, role="document").to_vectors()
    langchain = JinaSparseEmbeddings(base_url="local")
    assert langchain.embed_documents(TEXTS) == asyncio.run(langchain.aembed_documents(TEXTS)) == [*wanted]
    llama = JinaSparseEmbedding(base_url="local")
    assert llama.sparse_doc_fn(TEXTS) == ([one.indices for one in wanted], [one.values for one in wanted])
    assert [[*row] for row in llama.get_text_embedding_batch(TEXTS)] == [one.indices for one in wanted]
    haystack = JinaSparseDocumentEmbedder(base_url="local")
    documents = haystack.run([Document(content=text) for text in TEXTS])["documents"]
    assert [(one.sparse_embedding.indices, one.sparse_embedding.values) for one in documents] == [
        (one.indices, one.values) for one in wanted
    ]


def test_queries_are_embedded_as_queries() -> None:
    """A query's vector is the core's for this role, in each framework."""
    wanted = Jina(base_url="local").sparse_embed(TEXTS[:1], role="query").to_vectors()[0]
    langchain = JinaSparseEmbeddings(base_url="local")
    assert langchain.embed_query(TEXTS[0]) == asyncio.run(langchain.aembed_query(TEXTS[0])) == wanted
    llama = JinaSparseEmbedding(base_url="local")
    assert [*llama.get_query_embedding(TEXTS[0])] == llama.sparse_query_fn(TEXTS[:1])[0][0] == wanted.indices
    haystack = JinaSparseTextEmbedder(base_url="local")
    found = haystack.run(TEXTS[0])["sparse_embedding"]
    awaited = asyncio.run(haystack.run_async(TEXTS[0]))["sparse_embedding"]
    assert (
        (found.indices, found.values) == (awaited.indices, awaited.values) == (wanted.indices, wanted.values)
    )


def test_roles_are_told() -> None:
    """The service gets its own word for documents and for queries, from each framework."""
    transport = ScriptedTransport(default=Engine())
    client = Jina("k", base_url="http://x", host="jina", limits=None, transport=transport)
    JinaSparseEmbeddings(client=client).embed_documents(["a"])
    JinaSparseEmbeddings(client=client).embed_query("b")
    JinaSparseEmbedding(client=client).get_text_embedding("c")
    JinaSparseEmbedding(client=client).get_query_embedding("d")
    JinaSparseDocumentEmbedder(client=client).run([Document(content="e")])
    JinaSparseTextEmbedder(client=client).run("f")
    told = [json.loads(request.body)["task"] for request in transport.requests]
    assert told == ["retrieval.passage", "retrieval.query"] * 3


@pytest.mark.parametrize("make", [JinaSparseEmbeddings, JinaSparseEmbedding])
def test_a_model_of_dense_vectors_is_refused(make: Any) -> None:
    """When the object is made, not when a job has begun."""
    with pytest.raises(ConfigurationError, match="use embed"):
        make(base_url="local", model="jina-embeddings-v3")


def test_what_is_no_text_is_refused() -> None:
    """Haystack's components name their counterpart."""
    with pytest.raises(TypeError, match="JinaSparseDocumentEmbedder"):
        JinaSparseTextEmbedder(base_url="local").run([Document(content="a")])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="JinaSparseTextEmbedder"):
        JinaSparseDocumentEmbedder(base_url="local").run("a")  # type: ignore[arg-type]
