"""The Haystack embedders and the ranker over Elasticsearch's inference API."""

from __future__ import annotations

import asyncio
import base64
import copy
import inspect
import json
import os
import pickle
import ssl
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.core.errors import SerializationError
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from haystack_integrations.components.embedders.ragbridge import (
    ElasticDocumentEmbedder,
    ElasticSparseDocumentEmbedder,
    ElasticSparseTextEmbedder,
    ElasticTextEmbedder,
)
from haystack_integrations.components.rankers.ragbridge import ElasticRanker
from haystack_integrations.components.retrievers.ragbridge import ElasticSemanticRetriever
from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    ServiceError,
)
from ragbridge.elastic import Elastic
from ragbridge.flow import Request
from ragbridge.local import Answer, Engine, Faults
from ragbridge.server import running

DENSE, SPARSE, RERANK = ".jina-embeddings-v5-text-small", ".elser-2-elastic", ".jina-reranker-v3"
ENDPOINTS: dict[type[Any], str] = {
    ElasticTextEmbedder: DENSE,
    ElasticDocumentEmbedder: DENSE,
    ElasticSparseTextEmbedder: SPARSE,
    ElasticSparseDocumentEmbedder: SPARSE,
    ElasticRanker: RERANK,
}
COMPONENTS = [*ENDPOINTS]
EMBEDDERS = COMPONENTS[:4]
ALL = [*COMPONENTS, ElasticSemanticRetriever]
QUERY = "Which insects make honey?"
TEXTS = [
    "The stock market closed lower on Friday.",
    "Bees are insects that collect nectar and make honey.",
    "A glacier is a slow river of ice.",
    "The parser reads tokens and builds a tree.",
    "Honey keeps for years in a closed jar.",
    "Trains leave the station every hour.",
    "Rust is what iron becomes in the rain.",
]
SECRETS = {
    "MY_API_KEY": "sesame-key-0815",
    "MY_PASSWORD": "sesame-password-4711",
    "MY_TOKEN": "sesame-token-1",
}
CREDENTIALS: list[dict[str, Any]] = [
    {"api_key": Secret.from_env_var("MY_API_KEY")},
    {"username": "reader", "password": Secret.from_env_var("MY_PASSWORD"), "api_key": None},
    {"bearer_auth": Secret.from_env_var("MY_TOKEN"), "verify": False, "ca_certs": None},
    {"cloud_id": "name:ZXhhbXBsZS5jb20kYWJjJGRlZg==", "url": None},
]
REQUEST = {"task_settings": {"dimensions": 64}, "inference_timeout": 20.0}
TEXT = {"prefix": "<", "suffix": ">"}
META = {"meta_fields_to_embed": ["title"], "embedding_separator": " | "}
BATCH = {"batch_size": 7, "progress_bar": True}
KIND = {"input_type": "clustering", "task_type": "embedding"}
SETTINGS: dict[type[Any], dict[str, Any]] = {
    ElasticTextEmbedder: {"inference_id": "mine", **REQUEST, **TEXT, **KIND},
    ElasticDocumentEmbedder: {"inference_id": "mine", **REQUEST, **TEXT, **KIND, **META, **BATCH},
    ElasticSparseTextEmbedder: {"inference_id": "mine", **REQUEST, **TEXT},
    ElasticSparseDocumentEmbedder: {"inference_id": "mine", **REQUEST, **TEXT, **META, **BATCH},
    ElasticRanker: {
        "inference_id": "mine",
        **REQUEST,
        **META,
        "top_k": 4,
        "score_threshold": 0.25,
        "keep_retrieval_score": True,
    },
    ElasticSemanticRetriever: {
        "index": ["articles", "notes-*"],
        "field": "meaning",
        "top_k": 4,
        "filters": [{"term": {"lang": "en"}}, {"range": {"year": {"gte": 2020}}}],
        "content_field": "content",
        "rerank_inference_id": "reranker",
        "rank_window_size": 20,
        "rerank_field": "title",
        "match_field": "content",
        "meta_fields": ["year"],
    },
}


class Cluster(Engine):
    """The embedded engine behind a real socket, which remembers what came in."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.url = ""
        self.requests: list[Request] = []

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.requests if request.body]

    def handle(self, request: Request) -> Answer:
        self.requests.append(request)
        return super().handle(request)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A service that works."""
    found = Cluster()
    with running(found) as found.url:
        yield found


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the cluster of the machine that it runs on."""
    for name in ("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def made(cluster: Cluster) -> Iterator[Callable[..., Any]]:
    """``made(kind, ...)``: a component over ``cluster``, closed in the end."""
    components = []

    def make(kind: type[Any], **settings: Any) -> Any:
        components.append(kind(**{"inference_id": ENDPOINTS[kind], "url": cluster.url, **settings}))
        return components[-1]

    yield make
    for component in components:
        component.close()


def documents() -> list[Document]:
    """Documents as a retriever hands them on."""
    return [
        Document(content=text, meta={"n": n, "title": f"title {n}"}, score=n / 10)
        for n, text in enumerate(TEXTS)
    ]


def inputs_for(kind: type[Any]) -> dict[str, Any]:
    """What ``run`` of a component takes."""
    if kind is ElasticRanker:
        return {"query": QUERY, "documents": documents()}
    return (
        {"documents": documents()}
        if "documents" in inspect.signature(kind.run).parameters
        else {"text": QUERY}
    )


def local(kind: type[Any], **settings: Any) -> Any:
    """A component over the embedded engine."""
    return kind(ENDPOINTS[kind], url="local", **settings)


NAMES = [
    "embedders.ragbridge.elastic_text_embedder.ElasticTextEmbedder",
    "embedders.ragbridge.elastic_document_embedder.ElasticDocumentEmbedder",
    "embedders.ragbridge.elastic_sparse_text_embedder.ElasticSparseTextEmbedder",
    "embedders.ragbridge.elastic_sparse_document_embedder.ElasticSparseDocumentEmbedder",
    "rankers.ragbridge.elastic_ranker.ElasticRanker",
    "retrievers.ragbridge.elastic_semantic_retriever.ElasticSemanticRetriever",
]


@pytest.mark.parametrize(("kind", "name"), [*zip(ALL, NAMES, strict=True)])
def test_names(kind: type[Any], name: str) -> None:
    """Serialised pipelines hold these names for ever."""
    assert kind(**SETTINGS[kind]).to_dict()["type"] == f"haystack_integrations.components.{name}"


@pytest.mark.parametrize("kind", COMPONENTS)
async def test_sync_and_async_agree(kind: type[Any]) -> None:
    """``run`` and ``run_async`` give the same outputs, down to the last bit."""
    component = local(kind)
    assert component.run(**inputs_for(kind)) == await component.run_async(**inputs_for(kind))


def test_a_query_is_a_search_and_documents_are_ingested(cluster: Cluster, made: Callable[..., Any]) -> None:
    """Elasticsearch is told what texts are for, without any setting."""
    made(ElasticTextEmbedder).run(QUERY)
    made(ElasticDocumentEmbedder).run(documents())
    assert [body["input_type"] for body in cluster.bodies] == ["search", "ingest"]


@pytest.mark.parametrize("kind", COMPONENTS)
async def test_settings_reach_the_wire(kind: type[Any], cluster: Cluster, made: Callable[..., Any]) -> None:
    """The endpoint, the service's settings and the time that a model may take are sent, by both faces."""
    more = {"input_type": "clustering"} if kind in EMBEDDERS[:2] else {}
    component = made(kind, inference_timeout=45, task_settings={"mine": 1}, **more)
    with pytest.raises(InvalidRequestError, match=r"\[mine\]"):
        component.run(**inputs_for(kind))
    with pytest.raises(InvalidRequestError, match=r"\[mine\]"):
        await component.run_async(**inputs_for(kind))
    first, second = cluster.requests
    assert (first.url, first.body) == (second.url, second.body)
    assert urlsplit(first.url).path.endswith(f"/{ENDPOINTS[kind]}")
    assert parse_qs(urlsplit(first.url).query) == {"timeout": ["45s"]}
    assert cluster.bodies[0]["task_settings"] == {"mine": 1}
    assert cluster.bodies[0].get("input_type") == more.get("input_type")


def test_an_endpoint_for_several_modalities(cluster: Cluster, made: Callable[..., Any]) -> None:
    """``task_type`` chooses the route and with it the form of the answer."""
    settings = {"inference_id": ".jina-clip-v2", "task_type": "embedding"}
    (row,) = made(ElasticDocumentEmbedder, **settings).run(documents()[:1])["documents"]
    assert len(row.embedding) == len(made(ElasticTextEmbedder, **settings).run(QUERY)["embedding"]) == 1024
    assert all("/_inference/embedding/.jina-clip-v2" in request.url for request in cluster.requests)


def test_text_of_a_query(cluster: Cluster, made: Callable[..., Any]) -> None:
    """A query goes between prefix and suffix."""
    for kind in (ElasticTextEmbedder, ElasticSparseTextEmbedder):
        made(kind, prefix="a ", suffix=" z").run("query")
    assert [body["input"] for body in cluster.bodies] == [["a query z"]] * 2


def test_text_of_a_document(cluster: Cluster, made: Callable[..., Any]) -> None:
    """Chosen meta fields come before the content, where there are any; content may be missing."""
    found = [
        Document(content="text", meta={"title": "T", "year": 1999, "secret": "s"}),
        Document(content="only", meta={"title": None}),
        Document(meta={"year": 0}),
    ]
    fields = {"meta_fields_to_embed": ["title", "year"], "embedding_separator": " | "}
    for kind in (ElasticDocumentEmbedder, ElasticSparseDocumentEmbedder):
        made(kind, prefix="<", suffix=">", **fields).run(found)
    made(ElasticRanker, **fields).run(QUERY, found)
    texts = [body["input"] for body in cluster.bodies]
    assert texts == [["<T | 1999 | text>", "<only>", "<0 | >"]] * 2 + [["T | 1999 | text", "only", "0 | "]]


async def test_documents_keep_order_and_identity(cluster: Cluster, made: Callable[..., Any]) -> None:
    """However documents are cut into requests, each gets its own vector, keeps its id, and the input stays."""
    given = [Document(content=f"{n}: {TEXTS[n % 7]}", meta={"n": n}) for n in range(60)]
    before = copy.deepcopy(given)
    alone = (
        Elastic("local").embed([each.content for each in given], inference_id=DENSE, role="document").tolist()
    )
    embedder = made(ElasticDocumentEmbedder, batch_size=7)
    for result in (embedder.run(given), await embedder.run_async(given)):
        assert [document.id for document in result["documents"]] == [document.id for document in given]
        assert [document.embedding for document in result["documents"]] == alone
        assert result["meta"] == {"model": DENSE}
    assert given == before
    assert max(len(body["input"]) for body in cluster.bodies) == 7


async def test_tokens_become_the_core_s_numbers(made: Callable[..., Any]) -> None:
    """Weighted tokens of documents and of queries are numbered alike, as in every other framework."""
    given = documents()
    before = copy.deepcopy(given)
    expected = Elastic("local").sparse_embed([QUERY, *TEXTS], inference_id=SPARSE)
    embedder = made(ElasticSparseDocumentEmbedder, batch_size=2)
    for result in (embedder.run(given), await embedder.run_async(given)):
        vectors = [each.sparse_embedding for each in result["documents"]]
        pairs = [dict(zip(each.indices, each.values, strict=True)) for each in vectors]
        assert pairs == [*expected.indices()][1:]
        assert [each.id for each in result["documents"]] == [each.id for each in given]
        assert result["meta"] == {"model": SPARSE, "is_truncated": [False] * len(TEXTS)}
    assert given == before
    found = made(ElasticSparseTextEmbedder).run(QUERY)
    vector = found["sparse_embedding"]
    assert dict(zip(vector.indices, vector.values, strict=True)) == expected.indices()[0]
    assert found["meta"] == {"model": SPARSE, "is_truncated": False}
    best = max(
        pairs,
        key=lambda row: sum(row.get(index, 0) * weight for index, weight in expected.indices()[0].items()),
    )
    assert best == pairs[1]


@pytest.mark.parametrize(
    ("service", "settings", "numbers"),
    [
        (
            "elasticsearch",
            {"model_id": "uploaded", "num_threads": 1, "num_allocations": 1, "element_type": "byte"},
            {*map(float, range(-128, 128))},
        ),
        ("jinaai", {"model_id": "jina-embeddings-v3", "api_key": "k", "embedding_type": "bit"}, {-1.0, 1.0}),
    ],
)
async def test_bytes_and_bits_are_numbers(
    cluster: Cluster,
    made: Callable[..., Any],
    service: str,
    settings: dict[str, Any],
    numbers: set[float],
) -> None:
    """A store compares them as it compares floats: bytes by their values, bits as 1 and -1 for each dimension."""
    body = json.dumps({"service": service, "service_settings": settings}).encode()
    asked = Request("PUT", "http://es/_inference/text_embedding/mine", {}, body)
    assert cluster.handle(asked).response.status == 200
    (row,) = made(ElasticDocumentEmbedder, inference_id="mine").run(documents()[:1])["documents"]
    (query,) = [(await made(ElasticTextEmbedder, inference_id="mine").run_async(QUERY))["embedding"]]
    assert len(row.embedding) == len(query)
    assert set(map(type, row.embedding)) == {float}
    assert len({*row.embedding}) > 1
    assert {*row.embedding, *query} <= numbers


async def test_empty_input_sends_nothing(cluster: Cluster, made: Callable[..., Any]) -> None:
    """An empty list is answered with one, and with ``meta`` all the same."""
    for kind in (ElasticDocumentEmbedder, ElasticSparseDocumentEmbedder):
        component = made(kind)
        found = component.run([])
        assert found == await component.run_async([])
        assert (found["documents"], found["meta"]["model"]) == ([], ENDPOINTS[kind])
    ranker = made(ElasticRanker)
    assert (
        ranker.run(QUERY, [])
        == await ranker.run_async(QUERY, [])
        == {"documents": [], "meta": {"model": RERANK}}
    )
    assert cluster.requests == []


async def test_wrong_inputs_are_refused() -> None:
    """Each component names the one that takes what it was given."""
    for text, document in (EMBEDDERS[:2], EMBEDDERS[2:]):
        for wrong in (documents(), None, 1):
            with pytest.raises(TypeError, match=document.__name__):
                local(text).run(wrong)
            with pytest.raises(TypeError, match=document.__name__):
                await local(text).run_async(wrong)
        for wrong in ("text", ["text"], [documents()[0], "text"], None):
            with pytest.raises(TypeError, match=text.__name__):
                local(document).run(wrong)
    with pytest.raises(TypeError, match="list of Documents"):
        local(ElasticRanker).run(QUERY, ["text"])
    with pytest.raises(TypeError, match="query"):
        await local(ElasticRanker).run_async(None, documents())


async def test_ranking_is_by_score(cluster: Cluster, made: Callable[..., Any]) -> None:
    """Documents come best first, as copies with their ids; old scores are kept on request."""
    given = documents()
    before = copy.deepcopy(given)
    found = made(ElasticRanker, keep_retrieval_score=True).run(QUERY, given)["documents"]
    assert found[0].id == given[1].id
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert {each.id: each.meta["retrieval_score"] for each in found} == {
        each.id: each.score for each in given
    }
    plain = await made(ElasticRanker).run_async(QUERY, given, top_k=3)
    assert [(each.id, each.score) for each in plain["documents"]] == [
        (each.id, each.score) for each in found[:3]
    ]
    assert not any("retrieval_score" in each.meta for each in plain["documents"])
    assert given == before
    assert [body["top_n"] for body in cluster.bodies] == [7, 3]


def test_top_k_and_threshold() -> None:
    """``top_k`` and ``score_threshold`` hold together, and those of a ``run`` hold before the component's."""
    scores = [each.score for each in local(ElasticRanker).run(QUERY, documents())["documents"]]
    ranker = local(ElasticRanker, top_k=3, score_threshold=scores[1])

    def run(**options: Any) -> list[float | None]:
        return [each.score for each in ranker.run(QUERY, documents(), **options)["documents"]]

    assert run() == scores[:2]
    assert run(top_k=1) == scores[:1]
    assert run(score_threshold=scores[-1]) == scores[:3]
    for wrong in (0, -1, True):
        with pytest.raises(ConfigurationError, match="top_k must be > 0"):
            local(ElasticRanker, top_k=wrong)
        with pytest.raises(ConfigurationError, match="top_k must be > 0"):
            ranker.run(QUERY, documents(), top_k=wrong)


def headers_of(cluster: Cluster) -> list[str | None]:
    return [request.headers.get("authorization") for request in cluster.requests]


async def test_credentials_are_resolved_at_warm_up(
    cluster: Cluster, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A component is made without secrets, finds them when warmed up, and sends those that it was told of."""
    basic = base64.b64encode(b"reader:sesame-password-4711").decode()
    expected = [
        "ApiKey sesame-key-0815",
        f"Basic {basic}",
        "Bearer sesame-token-1",
        "ApiKey of-the-environment",
    ]
    ways = [*CREDENTIALS[:3], {}]
    components = [
        made(ElasticTextEmbedder, **{k: v for k, v in way.items() if k not in {"verify", "ca_certs"}})
        for way in ways
    ]
    for name, value in {**SECRETS, "ELASTIC_API_KEY": "of-the-environment"}.items():
        monkeypatch.setenv(name, value)
    for component in components:
        await component.warm_up_async()
    for name in (*SECRETS, "ELASTIC_API_KEY"):
        monkeypatch.delenv(name)
    for component in components:
        component.run(QUERY)
    assert headers_of(cluster) == expected


def test_the_address_is_the_environment_s_at_warm_up(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``ELASTICSEARCH_URL`` is read neither at import nor at construction; without any address the error names it."""
    embedder = ElasticTextEmbedder(DENSE)
    with pytest.raises(ConfigurationError, match="ELASTICSEARCH_URL or ELASTIC_CLOUD_ID"):
        embedder.warm_up()
    monkeypatch.setenv("ELASTICSEARCH_URL", cluster.url)
    embedder.run(QUERY)
    embedder.close()
    assert len(cluster.requests) == 1
    assert embedder.to_dict()["init_parameters"]["url"] is None


def test_the_environment_s_key_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded engine asks for none and is sent none, whatever the environment holds."""
    monkeypatch.setenv("ELASTIC_API_KEY", "of-a-cluster")
    assert local(ElasticTextEmbedder).run(QUERY)["embedding"]


def test_a_wrong_key_is_a_typed_error() -> None:
    """A refused key is not shown."""
    with running(Engine(api_keys=["right"])) as url:
        embedder = ElasticTextEmbedder(DENSE, url=url, api_key=Secret.from_token("wrong-key"))
        with pytest.raises(AuthenticationError) as caught:
            embedder.run(QUERY)
        embedder.close()
    assert "wrong-key" not in f"{caught.value!r} {caught.value} {embedder!r}"


@pytest.mark.parametrize("kind", ALL)
def test_tokens_and_clients_are_not_written(kind: type[Any]) -> None:
    """A secret that is no variable's name, and a ready client, stay out of files and pickles."""
    token = kind(**SETTINGS[kind], url="http://es:9200", api_key=Secret.from_token("sesame-0815"))
    with pytest.raises(ValueError, match="Cannot serialize") as caught:
        token.to_dict()
    with pytest.raises(ValueError, match="Cannot serialize"):
        pickle.dumps(token)
    assert "sesame-0815" not in str(caught.value)
    settings = {name: value for name, value in SETTINGS[kind].items() if name != "batch_size"}
    with pytest.raises(SerializationError, match="client="):
        kind(**settings, client=Elastic("local")).to_dict()


@pytest.mark.parametrize("kind", ALL)
def test_wrong_settings_are_refused(kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain secrets, half a login, an address with a password, a context that no file holds, and what does not exist."""
    own = SETTINGS[kind]
    for name in ("api_key", "bearer_auth"):
        with pytest.raises(ConfigurationError, match=rf"{name} is str, not a Secret") as caught:
            kind(**own, **{name: "plain-key"})
        assert "plain-key" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="password is str, not a Secret"):
        kind(**own, username="reader", password="plain")
    for half in ({"username": "reader"}, {"password": Secret.from_env_var("MY_PASSWORD")}):
        with pytest.raises(ConfigurationError, match="go together"):
            kind(**own, **half)
    with pytest.raises(ConfigurationError, match="must not hold") as caught:
        kind(**own, url="https://reader:sesame@es:9200/path")
    assert "sesame" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="SSLContext"):
        kind(**own, verify=ssl.create_default_context())
    with pytest.raises(ConfigurationError, match="requests_a_minute"):
        kind(**own, limits={"requests_a_minute": 1})
    with pytest.raises(TypeError, match="model"):
        kind(**own, model="jina-embeddings-v3")
    unset = kind(
        **own, url="http://es:9200", username="reader", password=Secret.from_env_var("UNSET", strict=False)
    )
    with pytest.raises(ConfigurationError, match="without a password"):
        unset.warm_up()
    two = kind(
        **own, url="http://es:9200", api_key=Secret.from_token("a"), bearer_auth=Secret.from_token("b")
    )
    with pytest.raises(ConfigurationError, match="api_key= and bearer_auth="):
        two.warm_up()


@pytest.mark.parametrize("kind", COMPONENTS)
def test_two_event_loops_in_a_row(kind: type[Any], made: Callable[..., Any]) -> None:
    """One component serves one event loop after another, closing and warming up in between."""
    component = made(kind)
    runs = []
    for _ in range(2):
        runs.append(asyncio.run(component.run_async(**inputs_for(kind))))
        component.close()
        component.warm_up()
    assert runs[0] == runs[1] == component.run(**inputs_for(kind))


@pytest.mark.parametrize("kind", COMPONENTS)
async def test_what_goes_wrong_is_a_typed_error(kind: type[Any], made: Callable[..., Any]) -> None:
    """An endpoint that does not exist, and a gateway that fails for good, by both faces."""
    missing = made(kind, inference_id="no-such-endpoint")
    with pytest.raises(InvalidRequestError, match="no-such-endpoint"):
        missing.run(**inputs_for(kind))
    with running(Engine(faults=Faults(rate=1, kinds=("html502",)))) as url:
        component = made(kind, url=url, retry={"attempts": 2, "initial": 0.0})
        with pytest.raises(ServiceError):
            component.run(**inputs_for(kind))
        with pytest.raises(ServiceError):
            await component.run_async(**inputs_for(kind))
        assert component._connected().usage.requests == 4
        await component.close_async()


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """A bar counts the documents where it is asked for, and nothing is printed where it is not."""
    for kind in (ElasticDocumentEmbedder, ElasticSparseDocumentEmbedder):
        local(kind).run(documents())
        assert capsys.readouterr().err == ""
        local(kind, batch_size=2, progress_bar=True).run(documents())
        assert "7/7" in capsys.readouterr().err


async def test_indexing_and_search() -> None:
    """In a pipeline that was written down and read again, documents are embedded, found and ranked."""
    store = InMemoryDocumentStore()
    store.write_documents(local(ElasticDocumentEmbedder).run(documents())["documents"])
    pipeline = Pipeline()
    pipeline.add_component("embedder", local(ElasticTextEmbedder))
    pipeline.add_component("ranker", local(ElasticRanker, top_k=2))
    pipeline = Pipeline.loads(pipeline.dumps())
    pipeline.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=4))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    pipeline.connect("retriever.documents", "ranker.documents")
    asked = {"embedder": {"text": QUERY}, "ranker": {"query": QUERY}}
    for result in (pipeline.run(asked), await pipeline.run_async(asked)):
        assert result["ranker"]["documents"][0].content == TEXTS[1]
        assert len(result["ranker"]["documents"]) == 2
