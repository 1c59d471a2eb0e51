"""A service that sends its callers elsewhere: nobody follows, and no key goes along."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from ragbridge import Jina, ResponseError, Retry

KEY = "jina_" + "s3cret" * 9


class Elsewhere(BaseHTTPRequestHandler):
    """Answers everything with a redirect to the server's ``target``; keeps what came."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.server.seen.append((self.path, dict(self.headers), self.rfile.read(length)))
        self.send_response(self.server.status)
        self.send_header("location", self.server.target + self.path)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def servers() -> Iterator[tuple[ThreadingHTTPServer, ThreadingHTTPServer]]:
    """One that redirects to the other, on another port, which is another host to a key."""
    made = [ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in made]
    for server, thread in zip(made, threads, strict=True):
        server.seen, server.status, server.target = [], 302, f"http://127.0.0.1:{made[1].server_port}"
        thread.start()
    yield made[0], made[1]
    for server, thread in zip(made, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(params=["httpx", "fast", "own client"])
def make(request, monkeypatch):
    """Clients over each library, and over one of the caller's own that follows redirects by itself."""
    if request.param == "fast":
        pytest.importorskip("aiohttp")
        pytest.importorskip("urllib3")
    else:
        monkeypatch.setitem(sys.modules, "ragbridge._fast_transport", None)

    def build(url: str, **clients: object) -> Jina:
        return Jina(KEY, base_url=url, limits=None, retry=Retry(attempts=1), **clients)

    if request.param == "own client":
        with httpx.Client(follow_redirects=True) as client:
            yield lambda url: build(
                url, http_client=client, async_http_client=httpx.AsyncClient(follow_redirects=True)
            )
    else:
        yield build


CALLS = {
    "embed": lambda jina: jina.embed(["a text"]),
    "rerank": lambda jina: jina.rerank("query", ["a text"]),
    "segment": lambda jina: jina.segment("a text"),
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", CALLS)
def test_no_redirect_is_followed(servers, make, status, call):
    """The error names the host that the service points to; that host hears nothing."""
    here, there = servers
    here.status = status
    refused = pytest.raises(ResponseError, match=rf"redirects to 127\.0\.0\.1:{there.server_port}")
    with make(f"http://127.0.0.1:{here.server_port}") as jina, refused as error:
        CALLS[call](jina)
    assert len(here.seen) == 1
    assert there.seen == []
    assert KEY not in str(error.value)


def test_nor_on_an_event_loop(servers, make):
    """The asynchronous side keeps the same rule."""
    here, there = servers

    async def ask() -> None:
        async with make(f"http://127.0.0.1:{here.server_port}") as jina:
            with pytest.raises(ResponseError, match="redirects"):
                await jina.aembed(["a text"])
            own = getattr(jina._transport, "_given_async", None)
            if own is not None:
                await own.aclose()

    asyncio.run(ask())
    assert there.seen == []
