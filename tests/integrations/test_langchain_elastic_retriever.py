"""What ``ElasticSemanticRetriever`` promises to LangChain, over a server that answers searches as a cluster would."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from langchain_tests.integration_tests import RetrieversIntegrationTests

from langchain_ragbridge import ElasticRerank, ElasticSemanticRetriever
from ragbridge import ConfigurationError, Elastic, InvalidRequestError
from ragbridge.local import Engine
from ragbridge.server import running

QUERY = "who inspired taking care of the sea?"
SOURCES = [
    {
        "content": f"{n}: a text of the sea",
        "title": f"number {n}",
        "lang": ["en", "de"][n % 2],
        "year": 2000 + n,
    }
    for n in range(8)
]


class Index:
    """An index over HTTP: keeps what it is sent, and answers searches with its documents in their order."""

    def __init__(self, sources: list[dict[str, Any]], scores: list[float]) -> None:
        self.sources, self.scores = sources, scores
        self.paths: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.url = ""

    def search(self, body: dict[str, Any]) -> dict[str, Any]:
        """As many hits as were asked for, of the fields that were asked for."""
        fields = body.get("_source", {}).get("includes")
        hits = [
            {
                "_index": "docs-000001",
                "_id": f"id-{place}",
                "_score": self.scores[place % len(self.scores)],
                "_source": {
                    name: value for name, value in source.items() if fields is None or name in fields
                },
            }
            for place, source in enumerate(self.sources)
        ]
        total = {"value": len(hits), "relation": "eq"}
        shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
        found = {"total": total, "max_score": 1.5, "hits": hits[: body.get("size", 10)]}
        return {"took": 1, "timed_out": False, "_shards": shards, "hits": found}


@pytest.fixture
def serve() -> Iterator[Any]:
    """Starts an index with these documents."""
    servers = []

    def start(sources: list[dict[str, Any]] = SOURCES, scores: tuple[float, ...] = (1.5,)) -> Index:
        index = Index(sources, list(scores))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                index.paths.append(self.path)
                index.bodies.append(body)
                answer = json.dumps(index.search(body)).encode()
                self.send_response(200)
                self.send_header("x-elastic-product", "Elasticsearch")
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        index.url = f"http://127.0.0.1:{server.server_address[1]}"
        return index

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def index(serve) -> Index:
    """An index of eight documents."""
    return serve()


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster of whoever runs the tests has no part in them."""
    for name in ("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def make(index: Index, /, **settings: Any) -> ElasticSemanticRetriever:
    return ElasticSemanticRetriever(**{"url": index.url, "index": "docs", "field": "content", **settings})


def sent(index: Index, /, **settings: Any) -> dict[str, Any]:
    """The body of the search that a retriever of these settings sends."""
    with closing(make(index, **settings)) as retriever:
        retriever.invoke(QUERY)
    return index.bodies[-1]


class TestIntegration(RetrieversIntegrationTests):
    """LangChain's own integration tests, over loopback."""

    @pytest.fixture(autouse=True)
    def _index(self, index: Index) -> None:
        self.url = index.url

    @property
    def retriever_constructor(self) -> type[ElasticSemanticRetriever]:
        return ElasticSemanticRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"url": self.url, "index": "docs", "field": "content"}

    @property
    def retriever_query_example(self) -> str:
        return QUERY


async def test_documents_have_text_id_metadata_and_score(index):
    """The field's text, the document's id and other fields, and what Elasticsearch says of the hit; on both faces."""
    retriever = make(index, k=2)
    found = retriever.invoke(QUERY)
    assert found == await retriever.ainvoke(QUERY)
    metadata = {"title": "number 0", "lang": "en", "year": 2000, "_index": "docs-000001", "_score": 1.5}
    assert found[0] == Document("0: a text of the sea", id="id-0", metadata=metadata)
    assert [document.id for document in found] == ["id-0", "id-1"]
    retriever.close()
    await retriever.aclose()


def test_a_plain_search_is_a_semantic_query(index):
    """Nothing is sent but the query and the number of hits."""
    query = {"semantic": {"field": "content", "query": QUERY}}
    assert sent(index) == {"query": query, "size": 4}
    assert index.paths == ["/docs/_search"]
    assert sent(index, index=["a", "b-*"], k=9)["size"] == 9
    assert index.paths[-1] == "/a,b-*/_search"


def test_a_filter_narrows_and_does_not_score(index):
    """One query or several."""
    one = {"term": {"lang": "en"}}
    assert sent(index, filter=one)["query"]["bool"]["filter"] == [one]
    assert sent(index, filter=[one, one])["query"]["bool"]["filter"] == [one, one]


def test_hits_are_reranked_by_elasticsearch(index):
    """The reranker reads the field or another one, of as many hits as were asked for and no fewer than returned."""
    reranked = sent(index, rerank_inference_id="my-rerank", filter={"term": {"lang": "en"}})
    assert reranked == {
        "size": 4,
        "retriever": {
            "text_similarity_reranker": {
                "retriever": {"standard": {"query": {"semantic": {"field": "content", "query": QUERY}}}},
                "field": "content",
                "inference_text": QUERY,
                "inference_id": "my-rerank",
                "rank_window_size": 10,
                "filter": [{"term": {"lang": "en"}}],
            }
        },
    }
    settings = {"rerank_inference_id": "my-rerank", "rerank_field": "title"}
    inner = sent(index, **settings, rank_window_size=50)["retriever"]["text_similarity_reranker"]
    assert (inner["field"], inner["rank_window_size"]) == ("title", 50)
    assert sent(index, **settings, k=20)["retriever"]["text_similarity_reranker"]["rank_window_size"] == 20
    copied = sent(index, rerank_inference_id="my-rerank", field="title_semantic", text_field="title")
    assert copied["retriever"]["text_similarity_reranker"]["field"] == "title", (
        "what copy_to fills holds no text"
    )


def test_words_and_meaning_are_joined_by_their_ranks(index):
    """Hybrid search, reranked or not: every stage has the same window."""
    searches = [
        {"standard": {"query": {"semantic": {"field": "content", "query": QUERY}}}},
        {"standard": {"query": {"match": {"title": {"query": QUERY}}}}},
    ]
    joined = {"rrf": {"retrievers": searches, "rank_window_size": 30}}
    assert sent(index, match_field="title", rank_window_size=30) == {"size": 4, "retriever": joined}
    reranked = sent(index, match_field="title", rank_window_size=30, rerank_inference_id="my-rerank")
    assert reranked["retriever"]["text_similarity_reranker"]["retriever"] == joined
    assert reranked["retriever"]["text_similarity_reranker"]["rank_window_size"] == 30


def test_the_reranker_s_own_score_is_given_back(serve):
    """Elasticsearch makes it positive; documents have both, as after ``ElasticRerank``."""
    index = serve(scores=(1.75, math.exp(-2.0)))
    with closing(make(index, k=2, rerank_inference_id="my-rerank")) as retriever:
        found = retriever.invoke(QUERY)
    assert [document.metadata["_score"] for document in found] == [1.75, math.exp(-2.0)]
    assert [document.metadata["relevance_score"] for document in found] == pytest.approx([0.75, -2.0])


def test_only_the_fields_that_are_named_travel(index):
    """Metadata may be narrowed, to nothing as well; the text always comes."""
    with closing(make(index, metadata_fields=["year"], k=1)) as retriever:
        (found,) = retriever.invoke(QUERY)
    assert found.page_content == "0: a text of the sea"
    assert found.metadata == {"year": 2000, "_index": "docs-000001", "_score": 1.5}
    assert index.bodies[-1]["_source"] == {"includes": ["content", "year"]}
    assert sent(index, metadata_fields=[])["_source"] == {"includes": ["content"]}


@pytest.mark.parametrize(
    ("source", "settings", "text", "metadata"),
    [
        ({"text": "a", "n": 1}, {"text_field": "text"}, "a", {"n": 1}),
        ({"content": ["a", "b"]}, {}, "a\nb", {}),
        ({"content": {"text": "a", "inference": {"chunks": []}}}, {}, "a", {}),
        ({"doc": {"body": "a", "n": 1}, "m": 2}, {"field": "doc.body"}, "a", {"doc": {"n": 1}, "m": 2}),
        ({"doc.body": "a", "doc": "b"}, {"field": "doc.body"}, "a", {"doc": "b"}),
    ],
    ids=["copied-from", "several-texts", "before-8.18", "object", "dotted-name"],
)
def test_the_text_is_found_wherever_documents_have_it(serve, source, settings, text, metadata):
    """In another field, in parts, in an object; it is not in the metadata again."""
    with closing(make(serve([source]), **settings)) as retriever:
        (found,) = retriever.invoke(QUERY)
    extra = {"_index": "docs-000001", "_score": 1.5}
    assert (found.page_content, found.metadata) == (text, metadata | extra)


@pytest.mark.parametrize(("setting", "texts"), [({}, ["5"]), ({"missing_text": "empty"}, ["", "5"])])
def test_a_hit_without_text_is_left_out_or_empty(serve, setting, texts):
    """One odd hit does not take the others with it; a number is a text."""
    with closing(make(serve([{"title": "a"}, {"content": 5}]), **setting)) as retriever:
        assert [document.page_content for document in retriever.invoke(QUERY)] == texts


async def test_asynchronous_search_is_no_synchronous_one_in_a_thread():
    """``ainvoke`` waits on the event loop."""

    class AsyncOnly:
        def send(self, request):
            raise AssertionError

        async def send_async(self, request):
            from ragbridge.flow import Response

            body = {"hits": {"hits": [{"_id": "a", "_source": {"content": "sea"}, "_score": 1.0}]}}
            return Response(200, {"x-elastic-product": "Elasticsearch"}, json.dumps(body).encode())

        def close(self):
            pass

        async def close_async(self):
            pass

    client = Elastic("http://es:9200", transport=AsyncOnly())
    retriever = ElasticSemanticRetriever(client=client, index="docs", field="content")
    (found,) = await retriever.ainvoke(QUERY)
    assert found.page_content == "sea"


def test_the_number_of_documents_may_be_given_for_one_call(index):
    """``k`` of a call goes before the object's own, and must fit into a window that is set."""
    with closing(make(index, rerank_inference_id="my-rerank", rank_window_size=5)) as retriever:
        assert len(retriever.invoke(QUERY, k=5)) == 5
        with pytest.raises(ConfigurationError, match="rank_window_size=5, below the search's size=6"):
            retriever.invoke(QUERY, k=6)
        with pytest.raises(TypeError, match="top_k"):
            retriever.invoke(QUERY, top_k=6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"field": ""}, "field"),
        ({"k": -1}, "size=-1"),
        ({"filter": {}}, "filter"),
        ({"rank_window_size": 50}, "rank_window_size= is for hits that are reranked or joined"),
        ({"rerank_field": "title"}, "rerank_inference_id="),
        ({"rerank_inference_id": "a", "rank_window_size": 3}, "below the search's size=4"),
        ({"text_fields": "title"}, "text_fields: no such setting"),
        ({"text_field": ""}, "text_field"),
        ({"missing_text": "drop"}, "missing_text"),
        ({"index": ""}, "index"),
        ({"index": []}, "index"),
    ],
)
def test_what_elasticsearch_would_refuse_is_refused_at_once(index, settings, words):
    """When the object is made; nothing is sent."""
    with pytest.raises(ConfigurationError, match=words):
        make(index, **settings)
    assert index.bodies == []


@pytest.mark.parametrize("served", [False, True])
async def test_the_embedded_engine_names_an_index_that_is_not_there(served):
    """At once, without a retry, on both faces, in this process and over a socket."""
    with running(Engine()) as address:
        retriever = ElasticSemanticRetriever(
            url=address if served else "local", index="docs", field="content"
        )
        with pytest.raises(InvalidRequestError, match=r"no such index \[docs\]") as refused:
            retriever.invoke(QUERY)
        assert refused.value.status == 404
        with pytest.raises(InvalidRequestError, match=r"no such index \[docs\]"):
            await retriever.ainvoke(QUERY)
        retriever.close()
        await retriever.aclose()


async def test_a_chain_of_search_and_reranking(index):
    """The retriever is a step of a chain, its documents go on to ``ElasticRerank``."""
    rerank = ElasticRerank(url="local", inference_id=".jina-reranker-v3", top_n=1)
    with closing(make(index, k=8)) as retriever:
        chain = {"documents": retriever, "query": RunnableLambda(str)} | rerank.as_runnable()
        (found,) = chain.invoke("5: a text of the sea")
        assert chain.batch(["5: a text of the sea"] * 3) == [[found]] * 3
    assert found.id == "id-5"
    assert found.metadata["_score"] == 1.5
    assert found.metadata["relevance_score"] != 1.5
