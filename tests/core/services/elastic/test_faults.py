"""Over a socket, where what is behind an endpoint fails, or the connection: nothing lost, nothing doubled."""

from __future__ import annotations

import http.server
import json
import random
import threading
from collections.abc import Iterator

import pytest

from ragbridge import Elastic, Retry, ServiceError
from ragbridge.local import Engine, Faults, Quota
from ragbridge.server import running

QUICK = Retry(attempts=40, initial=0.01, maximum=0.05, refusals=40)
TEXTS = [f"text {n}: what {n * 7919 % 1000} fishermen know about the sea" for n in range(120)]
CALLS = {
    "embed": ((TEXTS,), {"inference_id": ".jina-embeddings-v5-text-nano"}),
    "sparse_embed": ((TEXTS,), {"inference_id": ".elser-2-elastic"}),
    "rerank": (("fishermen", TEXTS), {"inference_id": ".jina-reranker-v3"}),
}


def plain(found):
    if hasattr(found, "vectors"):
        return [dict(row) if hasattr(row, "items") else row.tolist() for row in found.vectors]
    return [(row.index, row.score) for row in found]


@pytest.mark.parametrize("name", CALLS)
def test_a_service_that_fails_for_a_while_is_asked_again(name, face):
    """Nothing is lost, doubled or exchanged."""
    arguments, named = CALLS[name]
    expected = plain(getattr(Elastic("local"), name)(*arguments, **named))
    faults = Faults(rate=0.5, kinds=["upstream500", "upstream503"])
    with running(Engine(faults=faults, seed=1)) as url, Elastic(url, retry=QUICK) as elastic:
        assert plain(face(elastic, name, *arguments, **named)) == expected
        assert elastic.usage.retries


def test_a_service_that_stays_down_is_a_failure_of_the_service(face):
    """Not a mistake of the caller's, as the status 400 would have it."""
    with running(Engine(faults=Faults(rate=1, kinds=["upstream503"]))) as url:
        elastic = Elastic(url, retry=Retry(attempts=2, initial=0.01))
        with pytest.raises(ServiceError, match=r"entity id \[.elser-2-elastic\] status \[503\]") as caught:
            face(elastic, "sparse_embed", ["a"], inference_id=".elser-2-elastic")
        assert (caught.value.status, caught.value.retryable, elastic.usage.requests) == (400, True, 2)
        elastic.close()


def test_a_quota_that_says_how_long_to_wait_is_waited_for(face):
    """429 with Retry-After, from a server that counts: all vectors, each in its place."""
    arguments, named = CALLS["embed"]
    expected = plain(Elastic("local").embed(*arguments, **named))
    quota = Quota(requests_per_minute=360, window=1, retry_after=True)
    with running(Engine(quota=quota)) as url, Elastic(url, retry=QUICK) as elastic:
        assert plain(face(elastic, "embed", *arguments, **named)) == expected
        assert elastic.usage.refusals


class _Index(http.server.BaseHTTPRequestHandler):
    """Keeps documents by their ids, and fails as its server's chance has it: before or after they are kept."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.server.lock:
            fate = self.server.chance.choice(("right", "right", "429", "503", "reset", "lost", "cut", "rows"))
            lines = [json.loads(line) for line in body.splitlines()]
            items = []
            for action, document in zip(lines[::2], lines[1::2], strict=True):
                ((op, place),) = action.items()
                known = op == "create" and place["_id"] in self.server.kept
                status = (
                    429 if fate == "rows" and self.server.chance.random() < 0.3 else 409 if known else 201
                )
                if status == 201 and fate not in {"429", "503", "reset"}:
                    self.server.kept.setdefault(place["_id"], []).append(document)
                error = {} if status == 201 else {"error": {"type": "x", "reason": "refused"}}
                items.append({op: {"_id": place["_id"], "status": status, **error}})
        if fate in {"reset", "lost"}:
            self.close_connection = True
            return
        status = int(fate) if fate.isdecimal() else 200
        refused = {"error": {"type": "x", "reason": "busy"}, "status": status}
        answer = json.dumps({"items": items} if status == 200 else refused).encode()
        self.send_response(status)
        self.send_header("x-elastic-product", "Elasticsearch")
        self.send_header("content-length", str(len(answer)))
        if status == 429:
            self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(answer[: len(answer) // 2] if fate == "cut" else answer)
        self.close_connection = fate == "cut"

    def log_message(self, *_: object) -> None: ...


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Index)
        self.lock, self.chance = threading.Lock(), random.Random(4)
        self.kept: dict[str, list[object]] = {}


@pytest.fixture
def index() -> Iterator[_Server]:
    """A server that keeps documents and often fails."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("op", ["index", "create"])
def test_documents_arrive_once_whatever_happens_on_the_way(index, face, op):
    """Refused, broken off before or after the work, cut in the middle, row by row: each document is there, once."""
    documents = [{"text": text} for text in TEXTS]
    with Elastic(f"http://127.0.0.1:{index.server_address[1]}", retry=QUICK) as elastic:
        result = face(elastic, "bulk", "docs", documents, op=op, batch_size=10)
        assert elastic.usage.retries
    assert (result.succeeded, len(set(result.ids))) == (len(documents), len(documents))
    assert set(index.kept) == set(result.ids)
    for identity, document in zip(result.ids, documents, strict=True):
        written = index.kept[identity]
        assert all(row == document for row in written)
        assert op == "index" or len(written) == 1
