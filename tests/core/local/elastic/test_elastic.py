"""Elasticsearch's paths through the engine: keys, quotas and faults hold there as they do for Jina's."""

from __future__ import annotations

import json

import pytest

from ragbridge.flow import Request
from ragbridge.local import Engine, Faults, Quota

PATH = "/_inference/text_embedding/mine"
JINA = {"service": "jinaai", "service_settings": {"api_key": "k", "model_id": "jina-embeddings-v3"}}


def ask(engine, method, path, body=None, authorization=None):
    headers = {"content-type": "application/json"}
    if authorization:
        headers["Authorization"] = authorization
    content = b"" if body is None else json.dumps(body).encode()
    return engine.handle(Request(method, f"http://localhost:9200{path}", headers, content))


def infer(engine, text="a text"):
    return ask(engine, "POST", PATH, {"input": [text]})


def test_endpoints_live_as_long_as_the_engine():
    """An endpoint is made, used and listed; another engine does not have it."""
    engine = Engine()
    assert ask(engine, "PUT", PATH, JINA).response.status == 200
    answer = json.loads(infer(engine).response.body)
    assert len(answer["text_embedding"][0]["embedding"]) == 1024
    assert infer(Engine()).response.status == 404


def test_the_root_is_elasticsearchs():
    """``/`` names the cluster; Jina's routes stay Jina's."""
    root = ask(Engine(), "GET", "/").response
    assert root.headers["x-elastic-product"] == "Elasticsearch"
    assert "x-elastic-product" not in ask(Engine(), "GET", "/health").response.headers


@pytest.mark.parametrize(
    "path", ["/_inference/rerank/r", "/_inference/text_embedding/s", "/_inference/rerank/g"]
)
def test_names_of_jinas_hosts(path):
    """Endpoints may be called like the paths of the reader, search and grounding."""
    response = ask(Engine(), "POST", path, {"input": ["a"], "query": "b"}).response
    assert (response.status, "error" in json.loads(response.body)) == (404, True)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("ApiKey wrong", 401),
        ("Digest k", 401),
        ("ApiKey k", 200),
        ("Bearer k", 200),
        ("apikey k", 200),
        ("Basic ZWxhc3RpYzpr", 200),
        ("Basic ZWxhc3RpYzp3cm9uZw==", 401),
        ("Basic \u00e9", 401),
    ],
)
def test_keys(authorization, status):
    """The engine's keys open Elasticsearch's paths as ``ApiKey``, ``Bearer`` or the password of ``Basic``, and refusals are Elasticsearch's."""
    response = ask(Engine(api_keys=["k"]), "GET", "/", authorization=authorization).response
    assert response.status == status
    if status == 401:
        assert json.loads(response.body)["status"] == 401


def test_quotas():
    """Tokens and requests of inference count, with a 429 in Elasticsearch's shape."""
    engine = Engine(quota=Quota(tokens_per_minute=20, retry_after=True), clock=lambda: 0.0)
    assert ask(engine, "PUT", PATH, JINA).response.status == 200
    assert infer(engine).response.status == 200
    refused = infer(engine, "word " * 50).response
    assert (refused.status, json.loads(refused.body)["status"]) == (429, 429)
    assert refused.headers["retry-after"] == "60"


def test_faults():
    """Statuses come in Elasticsearch's shape, connections break, bodies are cut."""
    refused = ask(Engine(faults=Faults(rate=1, kinds=["status503"])), "GET", "/").response
    assert (refused.status, json.loads(refused.body)["status"]) == (503, 503)
    assert ask(Engine(faults=Faults(rate=1, kinds=["reset"])), "GET", "/").cut == "reset"
    assert ask(Engine(faults=Faults(rate=1, kinds=["latency"], latency=2)), "GET", "/").delay == 2
    with pytest.raises(ValueError, match=r"."):
        json.loads(ask(Engine(faults=Faults(rate=1, kinds=["badjson"])), "GET", "/").response.body)


def test_a_service_behind_an_endpoint_fails():
    """``upstream503`` is what Elasticsearch makes of it, a 400 that names the endpoint and the status; Jina's own is a 503."""
    engine = Engine(faults=Faults(rate=1, kinds=["upstream503"]))
    refused = infer(engine).response
    error = json.loads(refused.body)["error"]
    assert (refused.status, error["type"]) == (400, "status_exception")
    assert error["reason"].startswith("Received a server error status code for request from inference entity")
    assert "[mine] status [503]" in error["reason"]
    assert ask(engine, "POST", "/v1/embeddings", {"input": ["a"]}).response.status == 503
