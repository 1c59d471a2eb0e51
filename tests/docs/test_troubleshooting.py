"""The page on troubleshooting quotes messages as they are."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from ragbridge import Image, Jina, RagbridgeError, RateLimit, Response, Retry, corpus
from ragbridge.elastic import Elastic
from ragbridge.testing import ScriptedTransport

PAGE = (Path(__file__).parents[2] / "docs/troubleshooting.md").read_text(encoding="utf-8")
QUOTED = [cell for cell in re.findall(r"^\| `(.*?)` \|", PAGE, re.MULTILINE) if "pip install" not in cell]
LOCAL = Jina(base_url="local")
SMALL = RateLimit(requests_per_minute=10, tokens_per_minute=100)


def served(status, body, **options):
    """Asks a service that answers so."""
    transport = ScriptedTransport(default=lambda request: Response(status, {}, body))
    client = Jina("a-key", transport=transport, retry=Retry(attempts=1), limits=None, **options)
    return lambda folder: client.embed(["a", "b"], dimensions=64)


def unreached(folder):
    """Asks where nobody listens."""
    Jina("a-key", base_url="http://127.0.0.1:9", host="vllm", retry=Retry(attempts=1)).embed(["a"])


def two_jobs(folder):
    """Writes vectors of two widths into one folder."""
    (folder / "a.jsonl").write_text('{"text": "a"}\n')
    for dimensions in (64, 128):
        corpus.embed(folder / "a.jsonl", folder / "out.jsonl", client=LOCAL, dimensions=dimensions)


def another_column(folder):
    """Reads rows whose text is in another column."""
    (folder / "a.jsonl").write_text('{"body": "a"}\n')
    corpus.embed(folder / "a.jsonl", folder / "out.jsonl", client=LOCAL)


ROW = b'{"data": [{"index": %d, "embedding": [1, 2]}], "usage": {"total_tokens": 1}}'
TWO = b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": [1, 2]}], "usage": {"total_tokens": 1}}'
CASES = {
    "no key for": lambda folder: Jina(),
    "no address:": lambda folder: Elastic(),
    "base_url=": lambda folder: Jina("a-key", base_url="api.jina.ai"),
    "texts is one str": lambda folder: LOCAL.embed("a text"),
    "texts is one dict": lambda folder: LOCAL.embed({"a": 1}),
    "dimensions=": lambda folder: LOCAL.embed(["a"], dimensions=4_000),
    "model=": lambda folder: LOCAL.embed(["a"], model="jina-reranker-v3"),
    "texts[0] is Image": lambda folder: LOCAL.embed([Image(b"\x89PNG")]),
    "texts[0]: Image": lambda folder: LOCAL.embed([Image(folder / "no.png")], model="jina-clip-v2"),
    "late_chunking=True": lambda folder: LOCAL.embed_documents([["a"]], late_chunking=True),
    "a request of about": lambda folder: Jina(base_url="local", limits=SMALL).embed(["word " * 1_000]),
    "limits must be": lambda folder: Jina("a-key", limits="gold"),
    "cache=": lambda folder: Jina(base_url="local", cache=folder / "no" / "x.db").embed(["a"]),
    "... holds another job": two_jobs,
    "... has no column": another_column,
    "a client whose": lambda folder: pickle.dumps(Jina(lambda: "a-key")),
    "HTTP 401": served(401, b'{"detail": "Invalid API key"}'),
    "HTTP 402": served(402, b'{"detail": "Insufficient balance"}'),
    "HTTP 403": served(403, b'{"detail": {"code": "AUTHZ_INSUFFICIENT_BALANCE", "message": "empty"}}'),
    "HTTP 404:": served(404, b"not found", base_url="http://127.0.0.1:9", host="openai"),
    "HTTP 404 resource": lambda folder: Elastic("local").embed(["a"], inference_id="none"),
    "HTTP 422": served(422, b'{"detail": "too long"}'),
    "HTTP 429": served(429, b'{"detail": "Rate limit exceeded"}'),
    "HTTP 500": served(500, b"oops"),
    "... Connection refused": unreached,
    "'data' has": served(200, ROW % 0),
    "vectors have": served(200, TWO),
    "HTTP 200": served(200, b"<html>"),
}
OTHERWISE = ("...: the server's certificate", "ModuleNotFoundError", "waiting")
"""Told by tests of their own: certificates and waits; an import that fails is Python's to report."""


@pytest.mark.parametrize("message", [message for message in QUOTED if not message.startswith(OTHERWISE)])
def test_a_message_is_quoted_as_it_is(message, tmp_path, monkeypatch):
    """What is quoted is raised by the mistake beside it; dots stand for anything."""
    for name in (
        "JINA_API_KEY",
        "JINAAI_API_KEY",
        "JINA_AUTH_TOKEN",
        "ELASTICSEARCH_URL",
        "ELASTIC_CLOUD_ID",
    ):
        monkeypatch.delenv(name, raising=False)
    (case,) = (case for start, case in CASES.items() if message.startswith(start))
    with pytest.raises((RagbridgeError, TypeError)) as raised:
        case(tmp_path)
    pattern = ".*".join(re.escape(part) for part in message.split("..."))
    assert re.fullmatch(
        f"{pattern}.*" if not message.endswith("...") else pattern, str(raised.value), re.DOTALL
    )


def test_every_case_stands_on_the_page():
    """No mistake is tried whose message nobody reads."""
    assert [start for start in CASES if not any(message.startswith(start) for message in QUOTED)] == []
