"""The server over real sockets: HTTP itself, keys, quotas, and the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from ragbridge import ConfigurationError
from ragbridge.flow import Request
from ragbridge.local import Engine, Faults, Quota
from ragbridge.server import running

EMBED = {"model": "jina-embeddings-v3", "input": ["one", "two"]}


@pytest.fixture(scope="module")
def url():
    with running(Engine(api_keys=["jina_right"])) as address:
        yield address


@pytest.fixture
def client(url):
    with httpx.Client(base_url=url, headers={"Authorization": "Bearer jina_right"}) as client:
        yield client


def raw(url, content):
    """Everything that comes back for these bytes until the server closes."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(content)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {**EMBED, "embedding_type": "base64"}),
        ("/proxy/v1/embeddings", EMBED),
        ("/v1/rerank", {"model": "jina-reranker-v3", "query": "one", "documents": ["one", "two"]}),
    ],
)
def test_the_engines_answers(client, path, body):
    """Over HTTP comes what the engine answers, byte for byte."""
    response = client.post(path, json=body)
    direct = Engine().handle(Request("POST", path, {}, json.dumps(body).encode())).response
    assert (response.status_code, response.content) == (200, direct.body)
    assert response.headers["content-type"] == "application/json"


def test_a_client_that_hangs_up_half_way_is_no_error(caplog):
    """Clients give requests up; nobody is left to be answered, and nothing to be logged."""
    with running(Engine()) as address:
        host, _, port = address.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(
                b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
            )
        assert httpx.post(f"{address}/v1/embeddings", json=EMBED).status_code == 200
    assert not [record for record in caplog.records if record.exc_info]


def test_keep_alive(url):
    """One connection serves many requests, refused ones among them."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        stream = connection.makefile("rb")
        for path, status in (
            ("/health", 200),
            ("/none/such", 404),
            ("/v1/embeddings", 405),
            ("/health", 200),
        ):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert stream.readline().split()[1] == str(status).encode()
            headers = dict(
                line.lower().split(b": ", 1) for line in iter(lambda: stream.readline().strip(), b"")
            )
            assert json.loads(stream.read(int(headers[b"content-length"])))
        stream.close()


def test_head(client):
    """HEAD has the headers of GET and no body."""
    head, get = client.head("/v1/models"), client.get("/v1/models")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.content))


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/none", "//v1/embeddingsx", "/%ff%00", "/v1/models/%2e%2e"])
def test_unknown_routes(client, path):
    """An unknown route is 404 in the service's shape."""
    response = client.post(path, json=EMBED) if "models" not in path else client.get(path)
    assert response.status_code == 404
    assert response.json()["code"] == "RESOURCE_NOT_FOUND"


def test_wrong_method(client):
    """A wrong method is 405 and names the right one."""
    response = client.get("/v1/rerank")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("key", [None, "Bearer wrong", "jina_right"])
def test_a_key_is_demanded(url, key):
    """Without the right key there is no answer."""
    headers = {} if key is None else {"Authorization": key}
    response = httpx.post(f"{url}/v1/embeddings", json=EMBED, headers=headers)
    assert response.status_code == 401
    assert response.json()["code"].startswith("AUTH_")


def test_no_json(client):
    """A body that is no JSON is a validation error, not a crash."""
    response = client.post("/v1/embeddings", content=b"\xff\x00{")
    assert response.status_code == 422


def test_chunked_body(client):
    """A body of unknown length is read to its end."""
    content = json.dumps(EMBED).encode()
    response = client.post("/v1/embeddings", content=iter([content[:10], content[10:]]))
    assert response.status_code == 200


@pytest.mark.parametrize("declared", [True, False])
def test_too_large_a_body(declared):
    """A body beyond the bound is refused with 413 whether or not its length is declared, and the server goes on."""
    content = b"x" * 3_000_000
    with running(Engine(), max_body=1_000_000) as url, httpx.Client(base_url=url) as client:
        response = client.post("/v1/embeddings", content=content if declared else iter([content]))
        assert response.status_code == 413
        assert "1000000" in response.json()["detail"]
        assert client.post("/v1/embeddings", json=EMBED).status_code == 200


def test_requests_at_once():
    """Requests are answered side by side: two that are held back do not keep a third from its answer."""
    late = Faults(rate=1, kinds=["latency"], latency=30)
    with running(Engine(faults=late)) as url, ThreadPoolExecutor(4) as pool:

        def ask(_):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{url}/v1/embeddings", json=EMBED, timeout=0.5)

        waiting = pool.map(ask, range(3))
        assert httpx.get(f"{url}/health").status_code == 200
        assert list(waiting) == [None] * 3


def test_concurrency_quota():
    """While one answer is held back a second request is too many."""
    held = Faults(rate=1, kinds=["latency"], latency=30)
    engine = Engine(quota=Quota(concurrency=1), faults=held)
    with running(engine) as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/v1/embeddings", json=EMBED, timeout=0.2)
        response = httpx.post(f"{url}/v1/embeddings", json=EMBED)
        assert (response.status_code, response.json()["code"]) == (429, "RATE_CONCURRENCY_LIMIT_EXCEEDED")


def test_retry_after_header():
    """A refusal's Retry-After reaches the client."""
    with running(Engine(quota=Quota(requests_per_minute=1, retry_after=True))) as url:
        assert httpx.post(f"{url}/v1/embeddings", json=EMBED).status_code == 200
        response = httpx.post(f"{url}/v1/embeddings", json=EMBED)
        assert response.status_code == 429
        assert 1 <= int(response.headers["retry-after"]) <= 60


def test_reset():
    """A reset is a TCP reset: no byte, no end of stream."""
    with running(Engine(faults=Faults(rate=1, kinds=["reset"]))) as url, pytest.raises(ConnectionResetError):
        raw(url, http(EMBED))


def test_close():
    """A closed connection ends without a byte."""
    with running(Engine(faults=Faults(rate=1, kinds=["close"]))) as url:
        assert raw(url, http(EMBED)) == b""


def test_truncate():
    """A truncated answer announces more than comes, and the connection ends."""
    with running(Engine(faults=Faults(rate=1, kinds=["truncate"]))) as url:
        head, _, body = raw(url, http(EMBED)).partition(b"\r\n\r\n")
        announced = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        assert head.startswith(b"HTTP/1.1 200")
        assert len(body) == int(announced.split(b":")[1]) // 2 > 0


def test_hang():
    """A hanging request gets nothing and stays connected until the server ends, which it does."""
    with running(Engine(faults=Faults(rate=1, kinds=["hang"]))) as url:
        host, _, port = url.removeprefix("http://").rpartition(":")
        connection = socket.create_connection((host, int(port)), timeout=0.3)
        connection.sendall(http(EMBED))
        with pytest.raises(TimeoutError):
            connection.recv(1)
    with connection:
        connection.settimeout(10)
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", httpx.ReadError),
        ("close", httpx.RemoteProtocolError),
        ("hang", httpx.ReadTimeout),
        ("truncate", httpx.RemoteProtocolError),
    ],
)
def test_what_a_client_sees(kind, error):
    """httpx meets each broken connection as the error that a network gives it."""
    with running(Engine(faults=Faults(rate=1, kinds=[kind]))) as url, httpx.Client(base_url=url) as client:
        with pytest.raises(error):
            client.post("/v1/embeddings", json=EMBED, timeout=0.3)
        assert client.get("/health").status_code == 200


def test_faults_of_bodies():
    """Faults of status and body come as whole answers, drawn anew for each request."""
    kinds = ["status503", "html502", "error200", "badjson", "shuffle", "missing"]
    with (
        running(Engine(faults=Faults(rate=0.5, kinds=kinds), seed=3)) as url,
        httpx.Client(base_url=url) as client,
    ):
        answers = [client.post("/v1/embeddings", json=EMBED) for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200, 502, 503}


def test_port_in_use(url):
    """A port that is taken is a wrong setting."""
    port = int(url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=f"port={port}"), running(Engine(), port=port):
        pass


def test_ipv6():
    """An IPv6 address is listened at, and written with brackets."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with running(Engine(), host="::1") as url:
        assert url.startswith("http://[::1]:")
        assert httpx.get(f"{url}/health").status_code == 200


def test_nothing_is_left():
    """After the block the port is free and no thread of the server runs."""
    before = set(threading.enumerate())
    with running(Engine()) as url:
        assert httpx.post(f"{url}/v1/embeddings", json=EMBED).status_code == 200
        serving = set(threading.enumerate()) - before
        assert "ragbridge-server" in {thread.name for thread in serving}
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")
    assert "ragbridge-server" not in {thread.name for thread in serving if thread.is_alive()}


SERVE = """
from ragbridge.local import Engine, Faults
from ragbridge.server import serve
serve(Engine(api_keys=["jina_right"]), port=0, on_started=lambda url: print(url, flush=True))
print("returned", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_on_signals(number):
    """``serve`` says where it listens, ends on SIGTERM and ctrl-C by returning, and writes neither keys nor texts."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url, headers={"Authorization": "Bearer jina_right"}) as client:
            assert client.post("/v1/embeddings", json=EMBED).status_code == 200
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (out, err, process.returncode) == ("returned\n", "", 0)


def http(body):
    content = json.dumps(body).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content
