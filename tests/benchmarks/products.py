"""What the client costs beside the least that any client must do: processor time, in ratios of one run.

    python tests/benchmarks/products.py

Each row gives an answer that is ready in memory to the whole client (checks, batching, flows, reading) and compares it
with the bare step that nobody can leave out: parsing the JSON, decoding the base64, writing the JSON. Best of several
rounds. Memory is what Python and NumPy allocate at most beside the answer, divided by the size of the result.
"""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from ragbridge import Elastic, Jina
from ragbridge.flow import Request, Response

ROUNDS = 7
WIDTH = 1024
VECTORS = np.random.default_rng(7).standard_normal((512, WIDTH)).astype("<f4")
TEXTS = [f"text number {n} " + "word " * 60 for n in range(512)]


class Ready:
    """A transport whose answers are ready, by the end of the address; ``about`` answers what is only looked at."""

    def __init__(self, **answers: bytes) -> None:
        self._answers = answers

    def send(self, request: Request) -> Response:
        """The answer of the last part of the path."""
        body = self._answers["about" if request.method == "GET" else request.place.rpartition("/")[2]]
        return Response(200, {"x-elastic-product": "Elasticsearch"}, body)

    def close(self) -> None:
        """Nothing is held."""


def main() -> None:
    """Print the table."""
    print("| what | client | bare step | ratio | memory / result |\n|---|--:|--:|--:|--:|")
    for name, client, bare, size in cases():
        spent, least = best(client), best(bare)
        print(
            f"| {name} | {spent * 1e3:.1f} ms | {least * 1e3:.1f} ms | {spent / least:.2f} | {peak(client) / size:.2f} |"
        )


def cases() -> list[tuple[str, Callable[[], Any], Callable[[], Any], int]]:
    """Name, the client's call, the bare step, bytes of the result."""
    floats = json.dumps({"text_embedding": [{"embedding": row} for row in VECTORS.tolist()]}).encode()
    endpoint = {
        "inference_id": "e",
        "task_type": "text_embedding",
        "service": "jinaai",
        "service_settings": {},
    }
    about = json.dumps({"endpoints": [endpoint]}).encode()
    elastic = Elastic("http://x", limits=None, batch_size=512, transport=Ready(e=floats, about=about))
    encoded = [base64.b64encode(row.tobytes()).decode() for row in VECTORS]
    vectors = answer({"embedding": text} for text in encoded)
    tokens = answer({"embeddings": encoded[start : start + 32]} for start in range(0, 512, 32))
    packed = answer({"embedding": np.packbits(row > 0).tolist()} for row in VECTORS)
    ranking = json.dumps(
        {
            "results": [{"index": n, "relevance_score": 1 - n / 600} for n in range(10)],
            "usage": {"total_tokens": 9},
        }
    ).encode()

    def jina(**answers: bytes) -> Jina:
        return Jina("key", base_url="http://x", limits=None, batch_size=512, transport=Ready(**answers))

    return [
        (
            "Jina.embed, 512 x 1,024 in base64 (bare: decoding)",
            lambda: jina(embeddings=vectors).embed(TEXTS, model="jina-embeddings-v3"),
            lambda: [np.frombuffer(base64.b64decode(text), "<f4") for text in encoded],
            VECTORS.nbytes,
        ),
        (
            "Jina.embed, 512 x 1,024 bits (bare: parsing)",
            lambda: jina(embeddings=packed).embed(
                TEXTS, model="jina-embeddings-v3", embedding_type="ubinary"
            ),
            lambda: json.loads(packed),
            VECTORS.size // 8,
        ),
        (
            "Jina.embed_multivector, 16 x 32 tokens (bare: parsing and decoding)",
            lambda: jina(embeddings=tokens).embed_multivector(TEXTS[:16], role="document", model="unknown"),
            lambda: (json.loads(tokens), [np.frombuffer(base64.b64decode(text), "<f4") for text in encoded]),
            VECTORS.nbytes,
        ),
        (
            "Jina.rerank, 512 documents, 10 wanted (bare: writing and parsing)",
            lambda: jina(rerank=ranking).rerank(
                "query", TEXTS, top_n=10, model="jina-reranker-v2-base-multilingual"
            ),
            lambda: (json.dumps({"documents": TEXTS}).encode(), json.loads(ranking)),
            len(ranking),
        ),
        (
            "Elastic.embed, 512 x 1,024 JSON floats (bare: parsing)",
            lambda: elastic.embed(TEXTS, inference_id="e"),
            lambda: json.loads(floats),
            VECTORS.nbytes,
        ),
    ]


def answer(rows: Any) -> bytes:
    """An embeddings answer of the Jina AI API."""
    data = [{"object": "embedding", "index": index, **row} for index, row in enumerate(rows)]
    body = {"model": "m", "object": "list", "usage": {"total_tokens": 9}, "data": data}
    return json.dumps(body, separators=(",", ":")).encode()


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
    main()
