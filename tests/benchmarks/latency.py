"""What one query costs: processor time and wall time of a call for one text, and of a reranking of 100, by layer and adapter.

    .venv/bin/python tests/benchmarks/latency.py --stub ../shared/bench/stub/stub.c

A server in C answers on loopback (gcc is needed), so that nothing is measured but the client. Calls of all rows take turns,
so that what else runs on the machine meets all of them; figures are ratios to httpx's own client in the same run. Processor
time is the lowest tenth (of a shared machine the only figure that repeats); wall time is p50 and p99. ``--plain`` hides what
the extra ``speed`` brings. ``adapters.py`` counts what each adapter costs above the core, without a network.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

MODEL = "jina-embeddings-v3"
TEXT = "#00000001 how is a document cut into chunks that fit?"
DOCUMENTS = [
    f"#{number:08d} " + "what is a chunk, and why does it have borders " * 4 for number in range(100)
]
BODY = {"model": MODEL, "task": "retrieval.query", "embedding_type": "base64", "input": [TEXT]}
RANKING = {
    "model": "jina-reranker-v3",
    "query": "which?",
    "documents": DOCUMENTS,
    "top_n": 10,
    "return_documents": False,
}
HEADERS = {"authorization": "Bearer a-key", "content-type": "application/json", "accept-encoding": "identity"}


def cost(samples: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Processor time (lowest tenth), p50 and p99 of the wall time, in microseconds."""
    busy, wall = sorted(each[0] for each in samples), sorted(each[1] for each in samples)
    count = len(samples)
    return busy[count // 10] * 1e6, wall[count // 2] * 1e6, wall[count * 99 // 100] * 1e6


class Raw:
    """One socket, one request at a time, and no question asked: what Python itself costs."""

    def __init__(self, port: int, path: str) -> None:
        self.path = path
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)

    def __call__(self, payload: dict[str, Any]) -> bytes:
        import orjson

        body = orjson.dumps(payload)
        head = f"POST {self.path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a-key\r\ncontent-type: application/json\r\n"
        self.socket.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        view, got = memoryview(self.buffer), 0
        got = self.socket.recv_into(view)
        end = self.buffer.find(b"\r\n\r\n", 0, got) + 4
        length = self.buffer.find(b"content-length: ", 0, end) + 16
        total = end + int(self.buffer[length : self.buffer.find(b"\r", length)])
        while got < total:
            got += self.socket.recv_into(view[got:total])
        return bytes(view[end:total])


def rows(url: str, port: int, adapters: bool) -> dict[str, Callable[[], Any]]:
    """Every blocking call by its name."""
    import httpx

    from ragbridge import Jina

    class Memory:
        """Answers with what the server said once."""

        def __init__(self) -> None:
            self.kept: dict[str, Any] = {}

        def send(self, request: Any) -> Any:
            if request.url not in self.kept:
                self.kept[request.url] = client._transport.send(request)
            return self.kept[request.url]

    client = Jina("a-key", base_url=url, host="jina", limits=None)
    near = Jina("a-key", base_url=url, host="jina", limits=None, transport=Memory())
    bare = httpx.Client(trust_env=False)
    raw, raw_rerank = Raw(port, "/v1/embeddings"), Raw(port, "/v1/rerank")
    found: dict[str, Callable[[], Any]] = {
        "httpx": lambda: bare.post(f"{url}/v1/embeddings", json=BODY, headers=HEADERS).json(),
        "raw socket": lambda: json.loads(raw(BODY)),
        "embed": lambda: client.embed([TEXT], model=MODEL, role="query"),
        "embed, without the network": lambda: near.embed([TEXT], model=MODEL, role="query"),
        "raw socket, rerank": lambda: json.loads(raw_rerank(RANKING)),
        "httpx, rerank": lambda: bare.post(f"{url}/v1/rerank", json=RANKING, headers=HEADERS).json(),
        "rerank": lambda: client.rerank("which?", DOCUMENTS, model="jina-reranker-v3", top_n=10),
        "rerank, without the network": lambda: near.rerank(
            "which?", DOCUMENTS, model="jina-reranker-v3", top_n=10
        ),
        "embed, as a list": lambda: client.embed([TEXT], model=MODEL, role="query").tolist(),
    }
    if adapters:
        from llama_index.core.base.embeddings.base import BaseEmbedding

        from haystack_integrations.components.embedders.ragbridge import JinaTextEmbedder
        from langchain_ragbridge import JinaEmbeddings
        from llama_index.embeddings.ragbridge import JinaEmbedding

        ready = client.embed([TEXT], model=MODEL, role="query").tolist()[0]

        class Ready(BaseEmbedding):
            """LlamaIndex alone: the vector is there."""

            def _get_query_embedding(self, query: str) -> list[float]:
                return ready

            async def _aget_query_embedding(self, query: str) -> list[float]:
                return ready

            def _get_text_embedding(self, text: str) -> list[float]:
                return ready

        lang, llama, alone = (
            JinaEmbeddings(model=MODEL, client=client),
            JinaEmbedding(model_name=MODEL, client=client),
            Ready(),
        )
        hay = JinaTextEmbedder(model=MODEL, client=client)
        hay.warm_up()
        found |= {
            "LangChain": lambda: lang.embed_query(TEXT),
            "LlamaIndex": lambda: llama.get_query_embedding(TEXT),
            "LlamaIndex by itself": lambda: alone.get_query_embedding(TEXT),
            "Haystack": lambda: hay.run(TEXT),
        }
    return found


def awaited(url: str, adapters: bool) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Every awaited call by its name; the first of them is what the others are compared with."""
    import httpx

    from ragbridge import Jina

    client, bare = Jina("a-key", base_url=url, host="jina", limits=None), httpx.AsyncClient(trust_env=False)
    found: dict[str, Callable[[], Awaitable[Any]]] = {
        "httpx, async": lambda: bare.post(f"{url}/v1/embeddings", json=BODY, headers=HEADERS),
        "aembed": lambda: client.aembed([TEXT], model=MODEL, role="query"),
        "arerank": lambda: client.arerank("which?", DOCUMENTS, model="jina-reranker-v3", top_n=10),
    }
    if adapters:
        from haystack_integrations.components.embedders.ragbridge import JinaTextEmbedder
        from langchain_ragbridge import JinaEmbeddings
        from llama_index.embeddings.ragbridge import JinaEmbedding

        lang = JinaEmbeddings(model=MODEL, client=client)
        llama = JinaEmbedding(model_name=MODEL, client=client)
        hay = JinaTextEmbedder(model=MODEL, client=client)
        found |= {
            "LangChain, async": lambda: lang.aembed_query(TEXT),
            "LlamaIndex, async": lambda: llama.aget_query_embedding(TEXT),
            "Haystack, async": lambda: hay.run_async(TEXT),
        }
    return found


def blocking(calls: dict[str, Callable[[], Any]], number: int) -> dict[str, list[tuple[float, float]]]:
    """Let all calls take turns."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for turn in range(number + 10):
        for name, call in calls.items():
            busy, wall = time.thread_time(), time.perf_counter()
            call()
            if turn >= 10:
                samples[name].append((time.thread_time() - busy, time.perf_counter() - wall))
    return samples


async def waiting(
    calls: dict[str, Callable[[], Awaitable[Any]]], number: int
) -> dict[str, list[tuple[float, float]]]:
    """The same on an event loop."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for turn in range(number + 10):
        for name, call in calls.items():
            busy, wall = time.thread_time(), time.perf_counter()
            await call()
            if turn >= 10:
                samples[name].append((time.thread_time() - busy, time.perf_counter() - wall))
    return samples


def show(samples: dict[str, list[tuple[float, float]]]) -> None:
    """One line a call; ratios are to the first."""
    base = None
    for name, each in samples.items():
        busy, middle, late = cost(each)
        base = base or busy
        print(
            f"{name:30s} {busy:8.0f} us   {busy / base:5.2f} x httpx   p50 {middle:7.0f}   p99 {late:7.0f}",
            flush=True,
        )


def over_tls(port: int, number: int) -> None:
    """Both faces over TLS, whose far end is a thread of this process: its time is not counted, its waits are."""
    import trustme

    from ragbridge import Jina

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file, socket.create_server(("127.0.0.1", 0)) as server:
        authority.cert_pem.write_to_path(file.name)
        trusting = ssl.create_default_context(cafile=file.name)

        def pump(source: Any, target: Any) -> None:
            while data := source.recv(65_536):
                target.sendall(data)

        def accept() -> None:
            while True:
                inner = context.wrap_socket(server.accept()[0], server_side=True)
                outer = socket.create_connection(("127.0.0.1", port))
                for pair in ((inner, outer), (outer, inner)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        url = f"https://localhost:{server.getsockname()[1]}"
        import httpx

        from ragbridge.transport import direct

        direct.certificates = lambda: trusting  # type: ignore[assignment]
        client, bare = (
            Jina("a-key", base_url=url, host="jina", limits=None),
            httpx.Client(trust_env=False, verify=trusting),
        )
        show(
            blocking(
                {
                    "TLS: httpx": lambda: bare.post(
                        f"{url}/v1/embeddings", json=BODY, headers=HEADERS
                    ).json(),
                    "TLS: embed": lambda: client.embed([TEXT], model=MODEL, role="query"),
                },
                number,
            )
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stub", required=True, help="the server's source, or the built server")
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--plain", action="store_true", help="without orjson and pybase64")
    parser.add_argument("--no-adapters", action="store_true")
    asked = parser.parse_args()
    if asked.plain:
        sys.modules.update({"orjson": None, "pybase64": None})  # type: ignore[dict-item]
    place = Path(asked.stub)
    with tempfile.TemporaryDirectory() as folder:
        built = place
        if place.suffix == ".c":
            built = Path(folder) / "stub"
            subprocess.run(["gcc", "-O3", "-w", "-o", str(built), str(place), "-lm"], check=True)
        with subprocess.Popen([str(built)], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            url = f"http://127.0.0.1:{port}"
            try:
                if asked.plain:
                    calls = {
                        name: call
                        for name, call in rows(url, port, adapters=False).items()
                        if "raw" not in name
                    }
                else:
                    calls = rows(url, port, adapters=not asked.no_adapters)
                show(blocking(calls, asked.calls))
                show(
                    asyncio.run(waiting(awaited(url, not asked.plain and not asked.no_adapters), asked.calls))
                )
                over_tls(port, asked.calls // 5)
            finally:
                server.kill()


if __name__ == "__main__":
    main()
