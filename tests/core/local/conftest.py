"""Ways to ask the embedded engine."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from ragbridge.flow import Request
from ragbridge.local import Answer, Engine

Ask = Callable[..., Answer]


def ask_engine(
    engine: Engine,
    path: str,
    body: Any = None,
    *,
    method: str = "POST",
    key: str | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    sent = {**(headers or {}), **({} if key is None else {"Authorization": f"Bearer {key}"})}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return engine.handle(Request(method, f"https://api.jina.ai{path}", sent, content))


@pytest.fixture
def ask() -> Ask:
    """``ask(engine, path, body)``: the engine's whole answer."""
    return ask_engine


@pytest.fixture
def png() -> Callable[..., bytes]:
    """``png(width, height)``: the beginning of a picture of that size; ``mark`` makes it another one."""

    def make(width: int, height: int, mark: bytes = b"") -> bytes:
        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"tEXt", mark)

    return make


@pytest.fixture
def embed() -> Callable[..., dict[str, Any]]:
    """``embed(texts, **fields)``: the body of an answer to /v1/embeddings."""
    engine = Engine()

    def call(texts: Any, /, **fields: Any) -> dict[str, Any]:
        body = {"model": "jina-embeddings-v3", "input": texts, **fields}
        response = ask_engine(engine, "/v1/embeddings", body).response
        return {"status": response.status, **json.loads(response.body)}

    return call


@pytest.fixture
def rerank() -> Callable[..., dict[str, Any]]:
    """``rerank(query, documents, **fields)``: the body of an answer to /v1/rerank."""
    engine = Engine()

    def call(query: Any, documents: Any, **fields: Any) -> dict[str, Any]:
        body = {"model": "jina-reranker-v3", "query": query, "documents": documents, **fields}
        response = ask_engine(engine, "/v1/rerank", body).response
        return {"status": response.status, **json.loads(response.body)}

    return call
