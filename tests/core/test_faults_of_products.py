"""Every product that is cut into requests, over a socket that fails: all rows right, each in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ragbridge import Elastic, Jina, RagbridgeError, Retry
from ragbridge.local import Engine, Faults
from ragbridge.server import running

TEXTS = [f"text {n}: what {n * 7919 % 1000} fishermen know about the sea" for n in range(160)]
KINDS = (
    "status429", "status500", "status503", "status409", "html502", "error200", "badjson", "reset", "close", "truncate",
    "shuffle", "nan", "missing", "duplicate", "offset", "width", "latency",
)  # fmt: skip
SPARED = frozenset({"shuffle", "nan", "missing", "duplicate", "offset", "width"})
"""What strikes the rows of an answer; the engine spares Elasticsearch's."""
QUICK = Retry(attempts=8, initial=0.01)
POINTWISE, LISTWISE = "jina-reranker-v2-base-multilingual", "jina-reranker-v3"
DENSE, SPARSE = ".jina-embeddings-v5-text-nano", ".elser-2-elastic"

JINA: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "embed_documents": (
        ([TEXTS[start : start + 4] for start in range(0, 160, 4)],),
        {"model": "jina-embeddings-v3", "late_chunking": True, "dimensions": 64},
    ),
    "embed_multivector": ((TEXTS,), {"role": "document", "dimensions": 64}),
    "rerank": (("fishermen", TEXTS), {"model": POINTWISE, "max_documents_per_call": 4}),
    "rerank in rounds": (("fishermen", TEXTS), {"model": LISTWISE, "max_documents_per_call": 8, "top_n": 3}),
    "classify": ((TEXTS,), {"labels": ["the sea", "money", "an animal"]}),
    "classify in groups": ((TEXTS,), {"labels": {"what": ["the sea", "money"], "how": ["good", "bad"]}}),
    "read_many": (([f"https://example.com/{n}" for n in range(40)],), {}),
}
ELASTIC: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "embed": ((TEXTS,), {"inference_id": DENSE}),
    "sparse_embed": ((TEXTS,), {"inference_id": SPARSE}),
}
PAGES = {f"https://example.com/{n}": f"# Page {n}\n\nFishermen know {n} things." for n in range(40)}


def plain(found: Any) -> Any:
    """A result as something that can be compared, without what it cost."""
    for name in ("vectors", "documents"):
        if hasattr(found, name):
            rows = getattr(found, name)
            return [row.tolist() if isinstance(row, np.ndarray) else row for row in rows]
    rows = getattr(found, "results", found)
    return [
        (getattr(row, "index", None), getattr(row, "score", None), getattr(row, "content", None))
        for row in rows
    ]


def ask(client: Any, product: str, calls: dict[str, Any], face: str) -> Any:
    arguments, options = calls[product]
    name = product.partition(" ")[0]
    if face == "sync":
        return getattr(client, name)(*arguments, **options)
    return asyncio.run(getattr(client, f"a{name}")(*arguments, **options))


@pytest.fixture(scope="module")
def right() -> Callable[[str], Any]:
    """The result of a product where nothing fails."""
    engine = Engine(pages=PAGES)
    clients = (
        Jina(base_url="local", transport=engine, batch_size=4),
        Elastic("local", transport=engine, batch_size=4),
    )
    found = {f"jina {name}": plain(ask(clients[0], name, JINA, "sync")) for name in JINA}
    found |= {f"elastic {name}": plain(ask(clients[1], name, ELASTIC, "sync")) for name in ELASTIC}
    return found.__getitem__


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("service", ["jina", "elastic"])
def test_faults_at_a_tenth_of_the_requests_cost_nothing_but_time(right, service, face):
    """Every kind of fault, some forty requests a product over a real socket: the same result as without faults."""
    calls = JINA if service == "jina" else ELASTIC
    # Of Elasticsearch, a 409 is a conflict, and a success without its header another server's: both are final.
    kinds = KINDS if service == "jina" else [*({*KINDS} - SPARED - {"status409", "error200"}), "status408"]
    engine = Engine(faults=Faults(rate=0.1, kinds=sorted(kinds), latency=0.02), seed=4, pages=PAGES)
    options: dict[str, Any] = {"limits": None, "batch_size": 4, "concurrency": 4, "retry": QUICK}
    with running(engine) as url:
        client = Jina(base_url=url, host="jina", **options) if service == "jina" else Elastic(url, **options)
        with client:
            for product in calls:
                before = client.usage.requests
                assert plain(ask(client, product, calls, face)) == right(f"{service} {product}"), product
                assert client.usage.requests - before >= 20, product
            assert client.usage.retries > 3


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"shuffle", "latency"}])
def test_a_fault_at_every_request_is_a_typed_error(kind):
    """Whatever the product: no row is made up."""
    engine = Engine(faults=Faults(rate=1.0, kinds=[kind]), pages=PAGES)
    options: dict[str, Any] = {
        "limits": None,
        "retry": Retry(attempts=1),
        "transport": engine,
    }
    clients = ((Jina(base_url="local", **options), JINA), (Elastic("local", **options), ELASTIC))
    for client, calls in clients:
        for product in calls:
            spared = product == "read_many" or isinstance(client, Elastic)
            if kind == "width" and product.startswith(("rerank", "classify")):
                continue  # scores have none
            if not (spared and kind in SPARED):
                with pytest.raises(RagbridgeError):
                    ask(client, product, calls, "sync")
