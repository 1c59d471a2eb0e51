"""The Haystack retriever over an Elasticsearch that answers as it is told to."""

from __future__ import annotations

import asyncio
import copy
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Document, Pipeline

from haystack_integrations.components.rankers.ragbridge import ElasticRanker
from haystack_integrations.components.retrievers.ragbridge import ElasticSemanticRetriever
from ragbridge import ConfigurationError, InvalidRequestError, ServiceError
from ragbridge.flow import Request, Response
from ragbridge.local import Answer, Engine
from ragbridge.server import running

QUERY = "insects that make honey"
ENGLISH = {"term": {"lang": "en"}}
HEADERS = {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}
ROWS: dict[str, dict[str, Any]] = {
    "1": {"content": "The stock market closed lower on Friday.", "lang": "en", "page": {"title": "Money"}},
    "2": {"content": "Bees are insects that make honey.", "lang": "en", "page": {"title": "Bees"}},
    "3": {"content": "Honey keeps for years in a closed jar.", "lang": "en", "page": {"title": "Jars"}},
    "4": {"content": "Die Bienen, insects that make Honig.", "lang": "de", "page": {"title": "Bienen"}},
}


def words(text: str) -> set[str]:
    return {word.strip(".,").lower() for word in text.split()}


class Cluster(Engine):
    """Answers searches as Elasticsearch does, by words that texts share; the rest is the embedded engine's."""

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.rows = ROWS
        self.paths: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.outcomes: list[Response] = []

    def handle(self, request: Request) -> Answer:
        if not request.url.endswith("/_search"):
            return super().handle(request)
        body = json.loads(request.body)
        self.paths.append(unquote(request.url.removeprefix(self.url)))
        self.bodies.append(body)
        return Answer(self.outcomes.pop(0) if self.outcomes else respond(self._search(body)))

    def _search(self, body: dict[str, Any]) -> dict[str, Any]:
        filters: list[Any] = []
        query, reranked = body.get("query"), "retriever" in body
        if reranked:
            outer = body["retriever"]["text_similarity_reranker"]
            filters, query = outer.get("filter", []), outer["retriever"]["standard"]["query"]
        elif "bool" in query:
            filters, (query,) = query["bool"]["filter"], query["bool"]["must"]
        asked = words(query["semantic"]["query"])
        rows = [
            (float(len(asked & words(row["content"]))), name)
            for name, row in self.rows.items()
            if all(row[field] == value for one in filters for field, value in one["term"].items())
        ]
        if reranked:  # by a measure of its own, below zero, and made positive
            rows = [(math.exp(score - 10), name) for score, name in rows]
        best = sorted(rows, key=lambda row: (-row[0], row[1]))[: body.get("size", 10)]
        return found(
            {
                "_index": "articles",
                "_id": name,
                "_score": score,
                "_source": self._source(body, self.rows[name]),
            }
            for score, name in best
        )

    def _source(self, body: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
        wanted = body.get("_source")
        return row if wanted is None else {name: row[name] for name in wanted["includes"] if name in row}


def found(hits: Any) -> dict[str, Any]:
    rows = list(hits)
    total = {"value": len(rows), "relation": "eq"}
    shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
    return {
        "took": 1,
        "timed_out": False,
        "_shards": shards,
        "hits": {"total": total, "max_score": 1.0, "hits": rows},
    }


def respond(body: dict[str, Any], status: int = 200) -> Response:
    return Response(status, HEADERS, json.dumps(body).encode())


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Over a real socket."""
    made = Cluster()
    with running(made) as made.url:
        yield made


@pytest.fixture
def retriever(cluster: Cluster) -> Iterator[Callable[..., ElasticSemanticRetriever]]:
    """``retriever(...)``: one over ``cluster``, closed in the end."""
    components = []

    def make(**settings: Any) -> ElasticSemanticRetriever:
        own = {
            "index": "articles",
            "field": "content",
            "url": cluster.url,
            "retry": {"attempts": 2, "initial": 0.0},
        }
        components.append(ElasticSemanticRetriever(**{**own, **settings}))
        return components[-1]

    yield make
    for component in components:
        component.close()


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the cluster of the machine that it runs on."""
    for name in ("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


Make = Callable[..., ElasticSemanticRetriever]


async def test_documents_are_what_was_indexed(cluster: Cluster, retriever: Make) -> None:
    """Best first, with Elasticsearch's id and score, the field's text and everything else as meta, by both faces."""
    before = copy.deepcopy(ROWS)
    component = retriever(top_k=2)
    result = component.run(QUERY)
    assert result == await component.run_async(QUERY)
    assert result == {
        "documents": [
            Document(
                id="2",
                content="Bees are insects that make honey.",
                meta={"lang": "en", "page": {"title": "Bees"}, "_index": "articles"},
                score=4.0,
            ),
            Document(
                id="4",
                content="Die Bienen, insects that make Honig.",
                meta={"lang": "de", "page": {"title": "Bienen"}, "_index": "articles"},
                score=3.0,
            ),
        ]
    }
    assert cluster.paths == ["/articles/_search"] * 2
    assert cluster.bodies == [{"query": {"semantic": {"field": "content", "query": QUERY}}, "size": 2}] * 2
    assert before == ROWS


async def test_filters_are_elasticsearch_s(cluster: Cluster, retriever: Make) -> None:
    """One query or several; those of a ``run`` replace the component's, and so does its ``top_k``."""
    component = retriever(filters=ENGLISH, top_k=1)
    assert [each.id for each in component.run(QUERY)["documents"]] == ["2"]
    several = [ENGLISH, {"term": {"page": {"title": "Jars"}}}]
    assert [each.id for each in component.run(QUERY, filters=several)["documents"]] == ["3"]
    german = await component.run_async(QUERY, filters={"term": {"lang": "de"}}, top_k=3)
    assert [each.id for each in german["documents"]] == ["4"]
    assert [body["size"] for body in cluster.bodies] == [1, 1, 3]
    assert cluster.bodies[0]["query"]["bool"]["filter"] == [ENGLISH]
    language = {"field": "meta.lang", "operator": "==", "value": "en"}
    for wrong in (language, {"operator": "AND", "conditions": [language]}, [language]):
        with pytest.raises(ConfigurationError, match=r"Haystack's language.*\{'term'"):
            component.run(QUERY, filters=wrong)
        with pytest.raises(ConfigurationError, match="Haystack's language"):
            retriever(filters=wrong)
    assert len(cluster.bodies) == 3


def test_a_reranker_orders_them_by_its_own_score(cluster: Cluster, retriever: Make) -> None:
    """Elasticsearch reranks as many as are asked for, filtered first; the score is the reranker's, not the positive one."""
    component = retriever(rerank_inference_id="my-reranker", filters=ENGLISH, top_k=2)
    documents = component.run(QUERY)["documents"]
    assert [each.id for each in documents] == ["2", "3"]
    assert [each.score for each in documents] == pytest.approx([-6.0, -9.0])
    component.run(QUERY, top_k=25)
    first, second = (body["retriever"]["text_similarity_reranker"] for body in cluster.bodies)
    assert first == {
        "retriever": {"standard": {"query": {"semantic": {"field": "content", "query": QUERY}}}},
        "field": "content",
        "inference_id": "my-reranker",
        "inference_text": QUERY,
        "rank_window_size": 10,
        "filter": [ENGLISH],
    }
    assert (second["rank_window_size"], cluster.bodies[1]["size"]) == (25, 25)


def test_hybrid_search_joins_and_reranks(cluster: Cluster, retriever: Make) -> None:
    """A search by words can stand beside the one by meaning, and other fields can be read."""
    cluster.outcomes = [respond(found([]))]
    settings = {"rerank_field": "page.title", "rank_window_size": 30, "rerank_inference_id": "my-reranker"}
    component = retriever(field="meaning", content_field="content", match_field="content", **settings)
    assert component.run(QUERY) == {"documents": []}
    outer = cluster.bodies[0]["retriever"]["text_similarity_reranker"]
    assert (outer["field"], outer["rank_window_size"]) == ("page.title", 30)
    inner = outer["retriever"]["rrf"]
    kinds = [one["standard"]["query"] for one in inner["retrievers"]]
    assert kinds[0]["semantic"]["field"] == "meaning"
    assert [*kinds[1]["match"]] == ["content"]
    assert inner["rank_window_size"] == 30


def test_content_is_another_field_on_request(cluster: Cluster, retriever: Make) -> None:
    """What ``copy_to`` fills is in no document: the field that it is filled from is named, for the reranker as well."""
    component = retriever(
        field="meaning", content_field="page.title", rerank_inference_id="my-reranker", top_k=1
    )
    (document,) = component.run(QUERY)["documents"]
    assert document.content == "Bees"
    assert document.meta == {"content": ROWS["2"]["content"], "lang": "en", "page": {}, "_index": "articles"}
    assert cluster.bodies[-1]["retriever"]["text_similarity_reranker"]["field"] == "page.title"


@pytest.mark.parametrize(("setting", "texts"), [({}, ["5"]), ({"missing_text": "empty"}, ["", "5"])])
def test_a_hit_without_text_is_left_out_or_empty(
    cluster: Cluster, retriever: Make, setting: dict[str, Any], texts: list[str]
) -> None:
    """One odd hit does not take the others with it; a number is a text."""
    rows = [{"_index": "i", "_id": str(n), "_score": 1.0, "_source": {"n": 5} if n else {}} for n in range(2)]
    cluster.outcomes = [respond(found(rows))]
    documents = retriever(content_field="n", **setting).run(QUERY)["documents"]
    assert [document.content for document in documents] == texts
    with pytest.raises(ConfigurationError, match="missing_text='drop'"):
        retriever(missing_text="drop")


def test_only_wanted_meta_travels(cluster: Cluster, retriever: Make) -> None:
    """Elasticsearch sends the content and the fields that are asked for, and no others."""
    (document,) = retriever(meta_fields=["lang"], top_k=1).run(QUERY)["documents"]
    assert document.meta == {"lang": "en", "_index": "articles"}
    (document,) = retriever(meta_fields=[], top_k=1).run(QUERY)["documents"]
    assert document.meta == {"_index": "articles"}
    assert [body["_source"] for body in cluster.bodies] == [
        {"includes": ["content", "lang"]},
        {"includes": ["content"]},
    ]


def test_several_indexes(cluster: Cluster, retriever: Make) -> None:
    """Names and patterns are searched together."""
    retriever(index=["articles", "notes-*"]).run(QUERY)
    assert cluster.paths == ["/articles,notes-*/_search"]


def test_a_semantic_text_of_an_old_index(cluster: Cluster, retriever: Make) -> None:
    """Indexes from before 8.18 keep text and chunks in one object, several texts are a list: the content is text."""
    old = {
        "content": {"text": ["one", "two"], "inference": {"chunks": [{"embeddings": [0.5]}]}},
        "lang": "en",
    }
    cluster.outcomes = [
        respond(found([{"_index": "old", "_id": "a", "_score": 1.0, "_source": old}])),
    ]
    (document,) = retriever().run(QUERY)["documents"]
    assert document.content == "one\ntwo"
    assert document.meta == {"lang": "en", "_index": "old"}


async def test_wrong_arguments_send_nothing(cluster: Cluster, retriever: Make) -> None:
    """Settings are refused when the component is made, arguments before anything is sent."""
    component = retriever()
    for wrong in (None, ["a"]):
        with pytest.raises(TypeError, match="query"):
            component.run(wrong)
        with pytest.raises(TypeError, match="query"):
            await component.run_async(wrong)
    for top_k in (0, -1):
        with pytest.raises(ConfigurationError, match="top_k must be > 0"):
            component.run(QUERY, top_k=top_k)
        with pytest.raises(ConfigurationError, match="top_k must be > 0"):
            retriever(top_k=top_k)
    for settings, message in [
        ({"rank_window_size": 20}, "rank_window_size="),
        ({"rerank_field": "content"}, "rerank_field="),
        ({"rank_window_size": 5, "rerank_inference_id": "my-reranker"}, "rank_window_size=5"),
        ({"field": ""}, "field is empty"),
        ({"filters": [1]}, "filter"),
        ({"filters": "lang:en"}, "filter is str"),
    ]:
        with pytest.raises(ConfigurationError, match=message):
            retriever(**settings)
    assert cluster.bodies == []


def test_what_elasticsearch_refuses_is_a_typed_error(cluster: Cluster, retriever: Make) -> None:
    """A missing index is told at once; a cluster that is busy is asked again, one that stays so is told."""
    reason = {"type": "index_not_found_exception", "reason": "no such index [articles]"}
    missing = respond({"error": {**reason, "root_cause": [reason]}, "status": 404}, 404)
    busy = respond({"error": {"type": "x", "reason": "busy"}, "status": 503}, 503)
    component = retriever()
    cluster.outcomes = [missing]
    with pytest.raises(InvalidRequestError, match=r"no such index \[articles\]"):
        component.run(QUERY)
    cluster.outcomes = [busy]
    assert component.run(QUERY)["documents"]
    cluster.outcomes = [busy, busy]
    with pytest.raises(ServiceError):
        component.run(QUERY)
    assert len(cluster.bodies) == 5


def test_the_embedded_engine_names_an_index_that_is_not_there() -> None:
    """It says so, instead of finding nothing."""
    with pytest.raises(InvalidRequestError, match=r"no such index \[nowhere\]"):
        ElasticSemanticRetriever("nowhere", "content", url="local").run(QUERY)


def test_two_event_loops_in_a_row(retriever: Make) -> None:
    """One component serves one event loop after another."""
    component = retriever()
    assert asyncio.run(component.run_async(QUERY)) == asyncio.run(component.run_async(QUERY))


async def test_in_a_pipeline_with_a_ranker(cluster: Cluster) -> None:
    """Written down and read again, it retrieves, and documents keep their ids through a ranker of this side."""
    settings = {"url": cluster.url, "limits": None}
    pipeline = Pipeline()
    pipeline.add_component(
        "retriever", ElasticSemanticRetriever("articles", "content", filters=ENGLISH, **settings)
    )
    pipeline.add_component("ranker", ElasticRanker(".jina-reranker-v3", top_k=1, **settings))
    pipeline.connect("retriever.documents", "ranker.documents")
    pipeline = Pipeline.loads(pipeline.dumps())
    asked = {"retriever": {"query": QUERY}, "ranker": {"query": QUERY}}
    for result in (pipeline.run(asked), await pipeline.run_async(asked)):
        (document,) = result["ranker"]["documents"]
        assert (document.id, document.content) == ("2", ROWS["2"]["content"])
    for name in ("retriever", "ranker"):
        component = pipeline.get_component(name)
        component.close()
        await component.close_async()


def test_without_haystack() -> None:
    """Where Haystack is missing, the error names the extra to install."""
    code = """
import sys
sys.modules["haystack"] = None
try:
    import haystack_integrations.components.retrievers.ragbridge
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "ragbridge[haystack]"' in done.stdout
