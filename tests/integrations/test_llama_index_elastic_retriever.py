"""``ElasticSemanticRetriever`` keeps LlamaIndex's contract for retrievers, over a server that answers searches."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import IndexNode, MetadataMode, QueryBundle, TextNode
from pydantic import ValidationError

from llama_index.postprocessor.ragbridge import ElasticRerank
from llama_index.retrievers.ragbridge import ElasticSemanticRetriever
from ragbridge import ConfigurationError, Elastic, InvalidRequestError
from ragbridge.elastic import semantic_search_body

QUERY = "who inspired taking care of the sea?"
SOURCES = [
    {"content": f"text {place}", "lang": "en", "inner": {"title": f"title {place}", "year": 1999}}
    for place in range(9)
]


class Cluster(ThreadingHTTPServer):
    """A server that remembers searches and answers each with the hits that it was given, as many as were asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.paths: list[str] = []
        self.bodies: list[dict] = []
        self.keys: list[str | None] = []
        self.hits = [hit(place) for place in range(len(SOURCES))]
        self.open = self.most = 0
        self.gate = threading.Event()
        self.gate.set()
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server, body = self.server, json.loads(self.rfile.read(int(self.headers["content-length"])))
        with server.lock:
            server.paths.append(self.path)
            server.bodies.append(body)
            server.keys.append(self.headers["authorization"])
            server.open += 1
            server.most = max(server.most, server.open)
            if server.open == 2:
                server.gate.set()
        server.gate.wait(10)
        hits = server.hits[: body["size"]]
        with server.lock:
            server.open -= 1
        answer = {
            "took": 7,
            "timed_out": False,
            "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
            "hits": {"total": {"value": len(hits), "relation": "eq"}, "max_score": 1.5, "hits": hits},
        }
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("x-elastic-product", "Elasticsearch")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


def hit(place, **more):
    """A hit as Elasticsearch writes it."""
    row = {"_index": "docs", "_id": f"id-{place}", "_score": 3.5 - place / 10, "_source": SOURCES[place]}
    return row | more


@pytest.fixture
def cluster():
    server = Cluster()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["sync", "async"])
def retrieve(request):
    """Retrieves by one of the two faces."""
    if request.param == "sync":
        return lambda retriever, query=QUERY: retriever.retrieve(query)
    return lambda retriever, query=QUERY: asyncio.run(retriever.aretrieve(query))


def test_hits_become_nodes(cluster, retrieve):
    """Ids, texts, scores and all other fields are kept, best first; the index is there, and no model sees it."""
    retriever = ElasticSemanticRetriever("docs", "content", url=cluster.url, similarity_top_k=3)
    assert isinstance(retriever, BaseRetriever)
    found = retrieve(retriever)
    assert [(one.node_id, one.text, one.score) for one in found] == [
        ("id-0", "text 0", 3.5),
        ("id-1", "text 1", 3.4),
        ("id-2", "text 2", 3.3),
    ]
    assert found[1].metadata == {"lang": "en", "inner": {"title": "title 1", "year": 1999}, "_index": "docs"}
    for mode in (MetadataMode.EMBED, MetadataMode.LLM):
        assert "lang: en" in found[1].node.get_content(mode)
        assert "_index" not in found[1].node.get_content(mode)
    assert cluster.paths == ["/docs/_search"]
    assert cluster.bodies == [{"query": {"semantic": {"field": "content", "query": QUERY}}, "size": 3}]


def test_two_nodes_by_default_as_everywhere_in_llama_index(cluster, retrieve):
    """``similarity_top_k`` has the framework's default, and may be set later."""
    retriever = ElasticSemanticRetriever("docs", "content", url=cluster.url)
    assert len(retrieve(retriever)) == 2
    retriever.similarity_top_k = 5
    assert len(retrieve(retriever)) == 5


def test_every_option_is_in_the_body(cluster, retrieve):
    """Filter, hybrid search, reranker, its field and window, several indexes, and the fields that are returned."""
    options = {
        "filter": {"term": {"lang": "en"}},
        "match_field": "inner.title",
        "rerank_inference_id": ".jina-reranker-v3",
        "rerank_field": "inner.title",
        "rank_window_size": 50,
    }
    fields = ["lang", "inner.year"]
    retriever = ElasticSemanticRetriever(
        ["a", "b-*"], "content", url=cluster.url, similarity_top_k=4, metadata_fields=fields, **options
    )
    retrieve(retriever)
    expected = semantic_search_body("content", QUERY, size=4, **options)
    assert cluster.bodies == [{**expected, "_source": {"includes": ["content", *fields]}}]
    assert cluster.paths == ["/a,b-*/_search"]
    assert "text_similarity_reranker" in expected["retriever"]


def test_scores_of_a_reranker_are_its_own(cluster, retrieve):
    """Elasticsearch makes them positive: 3.5 was 2.5, and what is below 1 was negative."""
    cluster.hits = [hit(0), hit(1, _score=0.5)]
    found = retrieve(
        ElasticSemanticRetriever("docs", "content", url=cluster.url, rerank_inference_id=".jina-reranker-v3")
    )
    assert [one.score for one in found] == [2.5, pytest.approx(-0.6931, abs=1e-4)]
    (retriever,) = cluster.bodies[0]["retriever"].values()
    assert (retriever["field"], retriever["inference_text"]) == ("content", QUERY)
    assert retriever["rank_window_size"] == 10


def test_the_text_may_be_in_another_field(cluster, retrieve):
    """Where ``copy_to`` fills the semantic field, the text is what it was copied from, for the reranker as well."""
    retriever = ElasticSemanticRetriever(
        "docs",
        "semantic",
        url=cluster.url,
        text_field="inner.title",
        rerank_inference_id="r",
        metadata_fields=[],
    )
    cluster.hits = [hit(0, _source={"inner": {"title": "title 0"}})]
    (found,) = retrieve(retriever)
    assert found.text == "title 0"
    assert cluster.bodies[0]["_source"] == {"includes": ["inner.title"]}
    assert cluster.bodies[0]["retriever"]["text_similarity_reranker"]["field"] == "inner.title"


def test_the_text_is_not_in_the_metadata_again(cluster, retrieve):
    """Language models read metadata and text: a field in an object is taken out of it."""
    (found, _) = retrieve(ElasticSemanticRetriever("docs", "s", url=cluster.url, text_field="inner.title"))
    assert found.metadata["inner"] == {"year": 1999}


@pytest.mark.parametrize(("setting", "texts"), [({}, ["5"]), ({"missing_text": "empty"}, ["", "5"])])
def test_a_hit_without_text_is_left_out_or_empty(cluster, retrieve, setting, texts):
    """One odd hit does not take the others with it; a number is a text."""
    cluster.hits = [hit(0), hit(1, _source={"body": 5})]
    found = retrieve(
        ElasticSemanticRetriever("docs", "semantic", url=cluster.url, text_field="body", **setting)
    )
    assert [one.text for one in found] == texts


def test_a_wrong_setting_for_hits_without_text_is_told_at_once(cluster):
    """Not by the first query."""
    with pytest.raises(ConfigurationError, match="missing_text='drop'"):
        ElasticSemanticRetriever("docs", "semantic", url=cluster.url, missing_text="drop")


def test_documents_of_one_id_are_not_one_document(cluster, retrieve):
    """LlamaIndex drops nodes of the same id: documents of two indexes are told apart."""
    cluster.hits = [hit(0), hit(1, _id="id-0", _index="other"), hit(2)]
    found = retrieve(ElasticSemanticRetriever("docs,other", "content", url=cluster.url, similarity_top_k=3))
    assert [(one.node_id, one.text) for one in found] == [
        ("docs/id-0", "text 0"),
        ("other/id-0", "text 1"),
        ("id-2", "text 2"),
    ]


def test_nothing_found_is_no_node(cluster, retrieve):
    """An empty list, no error."""
    cluster.hits = []
    assert retrieve(ElasticSemanticRetriever("docs", "content", url=cluster.url)) == []


def test_of_a_query_its_text_counts(cluster, retrieve):
    """Vectors and further texts of a ``QueryBundle`` are for other retrievers."""
    query = QueryBundle(QUERY, custom_embedding_strs=["made up"], embedding=[0.5])
    retrieve(ElasticSemanticRetriever("docs", "content", url=cluster.url), query)
    assert cluster.bodies[0]["query"] == {"semantic": {"field": "content", "query": QUERY}}


async def test_searches_are_awaited_side_by_side(cluster):
    """Two searches of one loop are open at once, which a blocked loop could not do: each waits for the other."""
    cluster.gate.clear()
    retriever = ElasticSemanticRetriever("docs", "content", url=cluster.url)
    one, two = await asyncio.gather(retriever.aretrieve(QUERY), retriever.aretrieve(QUERY))
    assert one == two
    assert cluster.most == 2


def test_callbacks_and_objects_are_the_frameworks_own(cluster, retrieve):
    """The callback tells query and nodes; a node's object in ``objects`` stands where LlamaIndex puts it."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    retriever = ElasticSemanticRetriever(
        "docs",
        "content",
        url=cluster.url,
        callback_manager=CallbackManager([debug]),
        objects=[IndexNode(text="", index_id="i", obj=TextNode(text="object"))],
    )
    found = retrieve(retriever)
    ((first, last),) = debug.get_event_pairs(CBEventType.RETRIEVE)
    assert first.payload[EventPayload.QUERY_STR] == QUERY
    assert last.payload[EventPayload.NODES] == found
    assert set(retriever.object_map) == {"i"}


def test_copies_are_without_credentials(cluster, monkeypatch):
    """A pickle has every setting and takes the key of its own process; a ready client travels likewise."""
    options = {"similarity_top_k": 3, "filter": {"term": {"lang": "en"}}, "text_field": "content"}
    made = ElasticSemanticRetriever(
        "docs", "content", url=cluster.url, basic_auth=("me", "secret"), **options
    )
    data = pickle.dumps(made)
    monkeypatch.setenv("ELASTIC_API_KEY", "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6")
    found = made.retrieve(QUERY)
    assert pickle.loads(data).retrieve(QUERY) == found
    client = Elastic(cluster.url, basic_auth=("me", "secret"))
    travelled = pickle.loads(
        pickle.dumps(ElasticSemanticRetriever("docs", "content", client=client, **options))
    )
    assert travelled.retrieve(QUERY) == found
    assert [key.split()[0] for key in cluster.keys] == ["Basic", "ApiKey", "ApiKey"]
    assert cluster.bodies[0] == cluster.bodies[1] == cluster.bodies[2]


def test_wrong_settings_are_refused_at_once():
    """A typo, no address, a client beside settings, and what Elasticsearch would refuse; nothing is sent."""
    with pytest.raises(ValidationError, match="ulr"):
        ElasticSemanticRetriever("docs", "content", ulr="http://x")
    with pytest.raises(ConfigurationError, match="ELASTICSEARCH_URL"):
        ElasticSemanticRetriever("docs", "content")
    with pytest.raises(ConfigurationError, match="give url to it"):
        ElasticSemanticRetriever("docs", "content", url="http://x", client=Elastic("local"))
    for wrong, message in (
        ({"similarity_top_k": -1}, "size=-1"),
        ({"rank_window_size": 50}, "rerank_inference_id="),
        ({"rerank_field": "title"}, "rerank_inference_id="),
        ({"rerank_inference_id": "r", "similarity_top_k": 20, "rank_window_size": 10}, "rank_window_size"),
        ({"filter": "lang:en"}, "filter is str"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            ElasticSemanticRetriever("docs", "content", url="http://x", **wrong)
    with pytest.raises(ConfigurationError, match="field is empty"):
        ElasticSemanticRetriever("docs", "", url="http://x")


def test_the_embedded_engine_names_an_index_that_is_not_there(retrieve):
    """It says so, instead of finding nothing."""
    with pytest.raises(InvalidRequestError, match=r"no such index \[nowhere\]"):
        retrieve(ElasticSemanticRetriever("nowhere", "content", url="local"))


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_query_engine_retrieves_and_reranks(cluster, asynchronous):
    """As part of LlamaIndex's own pipeline, with the reranker of the same cluster on this side."""
    reranker = ElasticRerank(inference_id=".jina-reranker-v3", url="local", top_n=1)
    engine = RetrieverQueryEngine.from_args(
        ElasticSemanticRetriever("docs", "content", url=cluster.url, similarity_top_k=5),
        llm=MockLLM(),
        node_postprocessors=[reranker],
    )
    answer = await engine.aquery("text 3") if asynchronous else engine.query("text 3")
    assert [node.text for node in answer.source_nodes] == ["text 3"]
