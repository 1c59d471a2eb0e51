"""What every adapter of every framework promises, tested once over all of them."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from haystack import Document as HaystackDocument
from haystack.utils import Secret
from langchain_core.documents import Document as LangChainDocument
from llama_index.core.schema import NodeWithScore, TextNode

import langchain_ragbridge
from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder, JinaTextEmbedder
from haystack_integrations.components.preprocessors.ragbridge import RagbridgeDocumentSplitter
from haystack_integrations.components.rankers.ragbridge import JinaRanker
from llama_index.embeddings.ragbridge import JinaEmbedding as LlamaIndexEmbedding
from llama_index.node_parser.ragbridge import RagbridgeNodeParser
from llama_index.postprocessor.ragbridge import JinaRerank as LlamaIndexRerank
from ragbridge import Jina, QuotaExhaustedError, Retry
from ragbridge._flow import Request
from ragbridge.local import Engine, Faults
from ragbridge.server import running

TEXTS = [f"{n}: fishermen of village {n * 7 % 40} take care of the sea" for n in range(60)]
QUERY = "who looks after the sea in village 3?"
KEY = "jina_" + "0123456789abcdef" * 3

Vectors = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Embedder:
    """One framework's way to embed, as plain functions of a made object."""

    name: str
    make: Callable[..., Any]
    documents: Callable[[Any, list[str]], Vectors]
    adocuments: Callable[[Any, list[str]], Awaitable[Vectors]]
    query: Callable[[Any, str], Sequence[float]]
    aquery: Callable[[Any, str], Awaitable[Sequence[float]]]


@dataclass(frozen=True)
class Reranker:
    """One framework's way to rerank: ((text, score), ...), best first."""

    name: str
    make: Callable[..., Any]
    rank: Callable[[Any, str, list[str]], list[tuple[str, float]]]
    arank: Callable[[Any, str, list[str]], Awaitable[list[tuple[str, float]]]]


class HaystackPair:
    """Haystack has one component for documents and one for queries."""

    def __init__(self, **settings: Any) -> None:
        if "api_key" in settings:
            settings["api_key"] = Secret.from_token(settings["api_key"])
        batch = settings.pop("batch_size", None)
        self.document = JinaDocumentEmbedder(**settings, **({"batch_size": batch} if batch else {}))
        self.text = JinaTextEmbedder(**settings)

    def __repr__(self) -> str:
        return repr((vars(self.document), vars(self.text), self.document, self.text))


def haystack_documents(texts):
    return [HaystackDocument(content=text) for text in texts]


def haystack_ranker(**settings):
    if "api_key" in settings:
        settings["api_key"] = Secret.from_token(settings["api_key"])
    return JinaRanker(**settings)


def vectors_of(result):
    return [document.embedding for document in result["documents"]]


async def haystack_documents_async(pair, texts):
    return vectors_of(await pair.document.run_async(haystack_documents(texts)))


async def haystack_query_async(pair, text):
    return (await pair.text.run_async(text))["embedding"]


EMBEDDERS = [
    Embedder(
        "langchain",
        langchain_ragbridge.JinaEmbeddings,
        lambda made, texts: made.embed_documents(texts),
        lambda made, texts: made.aembed_documents(texts),
        lambda made, text: made.embed_query(text),
        lambda made, text: made.aembed_query(text),
    ),
    Embedder(
        "llama_index",
        LlamaIndexEmbedding,
        lambda made, texts: made.get_text_embedding_batch(texts),
        lambda made, texts: made.aget_text_embedding_batch(texts),
        lambda made, text: made.get_query_embedding(text),
        lambda made, text: made.aget_query_embedding(text),
    ),
    Embedder(
        "haystack",
        HaystackPair,
        lambda pair, texts: vectors_of(pair.document.run(haystack_documents(texts))),
        haystack_documents_async,
        lambda pair, text: pair.text.run(text)["embedding"],
        haystack_query_async,
    ),
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


RERANKERS = [
    Reranker(
        "langchain",
        lambda **settings: langchain_ragbridge.JinaRerank(top_n=5, **settings),
        lambda made, query, texts: langchain_pairs(made.compress_documents(langchain_in(texts), query)),
        langchain_rank,
    ),
    Reranker(
        "llama_index",
        lambda **settings: LlamaIndexRerank(top_n=5, **settings),
        lambda made, query, texts: llama_index_pairs(
            made.postprocess_nodes(llama_index_in(texts), query_str=query)
        ),
        llama_index_rank,
    ),
    Reranker(
        "haystack",
        lambda **settings: haystack_ranker(top_k=5, **settings),
        lambda made, query, texts: haystack_pairs(made.run(query, haystack_documents(texts))),
        haystack_rank,
    ),
]

ADAPTERS = [*EMBEDDERS, *RERANKERS]
embedders = pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda adapter: adapter.name)
rerankers = pytest.mark.parametrize("reranker", RERANKERS, ids=lambda adapter: adapter.name)
every = pytest.mark.parametrize(
    "adapter", ADAPTERS, ids=lambda adapter: f"{adapter.name}-{type(adapter).__name__}"
)


@pytest.fixture(scope="module")
def local():
    """What the core itself answers."""
    return Jina(base_url="local")


@pytest.fixture
def recorded():
    """``(client, bodies)``: a client whose requests are kept and answered by the embedded engine."""
    engine, bodies = Engine(), []

    def answer(request):
        bodies.append(json.loads(request.content))
        response = engine.handle(Request("POST", str(request.url), {}, request.content)).response
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body)

    transport = httpx.MockTransport(answer)
    client = Jina(
        KEY,
        base_url="http://x",
        limits=None,
        batch_size=16,
        http_client=httpx.Client(transport=transport),
        async_http_client=httpx.AsyncClient(transport=transport),
    )
    return client, bodies


@embedders
def test_vectors_are_the_cores_own_in_both_faces(embedder, local):
    """Whatever the framework: the same vectors as ``Jina.embed``, of Python floats, sync and async."""
    made = embedder.make(base_url="local")
    expected = local.embed(TEXTS, role="document").vectors
    found = embedder.documents(made, list(TEXTS))
    assert type(found[0][0]) is float
    assert (expected == found).all()
    assert asyncio.run(embedder.adocuments(made, list(TEXTS))) == found
    query = local.embed([QUERY], role="query").vectors[0]
    assert (query == embedder.query(made, QUERY)).all()
    assert asyncio.run(embedder.aquery(made, QUERY)) == embedder.query(made, QUERY)


@rerankers
def test_rankings_are_the_cores_own_in_both_faces(reranker, local):
    """The same documents with the same scores, best first."""
    made = reranker.make(base_url="local")
    expected = [(TEXTS[row.index], row.score) for row in local.rerank(QUERY, TEXTS, top_n=5)]
    assert reranker.rank(made, QUERY, list(TEXTS)) == expected
    assert asyncio.run(reranker.arank(made, QUERY, list(TEXTS))) == expected


@embedders
def test_query_and_documents_get_tasks_of_their_own(embedder, recorded):
    """Nobody has to switch by hand."""
    client, bodies = recorded
    made = embedder.make(client=client)
    embedder.query(made, QUERY)
    embedder.documents(made, TEXTS[:2])
    assert [body["task"] for body in bodies] == ["retrieval.query", "retrieval.passage"]


@embedders
def test_settings_reach_the_wire(embedder, recorded):
    """Model, width and options are what was asked for, for queries and documents alike."""
    client, bodies = recorded
    made = embedder.make(
        client=client, model="jina-embeddings-v3", dimensions=64, truncate=True, normalized=False
    )
    assert len(embedder.query(made, QUERY)) == 64
    embedder.documents(made, TEXTS[:2])
    for body in bodies:
        assert (body["model"], body["dimensions"]) == ("jina-embeddings-v3", 64)
        assert (body["truncate"], body["normalized"]) == (True, False)


@embedders
def test_no_document_sends_nothing(embedder, recorded):
    """An empty list is an empty answer, in both faces."""
    client, bodies = recorded
    made = embedder.make(client=client)
    assert list(embedder.documents(made, [])) == []
    assert list(asyncio.run(embedder.adocuments(made, []))) == []
    assert bodies == []


@rerankers
def test_nothing_to_rank_sends_nothing(reranker, recorded):
    """No document, no request, no result."""
    client, bodies = recorded
    made = reranker.make(client=client)
    assert reranker.rank(made, QUERY, []) == []
    assert asyncio.run(reranker.arank(made, QUERY, [])) == []
    assert bodies == []


@embedders
def test_requests_are_bounded_by_the_clients_batches(embedder, recorded):
    """One call of the framework becomes as many requests as the client's batches ask for."""
    client, bodies = recorded
    embedder.documents(embedder.make(client=client), list(TEXTS))
    assert sorted(len(body["input"]) for body in bodies) == [12, 16, 16, 16]


@embedders
@pytest.mark.parametrize("face", ["sync", "async"])
def test_every_vector_belongs_to_its_text_whatever_the_service_does(embedder, face, local):
    """Shuffled rows, missing rows, refusals and broken connections: all right, through each framework."""
    expected = local.embed(TEXTS, role="document", dimensions=32).vectors
    kinds = ["shuffle", "status429", "status503", "reset", "missing", "truncate"]
    engine = Engine(faults=Faults(rate=0.3, kinds=kinds), seed=4)
    retry = Retry(attempts=12, initial=0.01)
    with running(engine) as url, Jina(base_url=url, limits=None, batch_size=4, retry=retry) as client:
        made = embedder.make(client=client, dimensions=32)
        if face == "sync":
            found = embedder.documents(made, list(TEXTS))
        else:
            found = asyncio.run(embedder.adocuments(made, list(TEXTS)))
        assert client.usage.retries > 0
    assert (expected == found).all()


@every
def test_an_empty_balance_is_told_apart_from_everything_else(adapter):
    """It reaches the caller as ``QuotaExhaustedError``, whatever the framework wraps around it."""
    body = {"detail": "Insufficient account balance", "code": "AUTHZ_INSUFFICIENT_BALANCE"}
    transport = httpx.MockTransport(lambda request: httpx.Response(403, json=body))
    client = Jina(KEY, base_url="http://x", limits=None, http_client=httpx.Client(transport=transport))
    made = adapter.make(client=client)
    with pytest.raises(QuotaExhaustedError):
        adapter.documents(made, ["a"]) if isinstance(adapter, Embedder) else adapter.rank(made, QUERY, ["a"])


@every
def test_the_key_shows_nowhere(adapter):
    """Not in a repr, nor in a pickle, if the object lets itself be pickled at all."""
    made = adapter.make(api_key=KEY, base_url="http://x")
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
            return asyncio.run(adapter.adocuments(made, TEXTS[:3]))
        return asyncio.run(adapter.arank(made, QUERY, TEXTS[:3]))

    with running(Engine()) as url, Jina(base_url=url, limits=None) as client:
        made = adapter.make(client=client)
        assert once() == once()


@every
def test_an_unknown_setting_is_refused(adapter):
    """A typo is not taken for a default."""
    with pytest.raises((TypeError, ValueError), match="dimension_s"):
        adapter.make(base_url="local", dimension_s=3)


@embedders
def test_the_callers_list_is_left_alone(embedder):
    """Neither order nor content of the input changes."""
    texts = list(TEXTS[:5])
    embedder.documents(embedder.make(base_url="local"), texts)
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


def test_serialized_names_stay_what_they_are():
    """They stand in users' files: module paths in Haystack, class names in LlamaIndex, fields in LangChain."""
    secret = Secret.from_env_var("JINA_API_KEY", strict=False)
    assert [
        part(api_key=secret).to_dict()["type"]
        for part in (JinaTextEmbedder, JinaDocumentEmbedder, JinaRanker)
    ] + [RagbridgeDocumentSplitter().to_dict()["type"]] == [
        "haystack_integrations.components.embedders.ragbridge.text_embedder.JinaTextEmbedder",
        "haystack_integrations.components.embedders.ragbridge.document_embedder.JinaDocumentEmbedder",
        "haystack_integrations.components.rankers.ragbridge.ranker.JinaRanker",
        "haystack_integrations.components.preprocessors.ragbridge.document_splitter.RagbridgeDocumentSplitter",
    ]
    names = [kind.class_name() for kind in (LlamaIndexEmbedding, LlamaIndexRerank, RagbridgeNodeParser)]
    assert names == ["JinaEmbedding", "JinaRerank", "RagbridgeNodeParser"]
    common = {
        "api_key",
        "base_url",
        "batch_size",
        "client",
        "concurrency",
        "limits",
        "model",
        "retry",
        "timeout",
    }
    assert set(langchain_ragbridge.JinaEmbeddings.model_fields) == common | {
        "dimensions", "late_chunking", "normalized", "task", "truncate",
    }  # fmt: skip
    assert set(langchain_ragbridge.JinaRerank.model_fields) == common | {"max_doc_length", "top_n"}
