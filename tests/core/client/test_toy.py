"""A service of other people's, added in four files (``toy/``): what it gets from the core, over real sockets.

CONTRIBUTING ("Add another service") refers to it.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from toy.client import Toy

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    Limiter,
    RateLimit,
    ResponseError,
)
from ragbridge.limiter.tokens import shared

Outcome = tuple[int, dict[str, Any]]
KEY = "secret-of-the-toy"


class ToyServer(ThreadingHTTPServer):
    """Answers as the service does; ``outcomes`` come first, one a request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.outcomes: list[Outcome] = []
        self.bodies: list[dict[str, Any]] = []
        self.under_way = self.most = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, body: dict[str, Any]) -> Outcome:
        if self.outcomes:
            return self.outcomes.pop(0)
        if path == "/vectors":
            rows = [{"index": i, "numbers": [float(text), 1.0]} for i, text in enumerate(body["sentences"])]
            return 200, {"rows": rows[::-1], "cost": 3 * len(rows)}
        order = [{"index": i, "fit": -float(text)} for i, text in enumerate(body["answers"])]
        return 200, {"order": order, "cost": 7}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ToyServer

    def do_POST(self) -> None:
        toy = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with toy.lock:
            toy.under_way += 1
            toy.most = max(toy.most, toy.under_way)
            toy.bodies.append(body)
            status, answer = toy.answer(self.path, body)
            if self.headers["authorization"] != f"Token {KEY}":
                status, answer = 401, {"problem": "who are you?"}
        content = json.dumps(answer).encode()
        time.sleep(0.005)  # so that requests which may overlap do
        with toy.lock:
            toy.under_way -= 1
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ToyServer]:
    with ToyServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


Ask = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, server: ToyServer) -> Ask:
    """Calls a method of a client, by either face."""

    def call(name: str, *args: Any, key: str = KEY, limits: Any = None, **options: Any) -> Any:
        if request.param == "sync":
            with Toy(key, base_url=server.url, limits=limits) as toy:
                return getattr(toy, name)(*args, **options)

        async def main() -> Any:
            async with Toy(key, base_url=server.url, limits=limits) as toy:
                return await getattr(toy, f"a{name}")(*args, **options)

        return asyncio.run(main())

    return call


def test_many_texts_go_in_requests_and_come_back_in_order(ask: Ask, server: ToyServer) -> None:
    """Cut by the service's own number, put together in one array, progress told, and the bill added up."""
    done: list[int] = []
    result = ask("embed", ["0", "1", "2", "3", "4"], progress=done.append)
    assert result.vectors.tolist() == [[0, 1], [1, 1], [2, 1], [3, 1], [4, 1]]
    assert result.vectors.dtype == np.float32
    assert sorted(done) == [1, 2, 2]
    assert (result.usage.tokens, result.usage.requests) == (15, 3)


def test_documents_come_back_best_first(ask: Ask) -> None:
    """By the score under the service's own name for it."""
    ranking = ask("rerank", "which?", ["3", "1", "2"])
    assert [(row.index, row.score) for row in ranking] == [(1, -1.0), (2, -2.0), (0, -3.0)]


def test_an_error_names_the_caller_s_item(ask: Ask, server: ToyServer) -> None:
    """The position in a request becomes the index in the caller's list."""
    server.outcomes = [(422, {"problem": "too dull", "position": 1})]
    with pytest.raises(InvalidRequestError, match=r"documents\[1\]: too dull") as caught:
        ask("rerank", "which?", ["3", "1", "2"])
    assert caught.value.index == 1


def test_an_item_of_a_later_request_is_named_by_its_place_in_the_whole_list(
    ask: Ask, server: ToyServer
) -> None:
    """The third text is ``texts[2]``, though it is the first of its request."""
    limits = RateLimit(None, None, 1)
    server.outcomes = [
        (200, {"rows": [{"index": i, "numbers": [0.0]} for i in (0, 1)], "cost": 1}),
        (422, {"problem": "too dull", "position": 0}),
    ]
    with pytest.raises(InvalidRequestError, match=r"texts\[2\]: too dull") as caught:
        ask("embed", ["0", "1", "2", "3"], limits=limits)
    assert caught.value.index == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"rows": [{"index": 0, "numbers": [1.0]}, {"index": 0, "numbers": [1.0]}]},
        {"rows": [{"index": 0, "numbers": [1.0]}]},
        {"rows": [{"index": 0, "numbers": [1.0]}, {"index": 1, "numbers": [1.0, 2.0]}]},
        {"rows": [{"index": 0, "numbers": [1.0]}, {"index": 1, "numbers": ["1"]}]},
        {"rows": [{"index": 0, "numbers": [1.0]}, {"index": 1, "numbers": [1e39]}]},
        {"cost": 3},
    ],
)
def test_a_wrong_answer_is_an_error_and_never_a_vector(
    ask: Ask, server: ToyServer, answer: dict[str, Any]
) -> None:
    """What stays wrong in every attempt ends as a ``ResponseError``."""
    server.outcomes = [(200, answer)] * 5
    with pytest.raises(ResponseError):
        ask("embed", ["0", "1"])


def test_what_fails_for_now_is_sent_again(ask: Ask, server: ToyServer) -> None:
    """A busy service and a broken answer cost a further request each, and nothing else."""
    server.outcomes = [(503, {}), (200, {"rows": []})]
    assert ask("embed", ["7"]).vectors.tolist() == [[7, 1]]
    assert len(server.bodies) == 3


def test_a_limiter_bounds_what_is_under_way_and_learns_what_texts_cost(ask: Ask, server: ToyServer) -> None:
    """Requests go one at a time where one may; what they were billed improves the estimates of this address."""
    limiter = Limiter(RateLimit(6_000, 1_000_000, 1))
    assert not shared("toy-1", address=server.url).calibrated
    ask("embed", [str(number) for number in range(8)], limits=limiter)
    assert server.most == 1
    assert len(server.bodies) > 1
    assert shared("toy-1", address=server.url).calibrated
    assert not limiter.idle


def test_a_refusal_of_the_key_is_no_matter_of_an_item(ask: Ask) -> None:
    """It has its own class, and names no text."""
    with pytest.raises(AuthenticationError, match="HTTP 401: who are you"):
        ask("embed", ["0"], key="another")


def test_what_is_no_list_of_texts_is_refused_before_anything_is_sent(ask: Ask, server: ToyServer) -> None:
    """Arguments are checked as those of any service."""
    with pytest.raises(ConfigurationError, match="texts is one str"):
        ask("embed", "0")
    assert not server.bodies
