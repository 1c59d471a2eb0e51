"""An Elasticsearch for what the documents show."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from ragbridge.flow import Request
from ragbridge.local import Engine


class Cluster(BaseHTTPRequestHandler):
    """An Elasticsearch: inference by the embedded engine, and an index that finds whatever it holds, in its order."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/_inference"):
            request = Request(self.command, f"http://{self.headers['host']}{self.path}", self.headers, body)
            answer = self.server.engine.handle(request).response
            return self._send(answer.status, answer.body)
        lines = body.split(b"\n")
        _, index, action = f"{self.path.partition('?')[0]}/".split("/")[:3]
        if action == "_bulk":
            self.server.held = [json.loads(line) for line in lines[1::2]]
            items = [
                {"index": {"_id": json.loads(line)["index"]["_id"], "status": 201}} for line in lines[:-1:2]
            ]
            return self._send(200, {"took": 1, "errors": False, "items": items})
        if action == "_search":
            size = json.loads(body).get("size", 10)
            rows = [
                {"_index": index, "_id": str(place), "_score": 1.0, "_source": source}
                for place, source in enumerate(self.server.held[:size])
            ]
            shards = {"total": 1, "successful": 1, "failed": 0}
            return self._send(200, {"took": 1, "timed_out": False, "_shards": shards, "hits": {"hits": rows}})
        return self._send(200, {"acknowledged": True, "index": index})

    do_GET = do_PUT = do_POST = do_HEAD = _answer  # noqa: N815 - the standard library's names

    def _send(self, status: int, body: object) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("x-elastic-product", "Elasticsearch")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def cluster():
    """One for the tests of a module: the environment names its address, a key for Jina, and no credentials."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Cluster) as server, pytest.MonkeyPatch.context() as patch:
        server.engine, server.held = Engine(), []
        Thread(target=server.serve_forever, daemon=True).start()
        for name in ("ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"):
            patch.delenv(name, raising=False)
        patch.setenv("ELASTICSEARCH_URL", f"http://127.0.0.1:{server.server_port}")
        patch.setenv("JINA_API_KEY", "a-key")
        yield
        server.shutdown()
