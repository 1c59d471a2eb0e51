"""Ways to ask the embedded engine what Elasticsearch would be asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ragbridge.flow import Request
from ragbridge.local import Engine


@pytest.fixture
def ask() -> Callable[..., tuple[int, Any]]:
    """``ask("PUT", "/_inference/...", body)``: status and body of an engine that starts with each test."""
    engine = Engine()

    def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = engine.handle(Request(method, f"http://localhost:9200{path}", {}, content)).response
        assert response.headers["x-elastic-product"] == "Elasticsearch"
        return response.status, json.loads(response.body)

    return call


@pytest.fixture
def refused(ask: Callable[..., tuple[int, Any]]) -> Callable[..., tuple[int, str, str]]:
    """Status, kind and reason of an error, whose shape is checked."""

    def call(method: str, path: str, body: Any = None) -> tuple[int, str, str]:
        status, answer = ask(method, path, body)
        error = answer["error"]
        assert answer["status"] == status
        assert error["root_cause"] == [{"type": error["type"], "reason": error["reason"]}]
        return status, error["type"], error["reason"]

    return call
