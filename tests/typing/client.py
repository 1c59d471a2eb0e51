"""What type checkers know of ``Jina``: read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from ragbridge import (
    Classification,
    Classifications,
    Embeddings,
    Image,
    Jina,
    RankedDocument,
    Ranking,
    RateLimit,
    Retry,
    Training,
    Usage,
)

jina = Jina("key", limits=RateLimit(requests_per_minute=500), retry=Retry(), timeout=30, concurrency=4)
Jina(limits="paid")
Jina(limits=None)
Jina(key="key")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Jina("key", "https://api.jina.ai")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def embed(texts: list[str], model: str) -> None:
    """The blocking face has the parameters of its definition, and the result of its plan."""
    passages = jina.embed(texts, model=model, role="document", dimensions=256, late_chunking=True)
    assert_type(passages, Embeddings)
    assert_type(passages.vectors, NDArray[np.float32])
    assert_type(passages.tolist(), list[list[float]])
    assert_type(passages.usage, Usage)
    assert_type(passages.usage.tokens, int)
    assert_type(passages.model, str)
    assert_type(iter(passages), Iterator[NDArray[np.float32]])
    jina.embed(("a", "tuple"), model="jina-embeddings-v3", task="classification")
    jina.embed(text=texts)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    jina.embed(texts, "jina-embeddings-v3")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    jina.embed(texts, role="passage")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    jina.embed([1, 2])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    passages.model = "another"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def rerank(documents: list[str], rows: list[Mapping[str, str]]) -> None:
    """Texts and objects with ``text`` are ranked alike."""
    ranking = jina.rerank("query", documents, top_n=3, return_documents=True)
    assert_type(ranking, Ranking)
    assert_type(ranking.results, tuple[RankedDocument, ...])
    assert_type(ranking.results[0].index, int)
    assert_type(ranking.results[0].score, float)
    assert_type(ranking.results[0].document, str | Image | Mapping[str, Any] | None)
    assert_type(ranking.met, frozenset[int])
    assert_type([row.index for row in ranking], list[int])
    jina.rerank("query", rows, model="jina-reranker-v3")
    jina.rerank("query", documents, top_k=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    jina.rerank("query")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def classify(texts: list[str], labels: list[str]) -> None:
    """Labels, groups of them, or a classifier; classifiers have both faces as well."""
    found = jina.classify(texts, labels=labels)
    assert_type(found, Classifications)
    assert_type(found.results, tuple[Classification, ...])
    assert_type(found.results[0].label, str)
    jina.classify([*texts, Image("cat.png")], labels={"topic": labels}, model="jina-clip-v2")
    jina.classify(texts, classifier="id")
    jina.classify(texts, label=labels)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    training = jina.classifiers.train([("a text", "a label"), {"text": "t", "label": "b"}])
    assert_type(training, Training)


async def awaited(texts: list[str]) -> None:
    """The awaitable face has the same parameters, and must be awaited for the same result."""
    assert_type(await jina.aembed(texts, role="query"), Embeddings)
    assert_type(await jina.arerank("query", texts, top_n=1), Ranking)
    await jina.aembed(text=texts)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await jina.arerank("query", texts, top_k=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    _ = jina.aembed(texts).vectors  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def closed() -> None:
    """Context managers give the client itself, whichever class it is of."""
    with Jina() as blocking:
        assert_type(blocking, Jina)
    async with Mine() as mine:
        assert_type(mine, Mine)


class Mine(Jina):
    """A client of a user's own."""
