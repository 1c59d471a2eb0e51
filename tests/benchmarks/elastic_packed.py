"""Vectors from and to Elasticsearch, packed and as JSON: processor time, bytes and memory, in one run.

    python tests/benchmarks/elastic_packed.py

**In**: an answer of 512 x 1,024 that is ready in memory is given to the whole client, as Elasticsearch writes it (a float's
shortest digits; CBOR as Jackson writes it), beside the bare ``json.loads`` and ``numpy.array`` of the same numbers. Memory
is what Python and NumPy allocate at most, beside the answer and with it, divided by the size of the result.

**Out**: 1,000 documents with a NumPy row of 1,024 each through ``Elastic.bulk``, beside ``json.dumps`` of the same lists.
"""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ragbridge import Elastic
from ragbridge.flow import Request, Response
from ragbridge.services.elastic import wire

ROUNDS = 7
VECTORS = np.random.default_rng(7).standard_normal((512, 1024)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
TEXTS = [f"text number {n} " + "word " * 60 for n in range(512)]
HEADERS = {"x-elastic-product": "Elasticsearch"}


class Ready:
    """A transport whose answers are ready.

    Args:
        answers: Bodies by media type, for what is inferred.
        version: The cluster's.
        fresh: Whether each answer is allocated anew, as one from a network is.
    """

    def __init__(self, answers: Mapping[str, bytes], version: str = "9.5.0", *, fresh: bool = False) -> None:
        self._answers = answers
        self._version = version
        self._fresh = fresh
        self.sent = 0

    def send(self, request: Request) -> Response:
        """The answer in the form that was asked for."""
        path = request.place.removeprefix("http://x")
        if request.method == "GET":
            return Response(200, HEADERS, json.dumps(self._about(path)).encode())
        if path.endswith("/_bulk"):
            self.sent += len(request.body)
            ids = [json.loads(line)["index"]["_id"] for line in request.body.split(b"\n")[:-1:2]]
            items = [{"index": {"_index": "docs", "_id": name, "status": 201}} for name in ids]
            return Response(200, HEADERS, json.dumps({"items": items}).encode())
        kind = request.headers["accept"]
        body = self._answers[kind]
        body = b"".join([body[:1], body[1:]]) if self._fresh else body
        return Response(200, {**HEADERS, "content-type": kind}, body)

    def _about(self, path: str) -> dict[str, Any]:
        if path == "/":
            return {"version": {"number": self._version}}
        if path == "/docs":
            return {"docs": {"mappings": {"properties": {"vector": {"type": "dense_vector"}}}}}
        endpoint = {"inference_id": "e", "task_type": "text_embedding", "service": "jinaai"}
        return {"endpoints": [{**endpoint, "service_settings": {}}]}

    def close(self) -> None:
        """Nothing is held."""


def as_json() -> bytes:
    """The answer as Elasticsearch writes it: the shortest digits of each float."""
    rows = (",".join(map(str, row)) for row in VECTORS)
    return b'{"text_embedding":[%b]}' % ",".join(f'{{"embedding":[{row}]}}' for row in rows).encode()


def as_cbor() -> bytes:
    """The same as Jackson writes it."""
    numbers = (b"".join(b"\xfa" + struct.pack(">f", number) for number in row) for row in VECTORS)
    rows = b"".join(b"\xbf\x69embedding\x9f" + row + b"\xff\xff" for row in numbers)
    return b"\xbf\x6etext_embedding\x9f" + rows + b"\xff\xff"


def answers() -> None:
    """Print the first table."""
    bodies = {"application/json": as_json(), "application/cbor": as_cbor()}
    least = best(lambda: np.array([row["embedding"] for row in json.loads(bodies["application/json"])["text_embedding"]], np.float32))  # fmt: skip
    print(f"bare json.loads and numpy.array: {least * 1e3:.1f} ms\n")
    print(
        "| 512 x 1,024 | bytes a vector | CPU | ratio | memory / result | with the answer |\n|---|--:|--:|--:|--:|--:|"
    )
    orjson = wire._loads
    for name, form, library in (
        ("JSON by `json`", "json", json.loads),
        ("JSON by orjson", "json", orjson),
        ("CBOR", "cbor", orjson),
    ):
        wire._loads = library
        size = len(bodies[f"application/{form}"]) / 512

        def embed(form: Any = form, **more: Any) -> Any:
            ready: Any = Ready(bodies, **more)
            client = Elastic("http://x", limits=None, batch_size=512, transport=ready, answer_format=form)
            return client.embed(TEXTS, inference_id="e").vectors

        assert np.array_equal(embed(), VECTORS)
        spent = best(embed)
        beside = peak(embed) / VECTORS.nbytes
        whole = peak(lambda embed=embed: embed(fresh=True)) / VECTORS.nbytes  # type: ignore[misc]
        print(
            f"| {name} | {size:,.0f} | {spent * 1e3:.1f} ms | {spent / least:.3f} | {beside:.2f} | {whole:.2f} |"
        )
    wire._loads = orjson


def documents() -> None:
    """Print the second table."""
    rows = np.random.default_rng(8).standard_normal((1000, 1024)).astype(np.float32)
    given = [{"content": f"document {n}", "vector": row} for n, row in enumerate(rows)]

    def bare() -> int:
        return sum(len(json.dumps({**document, "vector": document["vector"].tolist()})) for document in given)

    least = best(bare)
    print(f"\nbare json.dumps of the lists: {least * 1e3:.0f} ms, {bare() / 1e6:.1f} MB\n")
    print("| 1,000 x 1,024 | bytes | x less | CPU | x less |\n|---|--:|--:|--:|--:|")
    for name, version in (("JSON, for 9.2", "9.2.0"), ("base64, for 9.5", "9.5.0")):
        transport = Ready({}, version)

        def write(transport: Any = transport) -> Any:
            transport.sent = 0
            return Elastic("http://x", limits=None, transport=transport).bulk("docs", given)

        assert len(write().ids) == 1000
        size, spent = transport.sent, best(write)
        print(f"| {name} | {size / 1e6:.1f} MB | {bare() / size:.1f} | {spent * 1e3:.0f} ms | {least / spent:.1f} |")  # fmt: skip


def best(call: Callable[[], Any]) -> float:
    """Seconds of processor time, the least of several."""
    call()
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def peak(call: Callable[[], Any]) -> int:
    """Bytes allocated at most at once."""
    tracemalloc.start()
    call()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


if __name__ == "__main__":
    answers()
    documents()
