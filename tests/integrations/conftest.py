"""What tests of several adapters need."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ragbridge import Elastic, Jina
from ragbridge.flow import Request, Response
from ragbridge.local import Answer, Engine
from ragbridge.server import running


class Wire(Engine):
    """The embedded engine behind a real socket, which remembers what came in."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.url = ""
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.hold = 0.0
        """Seconds that each request is kept waiting, so that others can overtake it."""
        self.most = 0
        """Requests that were open at once, at most."""
        self._open = 0
        self._count = threading.Lock()

    def refused(self, request: Request) -> Response | None:
        """What is refused by its headers is asked for with a key as well."""
        refusal = super().refused(request)
        if refusal is not None and request.method != "GET":
            self.keys.append(request.headers.get("authorization"))
        return refusal

    def handle(self, request: Request) -> Answer:
        if request.method == "GET" and request.url.endswith("/v1/models"):
            return super().handle(request)  # what kind of host it is: asked once, and remembered by no test
        with self._count:
            self.bodies.append(json.loads(request.body or b"null"))
            self.keys.append(request.headers.get("authorization"))
            self._open += 1
            self.most = max(self.most, self._open)
        try:
            time.sleep(self.hold)
            return super().handle(request)
        finally:
            with self._count:
                self._open -= 1


@pytest.fixture
def serve() -> Iterator[Callable[..., Wire]]:
    """Starts a ``Wire`` with the settings of an ``Engine``; its ``url`` is the base address."""
    with contextlib.ExitStack() as stack:

        def start(**settings: Any) -> Wire:
            wire = Wire(**settings)
            wire.url = stack.enter_context(running(wire))
            return wire

        yield start


@pytest.fixture
def wire(serve: Callable[..., Wire]) -> Wire:
    """A service that works."""
    return serve()


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees a key or a cluster of the machine that it runs on."""
    for name in (*Jina.KEY_VARIABLES, *Elastic.KEY_VARIABLES, "ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def events() -> Iterator[list[Any]]:
    """Every event of LlamaIndex's instrumentation, as they come."""
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler

    class Events(BaseEventHandler):
        seen: list[Any] = []  # noqa: RUF012 - a pydantic field

        def handle(self, event: Any, **kwargs: Any) -> None:
            self.seen.append(event)

    handler, root = Events(seen=[]), get_dispatcher()
    root.add_event_handler(handler)
    yield handler.seen
    root.event_handlers.remove(handler)
