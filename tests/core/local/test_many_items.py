"""How many items one request may hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ragbridge.flow import Request
from ragbridge.local import Engine
from ragbridge.local.items import MOST_ITEMS
from ragbridge.models import MAX_ITEMS

ELASTIC = "/_inference/text_embedding/.multilingual-e5-small-elasticsearch"

CASES = [
    ("/v1/embeddings", {"model": "jina-embeddings-v3"}, "input", MAX_ITEMS, 422),
    ("/v1/embeddings", {"model": "jina-embeddings-v4", "return_multivector": True}, "input", MAX_ITEMS, 422),
    ("/v1/multi-vector", {"model": "jina-colbert-v2"}, "input", MAX_ITEMS, 422),
    ("/v1/rerank", {"model": "jina-reranker-v3", "query": "one"}, "documents", MOST_ITEMS, 422),
    ("/v1/classify", {"model": "jina-embeddings-v3", "labels": ["a", "b"]}, "input", 512, 422),
    (ELASTIC, {}, "input", MOST_ITEMS, 400),
    ("/_inference/sparse_embedding/.elser-2-elasticsearch", {}, "input", MOST_ITEMS, 400),
    ("/_inference/rerank/.rerank-v1-elasticsearch", {"query": "one"}, "input", MOST_ITEMS, 400),
]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.mark.parametrize(
    ("path", "body", "field", "most", "status"),
    CASES,
    ids=[f"{path} {number}" for number, (path, *_) in enumerate(CASES)],
)
@pytest.mark.parametrize("item", ["a text", [], 0, {}], ids=["text", "list", "number", "object"])
def test_too_many_items_are_refused_unread(
    engine: Engine, path: str, body: dict[str, Any], field: str, most: int, status: int, item: object
) -> None:
    """One item too many is refused with the bound and the count, whatever the items are."""
    content = json.dumps({**body, field: [item] * (most + 1)}).encode()
    response = engine.handle(Request("POST", path, {}, content)).response
    assert response.status == status
    assert str(most) in response.body.decode()
    assert str(most + 1) in response.body.decode()
    assert len(response.body) < 1000


def test_problems_are_not_collected_beyond_what_is_reported(engine: Engine) -> None:
    """An answer names twenty problems, however many items are wrong."""
    body = {"model": "jina-reranker-v3", "query": "one", "documents": [0] * MOST_ITEMS}
    response = engine.handle(Request("POST", "/v1/rerank", {}, json.dumps(body).encode())).response
    assert len(json.loads(response.body)["errors"]) == 20


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/rerank", "/s", ELASTIC])
@pytest.mark.parametrize("nest", [b"[", b'{"a":'])
def test_deep_json_is_refused(engine: Engine, path: str, nest: bytes) -> None:
    """JSON that is nested a million times is no request."""
    response = engine.handle(Request("POST", path, {}, b'{"input":' + nest * 1_000_000)).response
    assert 400 <= response.status < 500
