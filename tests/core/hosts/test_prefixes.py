"""Prefixes of the caller's own: on any host, in everything that depends on the text that is sent."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ragbridge import ConfigurationError, Image, Jina
from ragbridge.testing import ScriptedTransport, vector_of

V3, V5 = "jina-embeddings-v3", "jina-embeddings-v5-text-small"


def client(**settings):
    transport = ScriptedTransport()
    return Jina("k", transport=transport, **settings), transport


def sent(transport):
    return [text for body in transport.bodies for text in body["input"]]


def test_a_prefix_of_the_callers_stands_before_each_text_of_its_role():
    """At Jina's API as well, beside the task; texts without a role have none, a task that is a role's has it."""
    jina, transport = client(query_prefix="Q ", document_prefix="D ")
    jina.embed(["a"], role="query")
    jina.embed(["a"], role="document")
    jina.embed(["a"], task="retrieval.passage")
    jina.embed(["a"], task="classification")
    jina.embed(["a"])
    jina.embed_documents([["a", "b"], ["c"]])
    assert sent(transport) == ["Q a", "D a", "D a", "a", "a", "D a", "D b", "D c"]
    assert transport.bodies[0]["task"] == "retrieval.query"


def test_vectors_of_tokens_have_it_too(scripted):
    """Role by role, as ColBERT has them."""

    def answer(request):
        from ragbridge.testing import Response

        texts = json.loads(request.body)["input"]
        rows = [{"index": index, "embeddings": [vector_of(text, 128)]} for index, text in enumerate(texts)]
        return Response(200, {}, json.dumps({"data": rows, "usage": {"total_tokens": 1}}).encode())

    jina = Jina("k", transport=scripted(answer), query_prefix="Q ")
    found = jina.embed_multivector(["a"], role="query")
    assert np.array_equal(found.vectors[0][0], np.float32(vector_of("Q a", 128)))


def test_a_document_of_late_chunking_has_it_once():
    """Before its first chunk: the chunks of a document are one text."""
    jina, transport = client(document_prefix="D ")
    jina.embed_documents([["a", "b"], [], ["c", "d"]], model=V3, late_chunking=True)
    assert sorted(sent(transport)) == ["D a", "D c", "b", "d"]
    jina.embed(["a", "b"], model=V3, late_chunking=True, role="document")
    assert transport.bodies[-1]["input"] == ["D a", "b"]


def test_images_have_none():
    """A prefix is a text's."""
    jina, transport = client(document_prefix="D ")
    jina.embed(["a", Image("https://x.example/a.png")], model="jina-clip-v2", role="document")
    assert [*map(str, sent(transport))] == ["D a", "{'image': 'https://x.example/a.png'}"]


def test_what_is_estimated_is_what_is_sent():
    """A long prefix counts in the quota: fewer texts fit into one request."""
    plain, few = client(limits="free")
    jina, many = client(limits="free", document_prefix="a prefix of many words " * 20)
    for each in (plain, jina):
        each.embed([f"text {index}" for index in range(100)], role="document", model="a-model")
    assert len(many.requests) > len(few.requests)


def test_a_kept_vector_is_found_by_the_text_that_was_sent_alone():
    """Another prefix, another vector; the same words by hand are the same request."""
    cache = {}
    for settings, texts, known in [
        ({}, ["a"], 0),
        ({"query_prefix": "Q "}, ["a"], 0),
        ({"query_prefix": "Q "}, ["a"], 1),
        ({"query_prefix": "R "}, ["a"], 0),
        ({"document_prefix": "Q "}, ["a"], 1),
        ({}, ["Q a"], 1),
    ]:
        jina, _ = client(cache=cache, **settings)
        assert jina.embed(texts, role="query").usage.cached == known, (settings, texts)


def test_hosts_never_take_each_others_vectors_or_scores():
    """Under one address too: what answers there may have changed, and asks in other words."""
    cache = {}
    for host in ("jina", "openai", "vllm", "infinity", "ollama"):
        jina = Jina(base_url="http://x", host=host, transport=ScriptedTransport(), cache=cache)
        assert jina.embed(["a"], model=V5).usage.cached == 0, host
        if host != "ollama":
            assert jina.rerank("q", ["a"], model="jina-reranker-m0").usage.requests == 1, host


def test_a_place_in_a_text_is_that_of_the_callers_text():
    """What is wrong with a text is told without counting the prefix."""
    jina, transport = client(query_prefix="Query: ")
    with pytest.raises(ConfigurationError, match=r"texts\[1\] holds half of a surrogate pair at character 5"):
        jina.embed(["a", "half \ud800"], role="query")
    assert transport.requests == []


def test_a_prefix_is_a_text():
    """Anything else is refused by its name."""
    with pytest.raises(ConfigurationError, match="document_prefix is int, not str"):
        client(document_prefix=7)
