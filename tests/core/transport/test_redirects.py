"""A service that sends its callers elsewhere: nobody follows, and no key goes along."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from ragbridge import Elastic, Jina, ResponseError, Retry
from ragbridge.elastic import ElasticInferenceService

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

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server's names

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
    if request.param != "fast":
        monkeypatch.setattr("ragbridge.transport.standard.AUTO", "httpx")

    def build(url: str, kind: type[Jina | Elastic] = Jina, **clients: object) -> Jina | Elastic:
        options = {"api_key": KEY, "limits": None, "retry": Retry(attempts=1), **clients}
        return Jina(base_url=url, host="jina", **options) if kind is Jina else Elastic(url, **options)

    if request.param == "own client":
        own_async = httpx.AsyncClient(follow_redirects=True)
        with httpx.Client(follow_redirects=True) as client:
            yield functools.partial(build, http_client=client, async_http_client=own_async)
    else:
        yield build


MODEL = ElasticInferenceService("jina-embeddings-v5-text-small")
JINA = {
    "embed": lambda jina: jina.embed(["a text"]),
    "embed_multivector": lambda jina: jina.embed_multivector(["a text"], role="query"),
    "rerank": lambda jina: jina.rerank("query", ["a text"]),
    "classify": lambda jina: jina.classify(["a text"], labels=["a", "b"]),
    "classifiers.train": lambda jina: jina.classifiers.train([("a", "x"), ("b", "y")]),
    "classifiers.list": lambda jina: jina.classifiers.list(),
    "classifiers.delete": lambda jina: jina.classifiers.delete("c"),
    "segment": lambda jina: jina.segment("a text"),
    "read": lambda jina: jina.read("https://example.com"),
    "search": lambda jina: jina.search("query"),
    "submit_batch": lambda jina: jina.submit_batch(["a text"]),
    "batch.status": lambda jina: jina.batch("b").status(),
    "batch.cancel": lambda jina: jina.batch("b").cancel(),
    "models": lambda jina: jina.models(),
    "balance": lambda jina: jina.balance(),
}
ELASTIC = {
    "embed": lambda elastic: elastic.embed(["a text"], inference_id="e"),
    "embed many": lambda elastic: elastic.embed(["a text"] * 20, inference_id="e"),
    "sparse_embed": lambda elastic: elastic.sparse_embed(["a text"], inference_id="e"),
    "rerank": lambda elastic: elastic.rerank("query", ["a text"], inference_id="e"),
    "endpoints.create": lambda elastic: elastic.endpoints.create("e", "text_embedding", MODEL),
    "endpoints.list": lambda elastic: elastic.endpoints.list(),
    "endpoints.delete": lambda elastic: elastic.endpoints.delete("e"),
    "create_index": lambda elastic: elastic.create_index("docs"),
    "bulk": lambda elastic: elastic.bulk("docs", [{"content": "a"}]),
    "search": lambda elastic: elastic.search("docs", query={"match_all": {}}),
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(("kind", "calls"), [(Jina, JINA), (Elastic, ELASTIC)], ids=["jina", "elastic"])
def test_no_redirect_is_followed(servers, make, status, kind, calls):
    """By no product. The error names the host that the service points to; that host hears nothing."""
    here, there = servers
    here.status = status
    with make(f"http://127.0.0.1:{here.server_port}", kind) as client:
        for name, call in calls.items():
            here.seen.clear()
            refused = pytest.raises(ResponseError, match=rf"redirects to 127\.0\.0\.1:{there.server_port}")
            with refused as error:
                call(client)
            assert len(here.seen) == 1, name
            assert there.seen == [], name
            assert KEY not in str(error.value)


def test_nor_on_an_event_loop(servers, make):
    """The asynchronous side keeps the same rule."""
    here, there = servers

    async def ask() -> None:
        async with make(f"http://127.0.0.1:{here.server_port}") as jina:
            with pytest.raises(ResponseError, match="redirects"):
                await jina.aembed(["a text"])
        if isinstance(make, functools.partial):
            await make.keywords["async_http_client"].aclose()

    asyncio.run(ask())
    assert there.seen == []
