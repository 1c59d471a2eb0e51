"""Asking an engine what Elasticsearch would be asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ragbridge.flow import Request
from ragbridge.local import Engine

E5 = ".multilingual-e5-small-elasticsearch"
"""An endpoint that every engine has: dense, 384 wide."""


def asking(engine: Engine) -> Callable[..., tuple[int, Any]]:
    """``ask("PUT", "/index", body)`` of an engine: status and body. A list is a body of lines."""

    def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        if isinstance(body, list):
            content = "".join(json.dumps(row) + "\n" for row in body).encode()
        elif isinstance(body, str | bytes):
            content = body if isinstance(body, bytes) else body.encode()
        else:
            content = b"" if body is None else json.dumps(body).encode()
        response = engine.handle(Request(method, f"http://localhost:9200{path}", {}, content)).response
        return response.status, json.loads(response.body)

    return ask
