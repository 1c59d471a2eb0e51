"""What the frameworks' adapters cost above the core, with answers that are ready in memory.

    python tests/benchmarks/adapters.py                              # processor time, all calls in turns
    python tests/benchmarks/adapters.py --instructions               # by callgrind: repeats to a percent
    python tests/benchmarks/adapters.py --instructions --before DIR  # the same of another work tree as well

A query is one text as a list of floats, a reranking has 100 documents of which ten are wanted, many are 1,280 texts of 1,024
dimensions. "by itself" is the framework alone, with the result at hand: what no adapter can leave out that keeps to the
framework's own methods. Instructions are those of calls alone, without the garbage collector and without start-up.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ready import RANKING, vectors

MODEL = "jina-embeddings-v3"
TEXTS = [f"text number {number} " + "word " * 60 for number in range(1280)]
QUERY = "how is a document cut into chunks that fit?"
HERE = Path(__file__).resolve().parents[2]
Call = Callable[[], Any]


def _client() -> Any:
    from ragbridge import Jina
    from ragbridge.flow import Response

    class Ready:
        def send(self, request: Any) -> Response:
            return Response(200, {}, RANKING if "rerank" in request.url else vectors(request.body))

        async def send_async(self, request: Any) -> Response:
            return self.send(request)

    return Jina("a-key", transport=Ready(), limits=None, concurrency=1)


def core() -> dict[str, Call]:
    """The core, whose vectors become lists."""
    client = _client()
    asked: dict[str, Any] = {"model": MODEL, "role": "query"}

    async def awaited() -> Any:
        return (await client.aembed([QUERY], **asked)).tolist()

    return {
        "query": lambda: client.embed([QUERY], **asked).tolist(),
        "query, awaited": awaited,
        "rerank": lambda: client.rerank(QUERY, TEXTS[:100], top_n=10),
        "rerank, awaited": lambda: client.arerank(QUERY, TEXTS[:100], top_n=10),
        "many": lambda: client.embed(TEXTS, model=MODEL, role="document").tolist(),
    }


def lists() -> dict[str, Call]:
    """Nothing but the lists."""
    vectors = _client().embed(TEXTS, model=MODEL, role="document").vectors
    return {"query": lambda: vectors[:1].tolist(), "many": vectors.tolist}


def langchain() -> dict[str, Call]:
    """LangChain's adapters."""
    from langchain_core.documents import Document

    from langchain_ragbridge import JinaEmbeddings, JinaRerank

    client = _client()
    embeddings, reranker = JinaEmbeddings(model=MODEL, client=client), JinaRerank(client=client, top_n=10)
    documents = [
        Document(page_content=text, metadata={"source": "a", "page": place})
        for place, text in enumerate(TEXTS[:100])
    ]
    return {
        "query": lambda: embeddings.embed_query(QUERY),
        "query, awaited": lambda: embeddings.aembed_query(QUERY),
        "rerank": lambda: reranker.compress_documents(documents, QUERY),
        "rerank, awaited": lambda: reranker.acompress_documents(documents, QUERY),
        "many": lambda: embeddings.embed_documents(TEXTS),
    }


def _nodes() -> list[Any]:
    from llama_index.core.schema import NodeWithScore, TextNode

    return [
        NodeWithScore(node=TextNode(text=text, metadata={"source": "a", "page": place}), score=0.5)
        for place, text in enumerate(TEXTS[:100])
    ]


def llama_index(*, heard: bool = False) -> dict[str, Call]:
    """LlamaIndex's adapters."""
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler

    from llama_index.embeddings.ragbridge import JinaEmbedding
    from llama_index.postprocessor.ragbridge import JinaRerank

    class Handler(BaseEventHandler):
        def handle(self, event: Any, **_: Any) -> None:
            """Listen, and forget."""

    if heard:
        get_dispatcher().add_event_handler(Handler())
    client, nodes = _client(), _nodes()
    embedding, reranker = JinaEmbedding(model_name=MODEL, client=client), JinaRerank(client=client, top_n=10)
    return {
        "query": lambda: embedding.get_query_embedding(QUERY),
        "query, awaited": lambda: embedding.aget_query_embedding(QUERY),
        "rerank": lambda: reranker.postprocess_nodes(nodes, query_str=QUERY),
        "rerank, awaited": lambda: reranker.apostprocess_nodes(nodes, query_str=QUERY),
        "many": lambda: embedding.get_text_embedding_batch(TEXTS),
    }


def llama_index_heard() -> dict[str, Call]:
    """The same where somebody handles events."""
    return llama_index(heard=True)


def llama_index_by_itself() -> dict[str, Call]:
    """LlamaIndex's own methods, around results that are there."""
    from llama_index.core.base.embeddings.base import BaseEmbedding

    vectors: list[list[float]] = _client().embed(TEXTS, model=MODEL, role="document").tolist()

    class Ready(BaseEmbedding):
        def _get_query_embedding(self, query: str) -> list[float]:
            return vectors[0]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return vectors[0]

        def _get_text_embedding(self, text: str) -> list[float]:
            return vectors[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return vectors

    ready = Ready(embed_batch_size=2048)
    return {
        "query": lambda: ready.get_query_embedding(QUERY),
        "query, awaited": lambda: ready.aget_query_embedding(QUERY),
        "many": lambda: ready.get_text_embedding_batch(TEXTS),
    }


def _documents(texts: list[str]) -> list[Any]:
    from haystack import Document

    return [
        Document(content=text, id=str(place), meta={"source": "a", "page": place})
        for place, text in enumerate(texts)
    ]


def haystack() -> dict[str, Call]:
    """Haystack's components."""
    from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder, JinaTextEmbedder
    from haystack_integrations.components.rankers.ragbridge import JinaRanker

    client, documents = _client(), _documents(TEXTS)
    text = JinaTextEmbedder(model=MODEL, client=client)
    many = JinaDocumentEmbedder(model=MODEL, client=client)
    ranker = JinaRanker(client=client, top_k=10)
    return {
        "query": lambda: text.run(QUERY),
        "query, awaited": lambda: text.run_async(QUERY),
        "rerank": lambda: ranker.run(QUERY, documents[:100]),
        "rerank, awaited": lambda: ranker.run_async(QUERY, documents[:100]),
        "many": lambda: many.run(documents),
    }


def haystack_by_itself() -> dict[str, Call]:
    """Copies of Haystack's documents, as its own components make them."""
    from dataclasses import replace

    documents = _documents(TEXTS)
    vectors = _client().embed(TEXTS, model=MODEL, role="document").tolist()
    return {
        "rerank": lambda: [replace(document, score=0.5) for document in documents[:10]],
        "many": lambda: [
            replace(document, embedding=vector) for document, vector in zip(documents, vectors, strict=True)
        ],
    }


ADAPTERS: dict[str, Callable[[], dict[str, Call]]] = {
    "core": core,
    "lists": lists,
    "LangChain": langchain,
    "LlamaIndex": llama_index,
    "LlamaIndex, heard": llama_index_heard,
    "LlamaIndex by itself": llama_index_by_itself,
    "Haystack": haystack,
    "Haystack by itself": haystack_by_itself,
}
ROUNDS = {"query": 40, "query, awaited": 40, "rerank": 20, "rerank, awaited": 20, "many": 2}


def _blocking(call: Call, loop: asyncio.AbstractEventLoop) -> Call:
    """``call``, or its coroutine run to its end."""
    answer = call()
    if not asyncio.iscoroutine(answer):
        return call
    answer.close()

    def run() -> Any:
        return loop.run_until_complete(call())

    return run


def measure(name: str, seconds: float) -> float:
    """Processor time of a call of every adapter, in turns: the lowest tenth."""
    loop = asyncio.new_event_loop()
    calls = {
        adapter: _blocking(made[name], loop)
        for adapter, make in ADAPTERS.items()
        if adapter != "LlamaIndex, heard" and name in (made := make())
    }
    samples: dict[str, list[float]] = {adapter: [] for adapter in calls}
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(samples["core"]) < 12:
        for adapter, call in calls.items():
            began = time.thread_time()
            answer = call()
            samples[adapter].append(time.thread_time() - began)
            del answer
    loop.close()
    found = {adapter: sorted(each)[len(each) // 10] * 1e6 for adapter, each in samples.items()}
    base = found["core"]
    for adapter, cost in found.items():
        print(f"{name:16s} {adapter:22s} {cost:10,.0f} us {cost - base:+10,.0f}", flush=True)
    return base


def work(adapter: str, name: str) -> None:
    """Have the calls of one cell counted by the callgrind that this process runs under, and nothing else."""
    loop = asyncio.new_event_loop()
    call, rounds = _blocking(ADAPTERS[adapter]()[name], loop), ROUNDS[name]
    for _ in range(3):
        call()
    gc.collect()
    gc.freeze()
    gc.disable()
    for state in ("on", "off"):
        switch = ["callgrind_control", "-i", state, str(os.getpid())]
        subprocess.run(switch, capture_output=True, check=True)
        if state == "on":
            for _ in range(rounds):
                call()
    loop.close()


def count(adapter: str, name: str, tree: Path) -> float:
    """Thousands of instructions of a call."""
    tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null"]
    roots = os.pathsep.join(str(tree / root) for root in ("core", "integrations"))
    done = subprocess.run(
        [*tool, sys.executable, __file__, "--cell", adapter, name],
        env={**os.environ, "PYTHONPATH": roots, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"{adapter}, {name}: {done.stderr[-2000:]}")
    return int(found[1]) / ROUNDS[name] / 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--before", type=Path, help="another work tree, whose figures come first")
    parser.add_argument("--only", default="", help="calls whose name starts so")
    parser.add_argument("--seconds", type=float, default=8, help="how long each kind of call is measured")
    parser.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.cell:
        work(*asked.cell)
        return
    names = [name for name in ROUNDS if name.startswith(asked.only)]
    if not asked.instructions:
        for name in names:
            measure(name, asked.seconds)
        return
    for name in names:
        for adapter, make in ADAPTERS.items():
            if name in make():
                trees = [tree for tree in (asked.before, HERE) if tree is not None]
                figures = " -> ".join(f"{count(adapter, name, tree):10,.0f}" for tree in trees)
                print(f"{name:16s} {adapter:22s} {figures} thousand instructions", flush=True)


if __name__ == "__main__":
    main()
