"""What every adapter of every framework promises, tested once over all of them."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest
from haystack import Document as HaystackDocument
from haystack.utils import Secret
from langchain_core.documents import Document as LangChainDocument
from llama_index.core.schema import NodeWithScore, TextNode

import langchain_ragbridge
from haystack_integrations.components.embedders.ragbridge import (
    ElasticDocumentEmbedder,
    ElasticTextEmbedder,
    JinaDocumentEmbedder,
    JinaTextEmbedder,
)
from haystack_integrations.components.rankers.ragbridge import ElasticRanker, JinaRanker
from haystack_integrations.components.retrievers.ragbridge import (
    ElasticSemanticRetriever as HaystackRetriever,
)
from llama_index.embeddings.ragbridge import ElasticEmbedding as LlamaIndexElasticEmbedding
from llama_index.embeddings.ragbridge import JinaEmbedding as LlamaIndexEmbedding
from llama_index.postprocessor.ragbridge import ElasticRerank as LlamaIndexElasticRerank
from llama_index.postprocessor.ragbridge import JinaRerank as LlamaIndexRerank
from llama_index.retrievers.ragbridge import ElasticSemanticRetriever as LlamaIndexRetriever
from ragbridge import Elastic, InvalidRequestError, Jina, QuotaExhaustedError, Retry
from ragbridge.flow import Request
from ragbridge.local import Engine, Faults
from ragbridge.server import running

TEXTS = [f"{n}: fishermen of village {n * 7 % 40} take care of the sea" for n in range(60)]
QUERY = "who looks after the sea in village 3?"
KEY = "jina_" + "0123456789abcdef" * 3

Vectors = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Backend:
    """One service: how a client of it is made, what its calls need, and what stands on the wire.

    ``embed`` and ``rank`` are what calls and adapters need to be told; ``roles`` is the field for what texts are for, with
    its words for a query and for documents; ``faults`` are those that the engine has for it; ``broke`` is its answer to
    an account without balance.
    """

    client: Callable[..., Any]
    address: str
    embed: dict[str, str]
    rank: dict[str, str]
    roles: tuple[str, str, str]
    faults: list[str]
    broke: tuple[int, Any]

    def at(self, url: str) -> dict[str, str]:
        """The setting of an address."""
        return {self.address: url}


JINA = Backend(
    client=Jina,
    address="base_url",
    embed={},
    rank={},
    roles=("task", "retrieval.query", "retrieval.passage"),
    faults=["shuffle", "status429", "status503", "reset", "missing", "truncate"],
    broke=(403, {"detail": "Insufficient account balance", "code": "AUTHZ_INSUFFICIENT_BALANCE"}),
)
ELASTIC = Backend(
    client=Elastic,
    address="url",
    embed={"inference_id": ".jina-embeddings-v5-text-small"},
    rank={"inference_id": ".jina-reranker-v3"},
    roles=("input_type", "search", "ingest"),
    faults=["status429", "status503", "reset", "truncate"],
    broke=(402, {"error": {"type": "status_exception", "reason": "Payment required"}, "status": 402}),
)


@dataclass(frozen=True)
class Embedder:
    """One framework's way to embed by one service, as plain functions of a made object."""

    name: str
    backend: Backend
    kind: Callable[..., Any]
    documents: Callable[[Any, list[str]], Vectors]
    adocuments: Callable[[Any, list[str]], Awaitable[Vectors]]
    query: Callable[[Any, str], Sequence[float]]
    aquery: Callable[[Any, str], Awaitable[Sequence[float]]]

    def make(self, **settings: Any) -> Any:
        """An object of these settings and of what it must be told."""
        return self.kind(**{**self.backend.embed, **settings})

    def embed(self, core: Any, texts: list[str], role: str, **options: Any) -> Any:
        """What the core itself answers."""
        return core.embed(texts, role=role, **self.backend.embed, **options).vectors


@dataclass(frozen=True)
class Reranker:
    """One framework's way to rerank by one service: ((text, score), ...), best first."""

    name: str
    backend: Backend
    kind: Callable[..., Any]
    rank: Callable[[Any, str, list[str]], list[tuple[str, float]]]
    arank: Callable[[Any, str, list[str]], Awaitable[list[tuple[str, float]]]]

    def make(self, **settings: Any) -> Any:
        """An object of these settings and of what it must be told."""
        return self.kind(**{**self.backend.rank, **settings})


class HaystackPair:
    """Haystack has one component for documents and one for queries."""

    def __init__(self, kinds: tuple[Any, Any], **settings: Any) -> None:
        if "api_key" in settings:
            settings["api_key"] = Secret.from_token(settings["api_key"])
        batch = settings.pop("batch_size", None)
        self.document = kinds[0](**settings, **({"batch_size": batch} if batch else {}))
        self.text = kinds[1](**settings)

    def __repr__(self) -> str:
        return repr((vars(self.document), vars(self.text), self.document, self.text))


def haystack_documents(texts):
    return [HaystackDocument(content=text) for text in texts]


def haystack_ranker(kind, **settings):
    if "api_key" in settings:
        settings["api_key"] = Secret.from_token(settings["api_key"])
    return kind(**settings)


def vectors_of(result):
    return [document.embedding for document in result["documents"]]


async def haystack_documents_async(pair, texts):
    return vectors_of(await pair.document.run_async(haystack_documents(texts)))


async def haystack_query_async(pair, text):
    return (await pair.text.run_async(text))["embedding"]


LANGCHAIN = (
    lambda made, texts: made.embed_documents(texts),
    lambda made, texts: made.aembed_documents(texts),
    lambda made, text: made.embed_query(text),
    lambda made, text: made.aembed_query(text),
)
LLAMA_INDEX = (
    lambda made, texts: made.get_text_embedding_batch(texts),
    lambda made, texts: made.aget_text_embedding_batch(texts),
    lambda made, text: made.get_query_embedding(text),
    lambda made, text: made.aget_query_embedding(text),
)
HAYSTACK = (
    lambda pair, texts: vectors_of(pair.document.run(haystack_documents(texts))),
    haystack_documents_async,
    lambda pair, text: pair.text.run(text)["embedding"],
    haystack_query_async,
)
PAIRS = {
    "jina": (JinaDocumentEmbedder, JinaTextEmbedder),
    "elastic": (ElasticDocumentEmbedder, ElasticTextEmbedder),
}

EMBEDDERS = [
    Embedder("langchain-jina", JINA, langchain_ragbridge.JinaEmbeddings, *LANGCHAIN),
    Embedder("llama_index-jina", JINA, LlamaIndexEmbedding, *LLAMA_INDEX),
    Embedder("haystack-jina", JINA, partial(HaystackPair, PAIRS["jina"]), *HAYSTACK),
    Embedder("langchain-elastic", ELASTIC, langchain_ragbridge.ElasticEmbeddings, *LANGCHAIN),
    Embedder("llama_index-elastic", ELASTIC, LlamaIndexElasticEmbedding, *LLAMA_INDEX),
    Embedder("haystack-elastic", ELASTIC, partial(HaystackPair, PAIRS["elastic"]), *HAYSTACK),
]


def langchain_pairs(found):
    return [(document.page_content, document.metadata["relevance_score"]) for document in found]


def llama_index_pairs(found):
    return [(node.node.get_content(), node.score) for node in found]


def haystack_pairs(found):
    return [(document.content, document.score) for document in found["documents"]]


def langchain_in(texts):
    return [LangChainDocument(text) for text in texts]


def llama_index_in(texts):
    return [NodeWithScore(node=TextNode(text=text), score=0.5) for text in texts]


async def langchain_rank(made, query, texts):
    return langchain_pairs(await made.acompress_documents(langchain_in(texts), query))


async def llama_index_rank(made, query, texts):
    return llama_index_pairs(await made.apostprocess_nodes(llama_index_in(texts), query_str=query))


async def haystack_rank(made, query, texts):
    return haystack_pairs(await made.run_async(query, haystack_documents(texts)))


LANGCHAIN_RANK = (
    lambda made, query, texts: langchain_pairs(made.compress_documents(langchain_in(texts), query)),
    langchain_rank,
)
LLAMA_INDEX_RANK = (
    lambda made, query, texts: llama_index_pairs(
        made.postprocess_nodes(llama_index_in(texts), query_str=query)
    ),
    llama_index_rank,
)
HAYSTACK_RANK = (
    lambda made, query, texts: haystack_pairs(made.run(query, haystack_documents(texts))),
    haystack_rank,
)

RERANKERS = [
    Reranker("langchain-jina", JINA, partial(langchain_ragbridge.JinaRerank, top_n=5), *LANGCHAIN_RANK),
    Reranker("llama_index-jina", JINA, partial(LlamaIndexRerank, top_n=5), *LLAMA_INDEX_RANK),
    Reranker("haystack-jina", JINA, partial(haystack_ranker, JinaRanker, top_k=5), *HAYSTACK_RANK),
    Reranker(
        "langchain-elastic", ELASTIC, partial(langchain_ragbridge.ElasticRerank, top_n=5), *LANGCHAIN_RANK
    ),
    Reranker("llama_index-elastic", ELASTIC, partial(LlamaIndexElasticRerank, top_n=5), *LLAMA_INDEX_RANK),
    Reranker("haystack-elastic", ELASTIC, partial(haystack_ranker, ElasticRanker, top_k=5), *HAYSTACK_RANK),
]

ADAPTERS = [*EMBEDDERS, *RERANKERS]
embedders = pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda adapter: adapter.name)
rerankers = pytest.mark.parametrize("reranker", RERANKERS, ids=lambda adapter: adapter.name)
every = pytest.mark.parametrize(
    "adapter", ADAPTERS, ids=lambda adapter: f"{adapter.name}-{type(adapter).__name__}"
)


def local(adapter):
    """What the core itself answers, without a framework."""
    return adapter.backend.client(**adapter.backend.at("local"))


@pytest.fixture
def record():
    """Makes ``(client, bodies)``: a client whose requests are kept and answered by the embedded engine."""

    def make(backend):
        engine, bodies = Engine(), []

        def answer(request):
            if request.method == "POST":
                bodies.append(json.loads(request.content))
            asked = Request(request.method, str(request.url), {}, request.content)
            response = engine.handle(asked).response
            return httpx.Response(response.status, headers=dict(response.headers), content=response.body)

        transport = httpx.MockTransport(answer)
        client = backend.client(
            api_key=KEY,
            limits=None,
            batch_size=16,
            http_client=httpx.Client(transport=transport),
            async_http_client=httpx.AsyncClient(transport=transport),
            **backend.at("http://x"),
        )
        return client, bodies

    return make


@embedders
def test_vectors_are_the_cores_own_in_both_faces(embedder):
    """Whatever the framework: the same vectors as the core's, of Python floats, sync and async."""
    made, core = embedder.make(**embedder.backend.at("local")), local(embedder)
    expected = embedder.embed(core, TEXTS, "document")
    found = embedder.documents(made, list(TEXTS))
    assert type(found[0][0]) is float
    assert (expected == found).all()
    assert asyncio.run(embedder.adocuments(made, list(TEXTS))) == found
    query = embedder.embed(core, [QUERY], "query")[0]
    assert (query == embedder.query(made, QUERY)).all()
    assert asyncio.run(embedder.aquery(made, QUERY)) == embedder.query(made, QUERY)


@rerankers
def test_rankings_are_the_cores_own_in_both_faces(reranker):
    """The same documents with the same scores, best first."""
    made = reranker.make(**reranker.backend.at("local"))
    rows = local(reranker).rerank(QUERY, TEXTS, top_n=5, **reranker.backend.rank)
    expected = [(TEXTS[row.index], row.score) for row in rows]
    assert reranker.rank(made, QUERY, list(TEXTS)) == expected
    assert asyncio.run(reranker.arank(made, QUERY, list(TEXTS))) == expected


@embedders
def test_query_and_documents_get_tasks_of_their_own(embedder, record):
    """Nobody has to switch by hand."""
    client, bodies = record(embedder.backend)
    made = embedder.make(client=client)
    embedder.query(made, QUERY)
    embedder.documents(made, TEXTS[:2])
    field, *words = embedder.backend.roles
    assert [body[field] for body in bodies] == words


@pytest.mark.parametrize("embedder", [e for e in EMBEDDERS if e.backend is JINA], ids=lambda e: e.name)
def test_settings_reach_the_wire(embedder, record):
    """Model, width and options are what was asked for, for queries and documents alike."""
    client, bodies = record(JINA)
    made = embedder.make(
        client=client, model="jina-embeddings-v3", dimensions=64, truncate=True, normalized=False
    )
    assert len(embedder.query(made, QUERY)) == 64
    embedder.documents(made, TEXTS[:2])
    for body in bodies:
        assert (body["model"], body["dimensions"]) == ("jina-embeddings-v3", 64)
        assert (body["truncate"], body["normalized"]) == (True, False)


@pytest.mark.parametrize("adapter", [a for a in ADAPTERS if a.backend is ELASTIC], ids=lambda a: a.name)
def test_settings_of_an_endpoints_service_reach_it(adapter, record):
    """It is the service that says which it has."""
    client, bodies = record(ELASTIC)
    made = adapter.make(client=client, task_settings={"truncate": "NONE"})
    with pytest.raises(InvalidRequestError, match=r"settings \[truncate\] unknown"):
        adapter.query(made, QUERY) if isinstance(adapter, Embedder) else adapter.rank(made, QUERY, TEXTS[:2])
    assert bodies[-1]["task_settings"] == {"truncate": "NONE"}


HITS = [
    {"_index": "articles", "_id": "1", "_score": 1.75, "_source": {"body": "the sea", "lang": "en"}},
    {"_index": "articles", "_id": "2", "_score": 0.25, "_source": {"body": "bread", "lang": "de"}},
]


def langchain_found(made, query):
    return [
        (d.id, d.page_content, d.metadata["relevance_score"], d.metadata["lang"]) for d in made.invoke(query)
    ]


def llama_index_found(made, query):
    return [(n.node.node_id, n.text, n.score, n.metadata["lang"]) for n in made.retrieve(query)]


def haystack_found(made, query):
    return [(d.id, d.content, d.score, d.meta["lang"]) for d in made.run(query)["documents"]]


def test_retrievers_of_all_frameworks_search_alike():
    """The same settings, by each framework's names for them: one request, one answer."""
    bodies = []

    def answer(request):
        bodies.append((request.url.path, json.loads(request.content)))
        return httpx.Response(
            200, headers={"x-elastic-product": "Elasticsearch"}, json={"hits": {"hits": HITS}}
        )

    client = Elastic("http://x", http_client=httpx.Client(transport=httpx.MockTransport(answer)))
    common = {
        "index": "articles",
        "field": "meaning",
        "client": client,
        "match_field": "title",
        "rank_window_size": 30,
    }
    query, found = "who looks after the sea?", []
    for rerank in ({}, {"rerank_field": "title"}):
        settings = {**common, **rerank, "rerank_inference_id": ".jina-reranker-v3"}
        langchain = {
            "k": 3,
            "filter": {"term": {"lang": "en"}},
            "text_field": "body",
            "metadata_fields": ["lang"],
        }
        llama_index = {**langchain, "similarity_top_k": 3}
        del llama_index["k"]
        haystack = {
            "top_k": 3,
            "filters": langchain["filter"],
            "content_field": "body",
            "meta_fields": ["lang"],
        }
        found += [
            langchain_found(langchain_ragbridge.ElasticSemanticRetriever(**settings, **langchain), query),
            llama_index_found(LlamaIndexRetriever(**settings, **llama_index), query),
            haystack_found(HaystackRetriever(**settings, **haystack), query),
        ]
    assert found == [[("1", "the sea", 1.75 - 1, "en"), ("2", "bread", found[0][1][2], "de")]] * 6
    assert bodies == [bodies[0]] * 3 + [bodies[3]] * 3
    (path, body), (_, other) = bodies[0], bodies[3]
    assert (path, body["size"], body["_source"]) == ("/articles/_search", 3, {"includes": ["body", "lang"]})
    fields = [each["retriever"]["text_similarity_reranker"]["field"] for each in (body, other)]
    assert fields == ["body", "title"]


@embedders
def test_no_document_sends_nothing(embedder, record):
    """An empty list is an empty answer, in both faces."""
    client, bodies = record(embedder.backend)
    made = embedder.make(client=client)
    assert list(embedder.documents(made, [])) == []
    assert list(asyncio.run(embedder.adocuments(made, []))) == []
    assert bodies == []


@rerankers
def test_nothing_to_rank_sends_nothing(reranker, record):
    """No document, no request, no result."""
    client, bodies = record(reranker.backend)
    made = reranker.make(client=client)
    assert reranker.rank(made, QUERY, []) == []
    assert asyncio.run(reranker.arank(made, QUERY, [])) == []
    assert bodies == []


@embedders
def test_requests_are_bounded_by_the_clients_batches(embedder, record):
    """One call of the framework becomes as many requests as the client's batches ask for."""
    client, bodies = record(embedder.backend)
    embedder.documents(embedder.make(client=client), list(TEXTS))
    assert sorted(len(body["input"]) for body in bodies) == [12, 16, 16, 16]


@embedders
@pytest.mark.parametrize("face", ["sync", "async"])
def test_every_vector_belongs_to_its_text_whatever_the_service_does(embedder, face):
    """Shuffled rows, missing rows, refusals and broken connections: all right, through each framework."""
    expected = embedder.embed(local(embedder), TEXTS, "document")
    backend = embedder.backend
    engine = Engine(faults=Faults(rate=0.3, kinds=backend.faults), seed=4)
    settings = {"limits": None, "batch_size": 4, "retry": Retry(attempts=12, initial=0.01)}
    with running(engine) as url, backend.client(**backend.at(url), **settings) as client:
        made = embedder.make(client=client)
        if face == "sync":
            found = embedder.documents(made, list(TEXTS))
        else:
            found = asyncio.run(embedder.adocuments(made, list(TEXTS)))
        assert client.usage.retries > 0
    assert (expected == found).all()


@every
def test_an_empty_balance_is_told_apart_from_everything_else(adapter):
    """It reaches the caller as ``QuotaExhaustedError``, whatever the framework wraps around it."""
    status, body = adapter.backend.broke
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json=body))
    http_client = httpx.Client(transport=transport)
    client = adapter.backend.client(
        api_key=KEY, limits=None, http_client=http_client, **adapter.backend.at("http://x")
    )
    made = adapter.make(client=client)
    with pytest.raises(QuotaExhaustedError):
        adapter.documents(made, ["a"]) if isinstance(adapter, Embedder) else adapter.rank(made, QUERY, ["a"])


@every
def test_the_key_shows_nowhere(adapter):
    """Not in a repr, nor in a pickle, if the object lets itself be pickled at all."""
    made = adapter.make(api_key=KEY, **adapter.backend.at("http://x"))
    assert KEY not in repr(made)
    assert KEY not in str(made)
    for part in (made.document, made.text) if isinstance(made, HaystackPair) else (made,):
        try:
            state = pickle.dumps(part)
        except ValueError:  # Haystack: a token is never written
            continue
        assert KEY.encode() not in state


@every
def test_two_event_loops_in_a_row(adapter):
    """``asyncio.run`` twice with one object over a real socket."""

    def once():
        if isinstance(adapter, Embedder):
            return asyncio.run(adapter.adocuments(made, TEXTS[:3])), asyncio.run(adapter.aquery(made, QUERY))
        return asyncio.run(adapter.arank(made, QUERY, TEXTS[:3]))

    backend = adapter.backend
    with running(Engine()) as url, backend.client(limits=None, **backend.at(url)) as client:
        made = adapter.make(client=client)
        assert once() == once()


@every
def test_an_unknown_setting_is_refused(adapter):
    """A typo is not taken for a default."""
    with pytest.raises((TypeError, ValueError), match="dimension_s"):
        adapter.make(dimension_s=3, **adapter.backend.at("local"))


@embedders
def test_the_callers_list_is_left_alone(embedder):
    """Neither order nor content of the input changes."""
    texts = list(TEXTS[:5])
    embedder.documents(embedder.make(**embedder.backend.at("local")), texts)
    assert texts == TEXTS[:5]


def test_input_documents_are_left_alone():
    """Embedding and ranking return copies: what went in is as it was."""
    documents = haystack_documents(TEXTS[:3])
    langchain, nodes = langchain_in(TEXTS[:3]), llama_index_in(TEXTS[:3])
    before = copy.deepcopy((documents, langchain, [(node.node.dict(), node.score) for node in nodes]))
    JinaDocumentEmbedder(base_url="local").run(documents)
    JinaRanker(base_url="local").run(QUERY, documents)
    langchain_ragbridge.JinaRerank(base_url="local").compress_documents(langchain, QUERY)
    LlamaIndexRerank(base_url="local", top_n=2).postprocess_nodes(nodes, query_str=QUERY)
    assert (documents, langchain, [(node.node.dict(), node.score) for node in nodes]) == before
