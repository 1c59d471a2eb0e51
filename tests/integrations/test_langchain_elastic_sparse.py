"""``ElasticSparseEmbeddings`` is what ``langchain-qdrant`` wants of sparse embeddings."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("langchain_core")
pytest.importorskip("model2vec")

from langchain_ragbridge import ElasticSparseEmbeddings
from ragbridge import ConfigurationError, SparseVector, token_index

TEXTS = ["the sea is deep", "port and starboard", "the sea"]


@pytest.fixture(scope="module")
def embeddings() -> ElasticSparseEmbeddings:
    """Of the embedded engine."""
    return ElasticSparseEmbeddings(inference_id=".elser-2-elastic", url="local")


def test_vectors_are_two_lists_of_the_same_length(embeddings):
    """Numbers ascending, each once; the token's own; one vector for each text, in order."""
    found = embeddings.embed_documents(TEXTS)
    assert [len(vector.indices) for vector in found] == [4, 3, 2]
    for vector in found:
        assert isinstance(vector, SparseVector)
        assert vector.indices == sorted(set(vector.indices))
        assert len(vector.values) == len(vector.indices)
        assert all(isinstance(weight, float) for weight in vector.values)
    assert token_index("sea") in found[0].indices


def test_a_query_is_found_by_its_tokens(embeddings):
    """Queries and documents have the same numbers for the same tokens."""
    query = embeddings.embed_query("sea")
    documents = embeddings.embed_documents(TEXTS)
    shared = [len({*query.indices} & {*document.indices}) for document in documents]
    assert shared == [1, 0, 1]


def test_both_faces_agree(embeddings):
    """What is awaited is what is returned; an empty list sends nothing."""
    assert asyncio.run(embeddings.aembed_documents(TEXTS)) == embeddings.embed_documents(TEXTS)
    assert asyncio.run(embeddings.aembed_query("sea")) == embeddings.embed_query("sea")
    assert embeddings.embed_documents([]) == []


def test_wrong_settings_are_refused_when_they_are_given():
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="inference_timeout|timeout"):
        ElasticSparseEmbeddings(inference_id="a", url="local", inference_timeout=0)
