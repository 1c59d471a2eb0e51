"""The engine in the words of other hosts: what their clients send is understood, what they read is there."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from ragbridge import Jina
from ragbridge.flow import Request
from ragbridge.hosts import HOSTS
from ragbridge.local import Engine

TEXTS = ["the sea", "bread"]
ENGINE = Engine()


def ask(path, body=None, *, method="POST"):
    payload = b"" if body is None else json.dumps(body).encode()
    response = ENGINE.handle(Request(method, path, {}, payload)).response
    return response.status, json.loads(response.body)


@pytest.fixture(scope="module")
def right():
    """The vectors of Jina's own route."""
    return Jina(base_url="local", transport=ENGINE).embed(TEXTS).vectors


def test_openai_like_clients_need_neither_a_version_nor_a_model(right):
    """``/embeddings`` beside ``/v1/embeddings``, whose default model is the client's own."""
    status, body = ask("/embeddings", {"input": TEXTS, "encoding_format": "float"})
    assert status == 200
    assert np.allclose([row["embedding"] for row in body["data"]], right, atol=1e-6)
    assert ask("/embeddings", {"input": TEXTS, "model": "jinaai/jina-embeddings-v3"})[0] == 200
    assert ask("/embeddings", {"input": TEXTS, "model": "nobody/knows"})[0] == 400


def test_teis_clients_are_answered_in_lists(right):
    """``/embed`` of ``inputs``, ``/rerank`` of ``texts``, ``/info``."""
    status, body = ask("/embed", {"inputs": TEXTS, "normalize": True, "truncate": True})
    assert status == 200
    assert np.allclose(body, right, atol=1e-6)
    assert np.shape(ask("/embed", {"inputs": "the sea", "dimensions": 64})[1]) == (1, 64)
    status, body = ask("/rerank", {"query": "the sea", "texts": [*TEXTS, "sea"], "raw_scores": False})
    assert status == 200
    assert sorted(row["index"] for row in body) == [0, 1, 2]
    assert [row["score"] for row in body] == sorted((row["score"] for row in body), reverse=True)
    assert ask("/rerank", {"query": "q", "texts": TEXTS, "return_text": True})[1][0].keys() == {
        "index",
        "score",
        "text",
    }
    status, info = ask("/info", method="GET")
    assert (status, info["max_client_batch_size"]) == (200, 32)


def test_coheres_clients_have_their_second_version(right):
    """Several encodings in one answer, roles by ``input_type``, bills in ``meta``."""
    kinds = ["float", "base64", "ubinary"]
    status, body = ask(
        "/v2/embed", {"texts": TEXTS, "input_type": "search_query", "embedding_types": kinds, "model": "x-"}
    )
    assert status == 400
    asked = {"texts": TEXTS, "input_type": "search_query", "embedding_types": kinds}
    status, body = ask("/v2/embed", asked)
    assert status == 200
    assert np.allclose(body["embeddings"]["float"], right, atol=1e-6)
    decoded = [np.frombuffer(base64.b64decode(row), "<f4") for row in body["embeddings"]["base64"]]
    assert np.allclose(decoded, right, atol=1e-6)
    assert np.shape(body["embeddings"]["ubinary"]) == (2, 128)
    assert body["meta"]["billed_units"]["input_tokens"] > 0
    assert np.shape(ask("/v2/embed", {"texts": TEXTS, "output_dimension": 64})[1]["embeddings"]["float"]) == (
        2,
        64,
    )
    assert ask("/v2/embed", {"texts": TEXTS, "embedding_types": ["int4"]})[0] == 422
    status, body = ask("/v2/rerank", {"query": "the sea", "documents": TEXTS, "top_n": 1})
    assert status == 200
    assert [(row["index"], "document" in row) for row in body["results"]] == [(0, False)]
    assert body["id"]
    assert body["meta"]["billed_units"]["search_units"] == 1


def test_a_reranker_without_a_version_takes_jinas_words(right):
    """``/rerank`` with ``documents``, as ``hosted_vllm`` and ``infinity`` of LiteLLM ask."""
    status, body = ask("/rerank", {"query": "the sea", "documents": TEXTS, "top_n": 1})
    assert status == 200
    assert body["results"][0]["index"] == 0


def test_models_are_listed_without_a_version():
    """As ``/v1/models`` does."""
    assert ask("/models", method="GET") == ask("/v1/models", method="GET")
    assert ask("/models/jina-embeddings-v3", method="GET")[1]["id"] == "jina-embeddings-v3"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/embed", {}),
        ("/rerank", {"texts": TEXTS}),
        ("/v2/embed", {"texts": []}),
        ("/embeddings", {"input": 7}),
        ("/embed", []),
    ],
)
def test_what_is_wrong_is_refused(path, body):
    """With the service's own 422: nothing of the kind is an error of the engine."""
    assert ask(path, body)[0] == 422


def test_paths_of_indexes_are_left_to_elasticsearch():
    """Parts that begin with ``_``, and methods that only an index has."""
    for method, path in (("PUT", "/embeddings"), ("DELETE", "/rerank"), ("POST", "/embeddings/_search")):
        assert "detail" not in ask(path, {}, method=method)[1], (method, path)


@pytest.mark.parametrize("host", ["tei", "cohere", "openai", "vllm", "infinity"])
def test_our_own_client_is_understood_in_any_hosts_words(host, right):
    """What a row writes and reads, a server of this table reads and writes."""
    with Jina(base_url="http://x", host=host, transport=ENGINE) as jina:
        assert np.allclose(jina.embed(TEXTS).vectors, right, atol=1e-6)
        assert jina._channel.place.found.host is HOSTS[host]
        ranking = jina.rerank("the sea", TEXTS, model="jina-reranker-v2-base-multilingual", top_n=1)
        assert [row.index for row in ranking] == [0]
