"""What ``JinaEmbeddings`` promises to LangChain."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_classic.storage import LocalFileStore
from langchain_core.documents import Document
from langchain_core.stores import InMemoryByteStore
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_ragbridge import JinaEmbeddings
from ragbridge import ConfigurationError, InvalidRequestError, Jina
from ragbridge.flow import Request, Response
from ragbridge.transport.in_process import InProcessTransport

TEXTS = [
    "Rachel Carson wrote about the sea and inspired many to take care of it.",
    "Bread is baked from flour, water, salt and yeast.",
    "The treaty was signed in a railway carriage.",
]
QUERY = "who inspired people to protect the ocean?"


class Recorder(InProcessTransport):
    """The embedded engine, keeping what it was asked and on which face."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[dict[str, Any]] = []
        self.faces: list[str] = []

    def send(self, request: Request) -> Response:
        self._keep(request, "sync")
        return super().send(request)

    async def send_async(self, request: Request) -> Response:
        self._keep(request, "async")
        return await super().send_async(request)

    def _keep(self, request: Request, face: str) -> None:
        self.bodies.append(json.loads(request.body))
        self.faces.append(face)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def client(recorder: Recorder) -> Jina:
    return Jina(base_url="local", transport=recorder)


class TestUnit(EmbeddingsUnitTests):
    """LangChain's own unit tests."""

    @property
    def embeddings_class(self) -> type[JinaEmbeddings]:
        return JinaEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"api_key": "jina_key", "model": "jina-embeddings-v3"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"JINA_API_KEY": "jina_key"}, {"model": "jina-embeddings-v3"}, {"api_key": "jina_key"}


class TestIntegration(EmbeddingsIntegrationTests):
    """LangChain's own integration tests, offline."""

    @property
    def embeddings_class(self) -> type[JinaEmbeddings]:
        return JinaEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"base_url": "local"}


async def test_queries_and_documents_have_their_own_tasks(client, recorder):
    """Documents are embedded as passages and queries as queries, on both faces."""
    embeddings = JinaEmbeddings(client=client)
    embeddings.embed_documents(["a"])
    embeddings.embed_query("a")
    await embeddings.aembed_documents(["a"])
    await embeddings.aembed_query("a")
    assert [body["task"] for body in recorder.bodies] == ["retrieval.passage", "retrieval.query"] * 2
    assert recorder.faces == ["sync", "sync", "async", "async"]


def test_settings_reach_the_service(client, recorder):
    """Every per-call setting is in the request; a task that is set is used for documents and queries alike."""
    settings = {
        "model": "jina-embeddings-v3",
        "task": "classification",
        "dimensions": 64,
        "truncate": True,
        "normalized": False,
    }
    embeddings = JinaEmbeddings(client=client, **settings)
    embeddings.embed_documents(["a"])
    embeddings.embed_query("a")
    for body in recorder.bodies:
        assert {name: body[name] for name in settings} == settings


async def test_nothing_in_nothing_out(client, recorder):
    """An empty list gives an empty list, and making an object asks nothing either."""
    embeddings = JinaEmbeddings(client=client)
    assert embeddings.embed_documents([]) == []
    assert await embeddings.aembed_documents([]) == []
    assert recorder.bodies == []


async def test_many_texts_go_in_bounded_batches_and_come_back_in_order(recorder):
    """Texts are cut into requests of ``batch_size`` at most, and the vectors have the order of the texts."""
    texts = [f"text number {number} of many" for number in range(45)]
    embeddings = JinaEmbeddings(
        client=Jina(base_url="local", transport=recorder, batch_size=10), dimensions=256
    )
    vectors = embeddings.embed_documents(texts)
    assert sorted(len(body["input"]) for body in recorder.bodies) == [5, 10, 10, 10, 10]
    assert vectors == await embeddings.aembed_documents(texts)
    assert vectors == [embeddings.embed_documents([text])[0] for text in texts]
    assert {type(number) for number in vectors[0]} == {float}


@pytest.mark.parametrize(
    "settings",
    [
        {"dimensions": 4096},
        {"dimensions": 0},
        {"model": "jina-embeddings-v2-base-en", "dimensions": 64},
        {"model": "jina-embeddings-v2-base-en", "task": "retrieval.query"},
        {"task": "retrieval.pasage"},
        {"model": "jina-embeddings-v4", "normalized": True},
        {"model": "jina-reranker-v3"},
        {"late_chunking": True},
    ],
)
def test_what_the_model_does_not_have_is_refused_at_once(settings):
    """A setting that the model lacks is refused when the object is made, not at the first request."""
    with pytest.raises(ConfigurationError, match="|".join(settings)):
        JinaEmbeddings(base_url="local", **settings)


def test_refused_text_is_named_by_its_place_in_the_callers_list():
    """When the service refuses one text, the error has its index in the list that was passed."""
    embeddings = JinaEmbeddings(
        base_url="local", model="jina-embeddings-v2-base-en", batch_size=2, truncate=False
    )
    with pytest.raises(InvalidRequestError) as refused:
        embeddings.embed_documents(["a", "b", "c", "word " * 20_000, "d"])
    assert refused.value.index == 3


async def test_vector_store_finds_the_right_text():
    """LangChain's in-memory store, filled through the embeddings, finds the passage that answers a query."""
    store = InMemoryVectorStore(JinaEmbeddings(base_url="local"))
    store.add_documents([Document(text, id=str(place)) for place, text in enumerate(TEXTS[:2])])
    await store.aadd_documents([Document(TEXTS[2], id="2")])
    assert [found.id for found in store.similarity_search(QUERY, k=1)] == ["0"]
    assert [found.id for found in await store.asimilarity_search(QUERY, k=1)] == ["0"]


def test_cache_namespace_changes_with_everything_that_changes_a_vector():
    """Objects whose vectors may differ have different namespaces, those whose vectors are the same have one."""
    base = {"api_key": "jina_key", "model": "jina-embeddings-v3"}
    others = [
        {"model": "jina-embeddings-v5-text-nano"},
        {"task": "separation"},
        {"dimensions": 64},
        {"normalized": False},
        {"truncate": True},
        {"late_chunking": True},
        {"base_url": "local"},
        {"base_url": "http://127.0.0.1:9"},
    ]
    names = [JinaEmbeddings(**base | other).cache_namespace for other in [{}, *others]]
    assert len(set(names)) == len(names)
    assert JinaEmbeddings(**base, timeout=5, batch_size=3, limits=None).cache_namespace == names[0]
    through_client = JinaEmbeddings(client=Jina(base_url="local"), model="jina-embeddings-v3")
    assert through_client.cache_namespace == names[7]


def test_cached_vectors_are_those_of_the_same_settings(client, recorder, tmp_path):
    """One file store serves several settings: each finds its own vectors again and never another's."""
    store = LocalFileStore(tmp_path)
    narrow, wide = (JinaEmbeddings(client=client, dimensions=width) for width in (64, 128))
    cached = [
        CacheBackedEmbeddings.from_bytes_store(
            each, store, namespace=each.cache_namespace, key_encoder="sha256"
        )
        for each in (narrow, wide, narrow)
    ]
    first, second, third = (each.embed_documents(TEXTS) for each in cached)
    assert (len(first[0]), len(second[0])) == (64, 128)
    assert third == first
    assert len(recorder.bodies) == 2


def test_cached_queries_in_a_store_of_their_own_stay_queries(client, recorder):
    """With a store of its own for queries, as the documentation says, a query never gets a document's vector."""
    embeddings = JinaEmbeddings(client=client)
    cached = CacheBackedEmbeddings.from_bytes_store(
        embeddings,
        InMemoryByteStore(),
        namespace=embeddings.cache_namespace,
        query_embedding_cache=InMemoryByteStore(),
        key_encoder="sha256",
    )
    cached.embed_documents(["the same text"])
    cached.embed_query("the same text")
    cached.embed_query("the same text")
    assert [body["task"] for body in recorder.bodies] == ["retrieval.passage", "retrieval.query"]
