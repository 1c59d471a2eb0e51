"""What several tests of the core need."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import make_descriptions
import numpy as np
import pytest
from beside import SHARED
from judge import Judge

from ragbridge.flow import Request, Response


class VirtualClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def wait(self, event: threading.Event, seconds: float) -> None:
        if not event.is_set():
            self._pass(seconds)

    async def wait_async(self, event: asyncio.Event, seconds: float) -> None:
        if not event.is_set():
            self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        assert seconds < float("inf"), "nothing would ever end this wait"
        self.slept.append(seconds)
        self.time += seconds


class ScriptedTransport:
    """Answers requests by a script: each outcome is used once, then ``default`` answers."""

    def __init__(self, outcomes: Iterable[object], default: Callable[[Request], Response]) -> None:
        self._outcomes = iter(outcomes)
        self._default = default
        self._lock = threading.Lock()
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        with self._lock:
            self.requests.append(request)
            outcome = next(self._outcomes, None)
        if outcome is None:
            return self._default(request)
        if isinstance(outcome, Exception):
            raise outcome
        if callable(outcome):
            return outcome(request)
        assert isinstance(outcome, Response)
        return outcome

    async def send_async(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return self.send(request)

    def close(self) -> None:
        pass

    async def close_async(self) -> None:
        pass


def embed_answer(request: Request, *, width: int = 8) -> Response:
    """Vectors that tell which text they belong to: component 0 is the number in the text."""
    body = json.loads(request.body)
    rows = []
    for index, text in enumerate(body["input"]):
        vector = np.zeros(width, "<f4")
        vector[0] = float(text.split()[0]) if text.split() and text.split()[0].isdigit() else len(text)
        rows.append({"object": "embedding", "index": index, "embedding": _base64(vector)})
    tokens = sum(len(text) for text in body["input"])
    answer = {"model": body["model"], "object": "list", "usage": {"total_tokens": tokens}, "data": rows}
    return Response(200, {}, json.dumps(answer).encode())


def _base64(vector: Any) -> str:
    return base64.b64encode(vector.tobytes()).decode()


@pytest.fixture(scope="session")
def make_clock() -> type[VirtualClock]:
    """Makes clocks on which waiting takes no time."""
    return VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    """A clock on which waiting takes no time."""
    return VirtualClock()


@pytest.fixture(scope="session")
def scripted() -> Callable[..., ScriptedTransport]:
    """Makes a transport that answers by a script, then with vectors that carry their text's number."""

    def make(*outcomes: object, width: int = 8) -> ScriptedTransport:
        return ScriptedTransport(outcomes, lambda request: embed_answer(request, width=width))

    return make


@pytest.fixture(scope="session")
def right_answer() -> Callable[[Request], Response]:
    """Answers a request for vectors as it should be."""
    return embed_answer


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees a key of the machine that it runs on."""
    for name in ("JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", params=["kept", pytest.param("whole", marks=pytest.mark.shared)])
def judge(request: pytest.FixtureRequest) -> Judge:
    """Elasticsearch's API descriptions: what the repository keeps of them; in the ring ``shared``, the whole."""
    if request.param == "kept":
        return Judge(json.loads(make_descriptions.FILE.read_text(encoding="ascii")))
    if not (SHARED / "specs").exists():
        pytest.skip("no API descriptions beside the repository")
    return Judge(make_descriptions.facts(SHARED / "specs", whole=True))
