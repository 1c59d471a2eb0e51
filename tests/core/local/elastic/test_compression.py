"""Compressed bodies are read as Elasticsearch reads them, and bound."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from ragbridge.flow import Request
from ragbridge.local import Engine
from ragbridge.local.elastic.compression import MOST_BYTES

BODY = json.dumps({"input": "some words"}).encode()
PATH = "/_inference/sparse_embedding/.elser-2-elasticsearch"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def ask(engine: Engine, body: bytes, coding: str) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    answer = engine.handle(Request("POST", f"http://localhost:9200{PATH}", headers, body)).response
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BODY)),
        ("GZIP", gzip.compress(BODY)),
        ("deflate", zlib.compress(BODY)),
        ("", BODY),
    ],
    ids=["gzip", "capitals", "deflate", "none"],
)
def test_it_is_read(engine: Engine, coding: str, body: bytes) -> None:
    """By the coding that its header names."""
    status, answer = ask(engine, body, coding)
    assert status == 200
    assert {"some", "words"} <= answer["sparse_embedding"][0]["embedding"].keys()


@pytest.mark.parametrize(
    "body",
    [BODY, gzip.compress(BODY)[:-6], gzip.compress(BODY) + b"more", zlib.compress(BODY)],
    ids=["plain", "cut", "longer", "another"],
)
def test_what_is_not_what_it_says_is_refused(engine: Engine, body: bytes) -> None:
    """In a sentence, and never read in part."""
    status, answer = ask(engine, body, "gzip")
    assert status == 400
    assert answer["error"]["reason"] == "request body is not compressed by gzip"


def test_a_small_body_cannot_become_a_huge_one(engine: Engine) -> None:
    """It is not decompressed beyond Elasticsearch's own bound."""
    status, answer = ask(engine, gzip.compress(bytes(MOST_BYTES + 1), 1), "gzip")
    assert status == 413
    assert str(MOST_BYTES) in answer["error"]["reason"]
