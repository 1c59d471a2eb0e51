"""Ways to ask an engine that starts with each test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asking import asking

from ragbridge.local import Engine


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def ask(engine: Engine) -> Callable[..., tuple[int, Any]]:
    return asking(engine)


@pytest.fixture
def refused(ask: Callable[..., tuple[int, Any]]) -> Callable[..., tuple[int, str, str]]:
    """Status, kind and reason of an error; of its cause where it has one."""

    def call(method: str, path: str, body: Any = None) -> tuple[int, str, str]:
        status, answer = ask(method, path, body)
        error = answer["error"]
        assert answer["status"] == status
        return status, error["type"], error.get("caused_by", error)["reason"]

    return call
