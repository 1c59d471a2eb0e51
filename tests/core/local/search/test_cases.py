"""The embedded engine answers every case as Elasticsearch does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import services
from cases import CASES, LIMITS
from judging import Case, Send, run

from ragbridge import server
from ragbridge.flow import Request
from ragbridge.local import Engine

LEAST = 340
"""Cases at least, so that none is lost unnoticed."""
OVER_SOCKETS = CASES[::40]


def content(body: Any) -> bytes:
    return b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()


def in_process(engine: Engine) -> Send:
    def send(method: str, path: str, body: Any) -> tuple[int, Any]:
        response = engine.handle(Request(method, f"http://localhost:9200{path}", {}, content(body))).response
        return response.status, json.loads(response.body) if response.body else None

    return send


def over_http(url: str) -> Send:
    def send(method: str, path: str, body: Any) -> tuple[int, Any]:
        headers = {"content-type": "application/x-ndjson" if isinstance(body, str) else "application/json"}
        request = urllib.request.Request(url + path, content(body) or None, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        return status, json.loads(text) if text else None

    return send


def named(case: Case) -> str:
    return case.promise


@pytest.fixture(scope="module", autouse=True)
def _offered() -> Iterator[None]:
    with services.offered():
        yield


@pytest.fixture(scope="module")
def served() -> Iterator[Callable[[], str]]:
    """Starts a server with an engine of its own, and gives its address."""
    with server.running(Engine()) as url:
        yield lambda: url


def test_the_list_is_whole() -> None:
    """There are as many cases as there were, and each has a promise of its own and a source."""
    assert len(CASES) >= LEAST
    promises = [case.promise for case in CASES]
    assert len(set(promises)) == len(promises)
    assert all(case.source for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_in_process(case: Case) -> None:
    """Status, hits, order, scores, highlights and sentences are Elasticsearch's."""
    run(case, in_process(Engine()))


@pytest.mark.parametrize("case", OVER_SOCKETS, ids=named)
def test_over_sockets(case: Case, served: Callable[[], str]) -> None:
    """The server answers what the engine answers in process."""
    send = over_http(served())
    run(case, send)
    for path in case.names():
        send("DELETE", path, None)


@pytest.mark.parametrize("case", LIMITS, ids=named)
def test_limits(case: Case) -> None:
    """What a stand-in does not offer it refuses in a sentence, and never answers in part."""
    run(case, in_process(Engine()))
