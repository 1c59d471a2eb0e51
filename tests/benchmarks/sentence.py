"""What the packaged sentence model costs: loading, passages, queries, memory. Times are of the processor: one core."""

from __future__ import annotations

import resource
import time

from ragbridge.demo import corpus
from ragbridge.local import Engine

PASSAGES = 100


def main() -> None:
    """Print one line for each figure."""
    found = corpus.load().asking(PASSAGES)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    model = Engine(model="minilm").load()
    print(f"loading: {time.process_time() - start:.2f} s")
    passages = [model.ids(passage.text) for passage in found.passages[:PASSAGES]]
    start = time.process_time()
    model.embed(passages, model.width)
    spent = time.process_time() - start
    print(f"passages of {sum(map(len, passages)) / PASSAGES:.0f} tokens: {PASSAGES / spent:.1f} a second")
    queries = [model.ids(query.text) for query in found.queries]
    start = time.process_time()
    model.embed(queries, model.width, query=True)
    print(f"a query: {1000 * (time.process_time() - start) / len(queries):.1f} ms")
    start = time.process_time()
    for query in queries[:20]:
        model.relevance(query, passages[:50])
    print(f"reranking 50 passages whose vectors are kept: {50 * (time.process_time() - start):.1f} ms")
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"memory for both models and the vectors: {used / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main()
