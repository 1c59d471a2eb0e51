"""The Haystack components in pipelines: end to end, and written down and read again."""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Document, Pipeline, component
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.core.errors import PipelineRuntimeError, SerializationError
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from haystack_integrations.components.embedders.ragbridge import (
    JinaDocumentEmbedder,
    JinaDocumentImageEmbedder,
    JinaTextEmbedder,
)
from haystack_integrations.components.rankers.ragbridge import JinaRanker
from ragbridge import AuthenticationError, Jina, RateLimit, Retry
from ragbridge.local import Engine
from ragbridge.server import running

LIMIT = RateLimit(requests_per_minute=60, tokens_per_minute=None, concurrency=3, window=10.0)
RETRY = Retry(attempts=2, initial=0.1, maximum=1.0, retry_after_cap=5.0, refusals=3)
CONNECTION: dict[str, Any] = {
    "api_key": Secret.from_env_var("MY_JINA_KEY"),
    "base_url": "http://127.0.0.1:1/v1",
    "limits": LIMIT,
    "retry": RETRY,
    "timeout": 12.5,
    "concurrency": 3,
}
EMBEDDING: dict[str, Any] = {
    "model": "jina-embeddings-v3",
    "prefix": "<",
    "suffix": ">",
    "task": "separation",
    "dimensions": 64,
    "truncate": True,
    "normalized": False,
}
META = {"meta_fields_to_embed": ["title"], "embedding_separator": " | "}
PICTURES = {"file_path_meta_field": "picture", "root_path": "pictures", "image_size": (640, 480)}
SETTINGS: dict[type[Any], dict[str, Any]] = {
    JinaTextEmbedder: {**CONNECTION, **EMBEDDING},
    JinaDocumentEmbedder: {
        **CONNECTION,
        **EMBEDDING,
        **META,
        "batch_size": 7,
        "progress_bar": True,
        "late_chunking": True,
        "source_id_field": "file",
    },
    JinaDocumentImageEmbedder: {
        **CONNECTION,
        **PICTURES,
        "model": "jina-embeddings-v4",
        "task": "text-matching",
        "dimensions": 128,
        "normalized": False,
        "batch_size": 7,
        "progress_bar": True,
    },
    JinaRanker: {
        **CONNECTION,
        **META,
        **PICTURES,
        "model": "jina-reranker-v3.5",
        "top_k": 4,
        "score_threshold": 0.25,
        "max_doc_length": 300,
        "max_documents_per_call": 5,
        "keep_retrieval_score": True,
    },
}
PASSAGES = {
    "Bees are insects that collect nectar and make honey.": "Which insects make honey?",
    "A glacier is a slow river of ice.": "What is a slow river of ice called?",
    "The parser reads tokens and builds a syntax tree.": "What builds a syntax tree from tokens?",
    "The stock market closed lower on Friday.": "How did the stock market close on Friday?",
    "Iron turns to rust in the rain.": "What does iron turn to in the rain?",
    "Trains leave the station every hour.": "How often do trains leave the station?",
}


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees a key of the machine that it runs on."""
    for name in ("JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def address() -> Iterator[str]:
    """A server over a real socket that takes one key."""
    with running(Engine(api_keys=["right"])) as url:
        yield url


def indexing(store: InMemoryDocumentStore, **settings: Any) -> Pipeline:
    """Embed, then write."""
    pipeline = Pipeline()
    pipeline.add_component("embedder", JinaDocumentEmbedder(**settings))
    pipeline.add_component("writer", DocumentWriter(store))
    pipeline.connect("embedder.documents", "writer.documents")
    return pipeline


def searching(store: InMemoryDocumentStore, **settings: Any) -> Pipeline:
    """Embed the query, retrieve, rerank."""
    pipeline = Pipeline()
    pipeline.add_component("embedder", JinaTextEmbedder(**settings))
    pipeline.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=4))
    pipeline.add_component("ranker", JinaRanker(**settings, top_k=2, keep_retrieval_score=True))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    pipeline.connect("retriever.documents", "ranker.documents")
    return pipeline


def asked(query: str) -> dict[str, Any]:
    """What the searching pipeline takes."""
    return {"embedder": {"text": query}, "ranker": {"query": query}}


def check_search(results: list[dict[str, Any]]) -> None:
    """Each query found its passage, with both scores and the id of the passage as it was given."""
    for result, (passage, _) in zip(results, PASSAGES.items(), strict=True):
        best, second = result["ranker"]["documents"]
        assert best.content == passage
        assert best.id == Document(content=passage).id
        assert best.score > second.score
        assert best.meta["retrieval_score"] > second.meta["retrieval_score"]
        assert result["embedder"]["meta"]["usage"]["total_tokens"] > 0
        assert result["ranker"]["meta"]["usage"]["total_tokens"] > 0


def test_indexing_and_search() -> None:
    """Documents that were embedded and written are found and ranked, over the embedded engine."""
    store = InMemoryDocumentStore()
    written = indexing(store, base_url="local").run(
        {"documents": [Document(content=text) for text in PASSAGES]}
    )
    assert written["writer"] == {"documents_written": len(PASSAGES)}
    pipeline = searching(store, base_url="local")
    check_search([pipeline.run(asked(query)) for query in PASSAGES.values()])


async def test_indexing_and_search_async() -> None:
    """The same on an event loop, by ``run_async``, with one ready client for all components."""
    client = Jina(base_url="local")
    store = InMemoryDocumentStore()
    documents = [Document(content=text) for text in PASSAGES]
    written = await indexing(store, client=client).run_async({"documents": documents})
    assert written["writer"] == {"documents_written": len(PASSAGES)}
    pipeline = searching(store, client=client)
    check_search([await pipeline.run_async(asked(query)) for query in PASSAGES.values()])


async def test_search_read_from_yaml(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline that was written and read again works over a socket, by both faces, and closes what it opened."""
    monkeypatch.setenv("JINA_API_KEY", "right")
    store = InMemoryDocumentStore()  # one that is read again holds the same documents
    with_limits: dict[str, Any] = {"base_url": address, "limits": RateLimit(concurrency=3)}
    first = Pipeline.loads(indexing(store, **with_limits).dumps())
    first.run({"documents": [Document(content=text) for text in PASSAGES]})
    first.close()
    pipeline = Pipeline.loads(searching(store, **with_limits).dumps())
    pipeline.warm_up()
    queries = list(PASSAGES.values())
    check_search(
        [pipeline.run(asked(query)) for query in queries[:3]]
        + [await pipeline.run_async(asked(query)) for query in queries[3:]]
    )
    await pipeline.close_async()


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("limits", ["paid", None])
def test_limits_survive_by_name_and_as_none(kind: type[Any], limits: str | None) -> None:
    """A tier's name and "no limiter" are not taken for one another, nor for the default."""
    pipeline = Pipeline()
    pipeline.add_component("it", kind(base_url="local", limits=limits))
    assert Pipeline.loads(pipeline.dumps()).get_component("it").limits == limits


@pytest.mark.parametrize("kind", SETTINGS)
def test_from_dict_leaves_its_argument_alone(kind: type[Any]) -> None:
    """The same dictionary makes any number of components, none of which shares a list with it."""
    data = kind(**SETTINGS[kind]).to_dict()
    before = copy.deepcopy(data)
    first, second = kind.from_dict(data), kind.from_dict(data)
    if hasattr(first, "meta_fields_to_embed"):
        first.meta_fields_to_embed.append("other")
    assert data == before == second.to_dict()


@pytest.mark.parametrize("kind", SETTINGS)
def test_token_refuses_to_be_serialised(kind: type[Any]) -> None:
    """A key that was given as a token is shown nowhere and written nowhere."""
    made = kind(api_key=Secret.from_token("token-1234"), base_url="local")
    pipeline = Pipeline()
    pipeline.add_component("it", made)
    for write in (made.to_dict, pipeline.dumps, lambda: pickle.dumps(made)):
        with pytest.raises(ValueError, match="Cannot serialize token-based secret"):
            write()
    assert "token-1234" not in f"{made!r} {vars(made)!r}"


@pytest.mark.parametrize("kind", SETTINGS)
def test_client_refuses_to_be_serialised(kind: type[Any]) -> None:
    """A component with a ready client says what to pass instead."""
    made = kind(client=Jina(base_url="local"))
    pipeline = Pipeline()
    pipeline.add_component("it", made)
    for write in (made.to_dict, pipeline.dumps, lambda: pickle.dumps(made)):
        with pytest.raises(SerializationError, match="Pass its settings instead"):
            write()


def test_refusal_in_a_pipeline_shows_its_cause(address: str) -> None:
    """A pipeline whose component fails raises with the package's error as the cause, even with a ready client."""
    with Jina("wrong-key", base_url=address) as client:
        pipeline = searching(InMemoryDocumentStore(), client=client)
        with pytest.raises(PipelineRuntimeError) as caught:
            pipeline.run(asked("anything"))
    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert "wrong-key" not in str(caught.value)


@component
class Bill:
    """Waits for two bills before it runs."""

    @component.output_types(tokens=int)
    def run(self, embedding: dict[str, Any], ranking: dict[str, Any]) -> dict[str, int]:
        return {"tokens": sum(meta["usage"]["total_tokens"] for meta in (embedding, ranking))}


def test_meta_reaches_its_consumer_on_empty_input() -> None:
    """A component that waits for ``meta`` runs although there was nothing to embed or rank."""
    pipeline = Pipeline()
    pipeline.add_component("embedder", JinaDocumentEmbedder(base_url="local"))
    pipeline.add_component("ranker", JinaRanker(base_url="local"))
    pipeline.add_component("bill", Bill())
    pipeline.connect("embedder.documents", "ranker.documents")
    pipeline.connect("embedder.meta", "bill.embedding")
    pipeline.connect("ranker.meta", "bill.ranking")
    result = pipeline.run({"embedder": {"documents": []}, "ranker": {"query": "anything"}})
    assert result["bill"] == {"tokens": 0}
