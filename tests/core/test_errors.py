"""What errors show: enough to act on, however much a server or a caller puts into them."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from ragbridge import (
    ConfigurationError,
    Elastic,
    InvalidRequestError,
    Jina,
    JobError,
    RagbridgeError,
    RequestError,
    ResponseError,
    Retry,
    ServiceError,
    StatusError,
)
from ragbridge.errors import LONGEST
from ragbridge.flow import Response
from ragbridge.testing import ScriptedTransport

MEGABYTE = "so it begins " + "x" * 1_000_000 + " so it ends"
MAKE: list[Callable[[str], RagbridgeError]] = [
    ConfigurationError,
    RequestError,
    ResponseError,
    lambda text: InvalidRequestError(text, status=400, code=text, request_id=text),
    lambda text: JobError(text, job="j", status="failed"),
]


@pytest.mark.parametrize("make", MAKE)
def test_a_long_message_is_cut(make: Callable[[str], RagbridgeError]) -> None:
    """Beginning and end stay, in ``str``, ``repr``, after pickling, and where a copy gets a longer message."""
    error = make(MEGABYTE)
    for one in (error, pickle.loads(pickle.dumps(error))):
        assert len(str(one)) < LONGEST + 500
        assert len(repr(one)) < LONGEST + 500
        assert "so it begins" in str(one)
        assert "so it ends" in str(one)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    if isinstance(error, StatusError):
        assert len(error.replace(message=f"texts[3]: {error.message}").message) <= LONGEST


def test_a_message_of_any_usual_length_is_whole() -> None:
    """Only what nobody reads is cut."""
    text = "x" * LONGEST
    assert str(ResponseError(text)) == text


def ask(transport: ScriptedTransport, service: str) -> Any:
    settings: dict[str, Any] = {"transport": transport, "limits": None, "retry": Retry(attempts=2, initial=0)}
    if service == "jina":
        return Jina("key-of-this-test", base_url="http://x", **settings).embed(["a"])
    return Elastic("http://x", **settings).embed(["a"], inference_id="m")


@pytest.mark.parametrize("service", ["jina", "elastic"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"detail": MEGABYTE}),
        (503, {"error": {"type": MEGABYTE, "reason": MEGABYTE}, "status": 503}),
        (503, {"error": {"code": MEGABYTE, "message": MEGABYTE}, "request_id": MEGABYTE}),
        (502, MEGABYTE),
        (200, {MEGABYTE: 1}),
        (200, {"data": [{"index": MEGABYTE}], "text_embedding": [{"embedding": [MEGABYTE]}]}),
    ],
)
def test_what_a_server_says_at_length_is_cut(
    service: str, status: int, body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """In the error, its representation, its body and the log."""
    caplog.set_level(logging.DEBUG)
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    headers = {"x-elastic-product": "Elasticsearch", "x-request-id": "r" * 100_000}
    transport = ScriptedTransport(*[Response(status, headers, content)] * 2)
    with pytest.raises((InvalidRequestError, ServiceError, ResponseError)) as raised:
        ask(transport, service)
    shown = [str(raised.value), repr(raised.value), getattr(raised.value, "body", "")]
    shown += [record.getMessage() for record in caplog.records]
    assert max(map(len, shown)) < 2 * LONGEST
