"""The server towards clients that it does not know: slow, many, without a key, or sent by a web page."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.local import Engine
from ragbridge.models import MAX_ITEMS
from ragbridge.server import Bounds, running

EMBED = {"model": "jina-embeddings-v3", "input": ["one", "two"]}
HEAD = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\n"
QUICK = Bounds(head_seconds=0.3, body_seconds=0.3, answer_seconds=0.3)


def connect(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


@contextlib.contextmanager
def half_open(url: str, count: int) -> Iterator[list[socket.socket]]:
    """So many connections on which half a request was sent."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            opened.append(stack.enter_context(connect(url)))
            opened[-1].sendall(HEAD)
        yield opened


def received(connection: socket.socket) -> bytes:
    """What comes until the server ends the connection; a server that does not is an error."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "sent",
    [HEAD, HEAD + b"Content-Length: 100\r\n\r\n{", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"],
    ids=["head", "body", "chunked"],
)
def test_half_a_request_is_given_up(sent: bytes) -> None:
    """A request that does not come to its end in time is answered with 408 and its connection closed."""
    with running(Engine(), bounds=QUICK) as url, connect(url) as connection:
        connection.sendall(sent)
        assert received(connection).startswith(b"HTTP/1.1 408 ")


def test_a_trickle_is_no_progress() -> None:
    """The time is for the whole of the headers: a byte now and then does not prolong it."""
    with running(Engine(), bounds=QUICK) as url, connect(url) as connection:
        connection.settimeout(0.05)
        answer = b""
        for _ in range(200):
            with contextlib.suppress(OSError):
                connection.sendall(b"G" if not answer else b"")
            try:
                part = connection.recv(65536)
            except TimeoutError:
                continue
            except ConnectionResetError:
                break
            if not part:
                break
            answer += part
        else:
            pytest.fail("the connection is still open after 10 s")
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_connection_on_which_nothing_comes_is_closed() -> None:
    """Whoever connects and says nothing is shown out, without an answer to a request that was not made."""
    with running(Engine(), bounds=QUICK) as url, connect(url) as connection:
        assert received(connection) == b""


def test_half_open_requests_do_not_keep_others_out() -> None:
    """Beyond the bound a new connection takes the place of the oldest one that waits; there are never more."""
    with running(Engine(), bounds=Bounds(connections=10)) as url, half_open(url, 60) as opened:
        for _ in range(3):
            assert httpx.post(f"{url}/v1/embeddings", json=EMBED).status_code == 200
        ended = 0
        for connection in opened:
            connection.settimeout(0.01)
            with contextlib.suppress(TimeoutError):
                assert received(connection) == b""
                ended += 1
        assert ended >= 50


def test_an_answer_that_nobody_reads_is_given_up() -> None:
    """A client that asks and does not read the answer loses its connection."""
    texts = [f"{number} " * 50 for number in range(MAX_ITEMS)]
    body = json.dumps({"model": "jina-embeddings-v3", "input": texts}).encode()
    with running(Engine(), bounds=QUICK) as url:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        with connection:
            host, _, port = url.removeprefix("http://").rpartition(":")
            connection.connect((host, int(port)))
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            watched = select.poll()
            watched.register(connection, 0)  # errors and the end alone: nothing is read
            assert watched.poll(20_000)


def test_half_a_body_is_no_error_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """A server that ends while a body is still to come ends in silence, and closes the connection."""
    with contextlib.ExitStack() as stack:
        with running(Engine()) as url:
            connection = stack.enter_context(connect(url))
            connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
            assert httpx.get(f"{url}/health").status_code == 200
        assert received(connection) == b""
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("path", ["/v1/embeddings", "/s", "/_inference/text_embedding/x", "/none"])
def test_the_key_is_checked_before_the_body(path: str) -> None:
    """Whoever has no key, or asks for what is not there, is refused by the headers alone."""
    with running(Engine(api_keys=["sesame"])) as url, connect(url) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n".encode()
        )
        status = connection.recv(65536).split()[1]
        assert status == (b"404" if path == "/none" else b"401")


def test_a_refused_connection_serves_the_next_request() -> None:
    """The rest of a refused request is thrown away, and its connection goes on."""
    with (
        running(Engine(api_keys=["sesame"]), max_body=1_000_000) as url,
        httpx.Client(base_url=url) as client,
    ):
        for key, size, status in (("wrong", 900_000, 401), ("sesame", 3_000_000, 413), ("sesame", 20, 422)):
            answer = client.post(
                "/v1/embeddings", content=b"x" * size, headers={"Authorization": f"Bearer {key}"}
            )
            assert answer.status_code == status
            assert len(client._transport._pool.connections) == 1  # type: ignore[attr-defined]


def test_an_announced_length_is_enough_to_refuse_a_body() -> None:
    """A body that announces too many bytes is refused before any of them comes."""
    with running(Engine(), max_body=1000) as url, connect(url) as connection:
        connection.sendall(HEAD + b"Content-Length: 1001\r\n\r\n")
        assert connection.recv(65536).split()[1] == b"413"


def test_bodies_together_are_bounded() -> None:
    """While the bodies under way fill the room for them, another one is refused for the moment; then there is room again."""
    bounds = Bounds(held_bytes=1000)
    with running(Engine(), bounds=bounds) as url, connect(url) as other:
        other.sendall(HEAD + b"Content-Length: 2000\r\n\r\n" + b"x" * 900)
        with httpx.Client(base_url=url) as client:
            refused = client.post("/v1/embeddings", json={**EMBED, "input": ["a" * 500]})
            while refused.status_code != 503:  # the other body may come later
                refused = client.post("/v1/embeddings", json={**EMBED, "input": ["a" * 500]})
            assert refused.headers["retry-after"] == "1"
            other.close()
            answer = refused
            while answer.status_code == 503:
                answer = client.post("/v1/embeddings", json={**EMBED, "input": ["a" * 500]})
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("app.localhost:80", 200),
        ("[::1]:8000", 200),
        ("rebound.example", 421),
        ("127.0.0.1.rebound.example", 421),
        ("localhost.rebound.example", 421),
        ("10.0.0.1", 421),
        ("localhost@rebound.example", 421),
        ("", 421),
    ],
)
def test_a_server_on_loopback_answers_for_loopback_alone(host: str, status: int) -> None:
    """A web page that makes its own name resolve to 127.0.0.1 gets no answer, and learns nothing."""
    with running(Engine()) as url:
        answer = httpx.get(f"{url}/v1/models", headers={"Host": host})
        assert answer.status_code == status
        assert ("jina-embeddings" in answer.text) == (status == 200)
        assert status == 200 or "--allow-host" in answer.text


@pytest.mark.parametrize(
    ("hosts", "allowed"),
    [
        (["engine.internal"], {"engine.internal", "Engine.Internal:8000", "localhost"}),
        (["*"], {"anything.example"}),
    ],
)
def test_hosts_can_be_named(hosts: list[str], allowed: set[str]) -> None:
    """A name that was given is answered for, whatever the port."""
    with running(Engine(), hosts=hosts) as url:
        for host in allowed:
            assert httpx.get(f"{url}/health", headers={"Host": host}).status_code == 200
        other = httpx.get(f"{url}/health", headers={"Host": "other.example"})
        assert other.status_code == (200 if hosts == ["*"] else 421)


def test_a_server_for_others_answers_for_any_host() -> None:
    """Where it listens at more than loopback, names are the network's business unless some are given."""
    with running(Engine(), host="0.0.0.0") as url:
        address = url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{address}/health", headers={"Host": "engine.internal"}).status_code == 200


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"hosts": "localhost"}, "list of names"),
        ({"hosts": ["http://localhost"]}, "'http://localhost'"),
        ({"hosts": ["engine:8000"]}, "without port"),
    ],
)
def test_wrong_hosts_are_refused(settings: dict[str, Any], says: str) -> None:
    """What is no name of a host is a wrong setting."""
    with pytest.raises(ConfigurationError, match=says), running(Engine(), **settings):
        pass


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "10"])
def test_wrong_bounds_are_refused(value: Any) -> None:
    """A bound must be a number above 0."""
    with pytest.raises(ConfigurationError, match="body_seconds"):
        Bounds(body_seconds=value)


def test_many_connections_at_work_are_all_answered() -> None:
    """The bound on connections does not hurt clients that ask and read."""
    with running(Engine(), bounds=Bounds(connections=20)) as url, ThreadPoolExecutor(8) as pool:

        def ask(_: int) -> int:
            with Jina(base_url=url, host="jina", limits=None) as jina:
                return len(jina.embed(["one", "two", "three"]))

        assert list(pool.map(ask, range(24))) == [3] * 24
