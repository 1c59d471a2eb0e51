"""Scores of models that judge each document by itself are not paid twice; those of listwise models are never kept."""

from __future__ import annotations

import asyncio
import json

import pytest

from ragbridge import Image, InvalidRequestError, Jina, Retry
from ragbridge.local import Engine
from ragbridge.testing import ScriptedTransport, VirtualClock

MODEL = "jina-reranker-v2-base-multilingual"
DOCUMENTS = [f"document {number} about bees and bread" for number in range(30)]
PICTURE = Image(b"\x89PNG\r\n\x1a\n" + bytes(30))


def client(cache, *outcomes):
    transport = ScriptedTransport(*outcomes, default=Engine())
    options = {"limits": None, "clock": VirtualClock(), "retry": Retry(attempts=1), "cache": cache}
    return Jina("k", base_url="http://x", transport=transport, **options), transport


def rows(ranking):
    """What a ranking says; the engine's scores depend on the request in their last digits."""
    return [(row.index, pytest.approx(row.score, abs=1e-6), row.document) for row in ranking]


def bodies(transport):
    return [json.loads(request.body) for request in transport.requests]


def awaited(jina, *arguments, **options):
    return asyncio.run(jina.arerank(*arguments, **options))


@pytest.mark.parametrize("rerank", [Jina.rerank, awaited], ids=["sync", "async"])
def test_a_second_ranking_sends_nothing(rerank):
    """On both faces; whatever it wants of it, in whichever order the documents stand."""
    cache = {}
    jina, transport = client(cache)
    first = rerank(jina, "bees", DOCUMENTS, model=MODEL, top_n=3)
    assert first.usage.requests == len(transport.requests) == 1
    again, silent = client(cache)
    same = rerank(again, "bees", DOCUMENTS, model=MODEL, top_n=3)
    assert (same.results, same.met, same.model) == (first.results, first.met, MODEL)
    back = rerank(again, "bees", DOCUMENTS[::-1], model=MODEL, return_documents=True)
    plain, _ = client(None)
    alone = rerank(plain, "bees", DOCUMENTS[::-1], model=MODEL, return_documents=True)
    assert [(row.index, row.score, row.document) for row in back] == rows(alone)
    assert (same.usage.cached, same.usage.tokens, back.usage.cached) == (30, 0, 30)
    assert silent.requests == []


def test_only_what_is_missing_is_sent():
    """And the ranking is that of all."""
    cache = {}
    client(cache)[0].rerank("bees", DOCUMENTS[::2], model=MODEL)
    jina, transport = client(cache)
    ranking = jina.rerank("bees", DOCUMENTS, model=MODEL, top_n=7)
    assert [body["documents"] for body in bodies(transport)] == [DOCUMENTS[1::2]]
    alone = client(None)[0].rerank("bees", DOCUMENTS, model=MODEL, top_n=7)
    assert [(row.index, row.score, row.document) for row in ranking] == rows(alone)
    assert ranking.usage.cached == 15


@pytest.mark.parametrize("kind", [type(None), dict], ids=["no cache", "cache"])
@pytest.mark.parametrize("top_n", [None, 1, 4])
def test_equal_documents_are_sent_once(kind, top_n):
    """Each of them has its row."""
    documents = ["bees", "bread", "bees", "sea", "bees"]
    jina, transport = client(kind())
    ranking = jina.rerank("bees", documents, model=MODEL, top_n=top_n)
    assert [body["documents"] for body in bodies(transport)] == [["bees", "bread", "sea"]]
    assert [row.index for row in ranking][:3] == [0, 2, 4][: top_n or 3]
    assert len(ranking) == (top_n or 5)


def test_the_query_the_model_and_its_options_tell_scores_apart():
    """And roles: a query is no document."""
    cache = {}
    client(cache)[0].rerank("bees", ["bread"], model=MODEL)
    for query, document, model in (
        ("bread", "bees", MODEL),
        ("bees!", "bread", MODEL),
        ("bees", "bread", "jina-reranker-v1-base-en"),
    ):
        jina, transport = client(cache)
        jina.rerank(query, [document], model=model)
        assert len(transport.requests) == 1


@pytest.mark.parametrize("model", ["jina-reranker-v3", "jina-reranker-v3.5", "a-model-of-tomorrow"])
def test_listwise_scores_are_not_kept(model):
    """They depend on the other documents of the call; so they may for models that nobody knows yet."""
    cache = {}
    for _ in range(2):
        jina, transport = client(cache)
        try:
            jina.rerank("bees", DOCUMENTS, model=model)
        except InvalidRequestError:
            assert model == "a-model-of-tomorrow"
        assert len(transport.requests) == 1
    assert cache == {}


def test_pictures_are_known_by_their_bytes_and_not_by_their_addresses():
    """What is behind an address may change."""
    cache, model = {}, "jina-reranker-m0"
    remote = Image("https://example.com/bee.png")
    for sent in ([["a text", PICTURE, remote]], [[remote]]):
        jina, transport = client(cache)
        jina.rerank("bees", ["a text", PICTURE, remote], model=model)
        assert [len(body["documents"]) for body in bodies(transport)] == [len(each) for each in sent]
    for query, requests in ((PICTURE, 1), (PICTURE, 0), (remote, 1), (remote, 1)):
        jina, transport = client(cache)
        jina.rerank(query, ["a text"], model=model)
        assert len(transport.requests) == requests


def test_what_a_cache_spoilt_is_asked_again():
    """A score is eight bytes, and finite."""
    cache = {}
    whole = client(cache)[0].rerank("bees", DOCUMENTS[:3], model=MODEL)
    for place, value in enumerate((b"", b"\0" * 9, b"\0\0\0\0\0\0\xf8\x7f")):
        cache[list(cache)[place]] = value
    jina, transport = client(cache)
    assert jina.rerank("bees", DOCUMENTS[:3], model=MODEL).results == whole.results
    assert len(bodies(transport)[0]["documents"]) == 3


def test_calls_that_were_answered_are_kept_when_another_one_fails():
    """What they brought is not paid again."""
    cache = {}
    jina, _ = client(cache, Engine(), 402)
    jina._concurrency = 1
    with pytest.raises(Exception, match="402"):
        jina.rerank("bees", DOCUMENTS, model=MODEL, max_documents_per_call=10)
    jina, transport = client(cache)
    jina.rerank("bees", DOCUMENTS, model=MODEL)
    assert [body["documents"] for body in bodies(transport)] == [DOCUMENTS[10:]]
