"""How fast the embedded engine's search is: 10,000 documents of 1,024 numbers, written in bulks, searched by meaning.

``python tests/benchmarks/elastic_search.py [DOCUMENTS]``. Requests go to the engine in this process, as JSON, so that
parsing and writing count; no socket does.
"""

from __future__ import annotations

import itertools
import json
import random
import statistics
import sys
import time
from typing import Any

import numpy as np

from ragbridge.flow import Request
from ragbridge.local import Engine

WIDTH = 1024
BATCH = 500
QUERIES = 50
SYLLABLES = ("ba", "ko", "ri", "su", "te", "lan", "mer", "nor", "pit", "vas")
WORDS = ["".join(syllables) for syllables in itertools.product(SYLLABLES, repeat=4)]
WEIGHTS = list(itertools.accumulate(1 / rank for rank in range(1, len(WORDS) + 1)))
"""10,000 words, as often as words are in texts (Zipf)."""


class Cluster:
    """The engine, asked as over HTTP."""

    def __init__(self) -> None:
        self._engine = Engine()

    def ask(self, method: str, path: str, body: Any) -> Any:
        """Status below 300, and the answer's body."""
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        response = self._engine.handle(Request(method, f"http://localhost:9200{path}", {}, content)).response
        answer = json.loads(response.body)
        if response.status >= 300 or answer.get("errors"):
            raise SystemExit(f"{method} {path}: {json.dumps(answer)[:500]}")
        return answer


def text(chance: random.Random, words: int) -> str:
    """Some text of so many words."""
    return " ".join(chance.choices(WORDS, cum_weights=WEIGHTS, k=words))


def fill(cluster: Cluster, index: str, rows: list[dict[str, Any]]) -> float:
    """Documents a second, written in bulks."""
    bodies = [
        "".join('{"index":{}}\n' + json.dumps(row) + "\n" for row in rows[start : start + BATCH])
        for start in range(0, len(rows), BATCH)
    ]
    start = time.perf_counter()
    for body in bodies:
        cluster.ask("POST", f"/{index}/_bulk", body)
    return len(rows) / (time.perf_counter() - start)


def search(cluster: Cluster, index: str, bodies: list[dict[str, Any]]) -> tuple[list[float], float]:
    """Milliseconds of each search, and of processor time for each on average."""
    cluster.ask("POST", f"/{index}/_search", bodies[0])
    taken, used = [], time.process_time()
    for body in bodies:
        start = time.perf_counter()
        cluster.ask("POST", f"/{index}/_search", body)
        taken.append(1000 * (time.perf_counter() - start))
    return taken, 1000 * (time.process_time() - used) / len(bodies)


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    chance, cluster = random.Random(0), Cluster()
    embedding = ".jina-embeddings-v5-text-small"
    fields = {"type": "semantic_text", "inference_id": embedding}
    cluster.ask("PUT", "/texts", {"mappings": {"properties": {"content": fields, "words": {"type": "text"}}}})
    vector = {"type": "dense_vector", "dims": WIDTH, "similarity": "dot_product"}
    cluster.ask("PUT", "/vectors", {"mappings": {"properties": {"vector": vector}}})
    texts = [text(chance, 60) for _ in range(count)]
    numbers = np.random.default_rng(0).standard_normal((count, WIDTH)).astype(np.float32)
    numbers /= np.linalg.norm(numbers, axis=1, keepdims=True)
    questions = [text(chance, 6) for _ in range(QUERIES)]
    query = numbers[0].tolist()
    writing = {
        "bulk of semantic_text and text, 60 words each": fill(
            cluster, "texts", [{"content": one, "words": one} for one in texts]
        ),
        "bulk of vectors as JSON": fill(
            cluster, "vectors", [{"vector": row} for row in numbers.astype(np.float64).round(8).tolist()]
        ),
    }
    nearest = {"field": "vector", "query_vector": query, "k": 10, "num_candidates": 100}
    meaning = [{"query": {"semantic": {"field": "content", "query": one}}} for one in questions]
    words = [{"query": {"match": {"words": one}}} for one in questions]
    hybrid = [
        {"retriever": {"rrf": {"retrievers": [{"standard": one}, {"standard": two}]}}}
        for one, two in zip(meaning, words, strict=True)
    ]
    searching = {
        "semantic": search(cluster, "texts", meaning),
        "match": search(cluster, "texts", words),
        "rrf of both": search(cluster, "texts", hybrid),
        "knn with a vector": search(cluster, "vectors", [{"knn": nearest}] * QUERIES),
    }
    for name, rate in writing.items():
        sys.stdout.write(f"{name}: {rate:,.0f} documents/s\n")
    for name, (taken, used) in searching.items():
        slowest = sorted(taken)[int(0.95 * len(taken))]
        sys.stdout.write(
            f"{name}: {statistics.median(taken):.1f} ms (median), {slowest:.1f} ms (95 %), {used:.1f} ms of processor time\n"
        )


if __name__ == "__main__":
    main()
