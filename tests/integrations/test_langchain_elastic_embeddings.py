"""What ``ElasticEmbeddings`` promises to LangChain."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_classic.storage import LocalFileStore
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_ragbridge import ElasticEmbeddings
from ragbridge import ConfigurationError, Elastic, InvalidRequestError
from ragbridge.flow import Request, Response
from ragbridge.transport.in_process import InProcessTransport

ENDPOINT = ".jina-embeddings-v5-text-small"
TEXTS = [
    "Rachel Carson wrote about the sea and inspired many to take care of it.",
    "Bread is baked from flour, water, salt and yeast.",
    "The treaty was signed in a railway carriage.",
]
QUERY = "who inspired people to protect the ocean?"


class Recorder(InProcessTransport):
    """The embedded engine, keeping what it was asked to infer and on which face."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[dict[str, Any]] = []
        self.urls: list[str] = []
        self.faces: list[str] = []

    def send(self, request: Request) -> Response:
        self._keep(request, "sync")
        return super().send(request)

    async def send_async(self, request: Request) -> Response:
        self._keep(request, "async")
        return await super().send_async(request)

    def _keep(self, request: Request, face: str) -> None:
        if request.method == "POST":
            self.bodies.append(json.loads(request.body))
            self.urls.append(request.url)
            self.faces.append(face)


class Packed(InProcessTransport):
    """An endpoint whose vectors are of another type: each text is a list of the numbers that it gets."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def send(self, request: Request) -> Response:
        rows = [{"embedding": json.loads(text)} for text in json.loads(request.body)["input"]]
        return Response(200, {"x-elastic-product": "Elasticsearch"}, json.dumps({self._name: rows}).encode())


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster of whoever runs the tests has no part in them."""
    for name in ("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def client(recorder: Recorder) -> Elastic:
    return Elastic("local", transport=recorder)


class TestUnit(EmbeddingsUnitTests):
    """LangChain's own unit tests."""

    @property
    def embeddings_class(self) -> type[ElasticEmbeddings]:
        return ElasticEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"url": "http://localhost:9200", "api_key": "a2V5", "inference_id": "my"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {"ELASTICSEARCH_URL": "http://localhost:9200", "ELASTIC_API_KEY": "a2V5"}
        return environment, {"inference_id": "my"}, {"url": "http://localhost:9200", "api_key": "a2V5"}


class TestIntegration(EmbeddingsIntegrationTests):
    """LangChain's own integration tests, offline."""

    @property
    def embeddings_class(self) -> type[ElasticEmbeddings]:
        return ElasticEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"url": "local", "inference_id": ENDPOINT}


async def test_queries_and_documents_have_their_own_input_types(client, recorder):
    """Documents are embedded as what is stored and queries as what searches, on both faces."""
    embeddings = ElasticEmbeddings(client=client, inference_id=ENDPOINT)
    embeddings.embed_documents(["a"])
    embeddings.embed_query("a")
    await embeddings.aembed_documents(["a"])
    await embeddings.aembed_query("a")
    assert [body["input_type"] for body in recorder.bodies] == ["ingest", "search"] * 2
    assert recorder.faces == ["sync", "sync", "async", "async"]


def test_settings_reach_the_service(client, recorder):
    """An input type that is set is used for documents and queries alike; the model's time stands in the address."""
    embeddings = ElasticEmbeddings(
        client=client, inference_id=ENDPOINT, input_type="clustering", inference_timeout=90
    )
    embeddings.embed_documents(["a"])
    embeddings.embed_query("a")
    assert [body["input_type"] for body in recorder.bodies] == ["clustering"] * 2
    assert all("timeout=90" in url for url in recorder.urls)


def test_task_type_is_part_of_the_route(client, recorder):
    """An endpoint of several modalities is asked by its own type."""
    embeddings = ElasticEmbeddings(client=client, inference_id=".jina-clip-v2", task_type="embedding")
    assert len(embeddings.embed_query("a")) == 1024
    assert "/_inference/embedding/" in recorder.urls[0]


async def test_nothing_in_nothing_out(client, recorder):
    """An empty list gives an empty list, and making an object asks nothing either."""
    embeddings = ElasticEmbeddings(client=client, inference_id=ENDPOINT)
    assert embeddings.embed_documents([]) == []
    assert await embeddings.aembed_documents([]) == []
    assert client.usage.requests == 0


async def test_many_texts_go_in_bounded_batches_and_come_back_in_order(recorder):
    """Texts are cut into requests within what the service takes, and the vectors have the order of the texts."""
    texts = [f"text number {number} of many" for number in range(45)]
    embeddings = ElasticEmbeddings(client=Elastic("local", transport=recorder), inference_id=ENDPOINT)
    vectors = embeddings.embed_documents(texts)
    assert max(len(body["input"]) for body in recorder.bodies) <= 16
    assert sum(len(body["input"]) for body in recorder.bodies) == 45
    assert vectors == await embeddings.aembed_documents(texts)
    assert vectors[30] == embeddings.embed_documents([texts[30]])[0]
    assert {type(number) for number in vectors[0]} == {float}


def test_bytes_become_floats():
    """Vectors of bytes come out as the same numbers, as floats."""
    embeddings = ElasticEmbeddings(
        client=Elastic("local", transport=Packed("text_embedding_bytes")), inference_id="my"
    )
    vector = embeddings.embed_query("[-128, 0, 127]")
    assert vector == [-128.0, 0.0, 127.0]
    assert {type(number) for number in vector} == {float}


def test_bits_become_signs():
    """Vectors of bits come out as 1.0 and -1.0 for each dimension: their cosines say how many bits agree."""
    rows = np.random.default_rng(7).integers(-128, 128, (6, 8)).tolist()
    embeddings = ElasticEmbeddings(
        client=Elastic("local", transport=Packed("text_embedding_bits")), inference_id="my"
    )
    vectors = embeddings.embed_documents([str(row) for row in rows])
    assert {type(number) for number in vectors[0]} == {float}
    found = np.array(vectors)
    assert found.shape == (6, 64)
    bits = [[int(bit) for number in row for bit in f"{number % 256:08b}"] for row in rows]
    agreeing = [[sum(a == b for a, b in zip(one, other, strict=True)) for other in bits] for one in bits]
    assert (found @ found.T == 2 * np.array(agreeing) - 64).all()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"inference_id": ""}, "inference_id"),
        ({"task_type": "sparse_embedding"}, "task_type"),
        ({"input_type": "passage"}, "input_type"),
        ({"inference_timeout": 0}, "timeout"),
        ({"late_chunking": True}, "late_chunking"),
    ],
)
def test_what_no_endpoint_has_is_refused_at_once(settings, name):
    """A setting that is wrong or that would be ignored is refused when the object is made."""
    with pytest.raises(ConfigurationError, match=name):
        ElasticEmbeddings(**{"url": "local", "inference_id": ENDPOINT, **settings})


def test_an_endpoint_that_is_not_there_is_told_of():
    """By its id, when it is first used."""
    embeddings = ElasticEmbeddings(url="local", inference_id="nobody-made-me")
    with pytest.raises(InvalidRequestError, match="nobody-made-me") as refused:
        embeddings.embed_query("a")
    assert refused.value.status == 404


async def test_vector_store_finds_the_right_text():
    """LangChain's in-memory store, filled through the embeddings, finds the passage that answers a query."""
    store = InMemoryVectorStore(ElasticEmbeddings(url="local", inference_id=ENDPOINT))
    store.add_documents([Document(text, id=str(place)) for place, text in enumerate(TEXTS[:2])])
    await store.aadd_documents([Document(TEXTS[2], id="2")])
    assert [found.id for found in store.similarity_search(QUERY, k=1)] == ["0"]
    assert [found.id for found in await store.asimilarity_search(QUERY, k=1)] == ["0"]


def test_cache_namespace_changes_with_everything_that_changes_a_vector():
    """Objects whose vectors may differ have different namespaces, those whose vectors are the same have one."""
    base = {"url": "http://localhost:9200", "inference_id": "my"}
    others = [{"url": "http://other:9200"}, {"inference_id": "your"}, {"task_type": "embedding"}]
    others += [{"input_type": "clustering"}]
    names = [ElasticEmbeddings(**base | other).cache_namespace for other in [{}, *others]]
    assert len(set(names)) == len(names)
    assert ElasticEmbeddings(**base, timeout=5, batch_size=3, limits=None).cache_namespace == names[0]
    through_client = ElasticEmbeddings(client=Elastic("http://localhost:9200"), inference_id="my")
    assert through_client.cache_namespace == names[0]


def test_cached_vectors_are_those_of_the_same_endpoint(client, recorder, tmp_path):
    """One file store serves several endpoints: each finds its own vectors again and never another's."""
    store = LocalFileStore(tmp_path)
    small, other = (
        ElasticEmbeddings(client=client, inference_id=name)
        for name in (ENDPOINT, ".jina-embeddings-v5-text-nano")
    )
    first, second, third = (
        CacheBackedEmbeddings.from_bytes_store(
            each, store, namespace=each.cache_namespace, key_encoder="sha256"
        ).embed_documents(TEXTS)
        for each in (small, other, small)
    )
    assert third == first
    assert [len(vectors[0]) for vectors in (first, second)] == [1024, 768]
    assert len(recorder.bodies) == 2
