"""The real Jina AI API: one short test for each product. ``make live`` runs them, with the key in ``JINA_API_KEY``.

All of them together cost about 15,000 tokens, 10,000 of them the search. They show whether the service still has the
shapes that the other tests take for granted; grounding and bulk jobs, which it no longer documents, are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from ragbridge import AuthenticationError, InvalidRequestError, Jina, maxsim

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not os.environ.get("JINA_API_KEY"), reason="JINA_API_KEY is not set"),
]

TEXTS = ["Bread is baked in an oven.", "Ships sail on the sea."]
QUERY = "Where do boats go?"
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A picture of one pixel: the least that a model for images bills."""


@pytest.fixture(scope="module")
def jina() -> Iterator[Jina]:
    """A client with the environment's key and the most careful limits."""
    with Jina() as client:
        yield client


@pytest.mark.parametrize("model", ["jina-embeddings-v5-text-small", "jina-embeddings-v3"])
def test_embeddings(jina, model):
    """A query is nearer to the text that answers it, and what was billed is told."""
    passages = jina.embed(TEXTS, model=model, role="document", dimensions=128)
    query = jina.embed([QUERY], model=model, role="query", dimensions=128)
    assert passages.vectors.shape == (2, 128)
    assert np.argmax(passages.vectors @ query.vectors[0]) == 1
    assert passages.usage.tokens > 0


def test_packed_bits(jina):
    """Both binary types give the same bytes, which are the signs of the floats."""
    asked = {"texts": TEXTS, "role": "document", "dimensions": 64}
    bits = np.packbits(jina.embed(**asked).vectors > 0, axis=1)
    for embedding_type in ("ubinary", "binary"):
        assert np.array_equal(jina.embed(**asked, embedding_type=embedding_type).vectors, bits)


def test_images(jina):
    """A picture in a data URI has a vector beside a text's."""
    found = jina.embed([{"image": PIXEL}, TEXTS[0]], model="jina-clip-v2", dimensions=64)
    assert found.vectors.shape == (2, 64)


def test_late_chunking(jina):
    """Chunks of a document have other vectors than they have alone."""
    asked = {"model": "jina-embeddings-v3", "dimensions": 64}
    together = jina.embed_documents([TEXTS], late_chunking=True, **asked).documents[0]
    assert not np.allclose(together, jina.embed_documents([TEXTS], **asked).documents[0], atol=1e-3)


@pytest.mark.parametrize("model", ["jina-colbert-v2", "jina-embeddings-v4"])
def test_multivectors(jina, model):
    """One vector for each token, by which the right text is found."""
    query = jina.embed_multivector([QUERY], model=model, role="query")
    documents = jina.embed_multivector(TEXTS, model=model, role="document")
    assert np.argmax(maxsim(query.vectors[0], documents)) == 1


@pytest.mark.parametrize("model", ["jina-reranker-v3", "jina-reranker-v2-base-multilingual"])
def test_rerank(jina, model):
    """The text that answers the query comes first."""
    ranking = jina.rerank(QUERY, TEXTS, model=model)
    assert [row.index for row in ranking] == [1, 0]
    assert ranking.usage.tokens > 0


def test_rerank_embeddings(jina):
    """v3 tells its documents' vectors, in whichever width it has today."""
    rows = jina.rerank(QUERY, TEXTS, model="jina-reranker-v3", return_embeddings=True).results
    assert len({row.embedding.shape for row in rows}) == 1


def test_classify(jina):
    """By labels, and by groups of labels."""
    assert [row.label for row in jina.classify(TEXTS, labels=["food", "travel"])] == ["food", "travel"]
    groups = jina.classify(TEXTS[:1], labels={"topic": ["food", "travel"], "mood": ["glad", "angry"]})
    assert [row.group for row in groups] == ["topic", "mood"]


def test_classifiers(jina):
    """One is trained, used, found in the list and deleted; after that it is gone."""
    trained = jina.classifiers.train(
        [("bread and butter", "food"), ("a train to Rome", "travel")], iterations=1
    )
    try:
        assert jina.classify(["a boat to Oslo"], classifier=trained.classifier_id).results[0].score > 0
        listed = {row.classifier_id: row for row in jina.classifiers.list()}
        assert listed[trained.classifier_id].access == "private"
    finally:
        jina.classifiers.delete(trained.classifier_id)
    with pytest.raises(InvalidRequestError):
        jina.classify(["a"], classifier=trained.classifier_id)


def test_segment(jina):
    """Chunks stand where they say, beyond the basic plane of Unicode as well, which shows the unit of positions."""
    content = "Ships sail 🚢 on the sea.\n\nBread is baked 🍞 in an oven."
    found = jina.segment(content, max_chunk_length=30)
    assert len(found.chunks) > 1
    assert all(content[chunk.start : chunk.end] == chunk.text for chunk in found.chunks)


def test_read(jina):
    """A page as Markdown, and what it cost."""
    page = jina.read("https://example.com")
    assert "Example Domain" in page.title + page.content
    assert page.usage.tokens > 0


def test_search(jina):
    """The dearest: a result without its page, and at least 10,000 tokens."""
    found = jina.search("Jina AI embeddings", num=1, content=False)
    assert found.results[0].url.startswith("http")


def test_batch(jina):
    """Vectors of a job are those of a request, in the order of the texts, for another client that knows the id."""
    job = jina.submit_batch(TEXTS, task="text-matching", dimensions=64)
    with Jina() as other:
        other.batch(job.id).wait_done(timeout=600)
        vectors = other.batch(job.id).results().vectors
    expected = jina.embed(TEXTS, task="text-matching", dimensions=64).vectors
    np.testing.assert_allclose(vectors, expected, atol=0.02)


def test_models_and_balance(jina):
    """The list of models names the default one, and the account has something left."""
    assert "jina-embeddings-v5-text-small" in {model.id for model in jina.models()}
    assert jina.balance() > 0


def test_a_wrong_key(jina):
    """It is refused as one, by the API's own error."""
    with (
        Jina("jina_" + "0" * 60, limits=None) as stranger,
        pytest.raises(AuthenticationError) as caught,
    ):
        stranger.embed(["a"])
    assert caught.value.status == 401
