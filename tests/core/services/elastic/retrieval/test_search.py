"""Searching."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from ragbridge import ConfigurationError, InvalidRequestError, RequestError, ResponseError, Retry
from ragbridge.elastic import (
    Elastic,
    Hit,
    SearchHits,
    knn_query,
    knn_retriever,
    match_query,
    rrf,
    semantic_highlight,
    semantic_query,
    semantic_search_body,
    standard,
    text_similarity_reranker,
)
from ragbridge.flow import Response

HEADERS = {"x-elastic-product": "Elasticsearch"}
QUERY = semantic_query("content", "the sea")
ENGLISH = {"term": {"lang": "en"}}
RECENT = {"range": {"year": {"gte": 2020}}}


def hit(**more: object) -> dict[str, object]:
    """A hit as Elasticsearch writes it."""
    return {"_index": "docs", "_id": "a", "_score": 1.5, "_source": {"content": "sea"}, **more}


def answer(*hits: object, **more: object) -> Response:
    """An answer with these hits."""
    body = {
        "took": 7,
        "timed_out": False,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": {"total": {"value": len(hits), "relation": "eq"}, "max_score": 1.5, "hits": list(hits)},
        **more,
    }
    return Response(200, HEADERS, json.dumps(body).encode())


@pytest.fixture
def connect(clock: Any, scripted: Callable[..., Any]) -> Callable[..., tuple[Elastic, Any]]:
    """Makes a client whose requests are answered in turn, and the transport that has seen them."""

    def make(*outcomes: object) -> tuple[Elastic, Any]:
        transport = scripted(*outcomes)
        retry = Retry(attempts=2)
        return Elastic("http://elasticsearch:9200", transport=transport, clock=clock, retry=retry), transport

    return make


def sent(connect: Callable[..., tuple[Elastic, Any]], **arguments: Any) -> dict[str, Any]:
    """The body that a search with these arguments sends."""
    elastic, transport = connect(answer())
    elastic.search("docs", **arguments)
    return json.loads(transport.requests[0].body)  # type: ignore[no-any-return]


def test_hits_have_what_a_reader_needs(connect: Callable[..., tuple[Elastic, Any]]) -> None:
    """Id, score, document, index and highlighted chunks; the whole answer as well."""
    elastic, transport = connect(
        answer(hit(highlight={"content": ["chunk one", "chunk two"]}), hit(_id="b", _score=None))
    )
    found = elastic.search("docs", query=QUERY)
    assert [(one.id, one.score, one.index, dict(one.source)) for one in found] == [
        ("a", 1.5, "docs", {"content": "sea"}),
        ("b", None, "docs", {"content": "sea"}),
    ]
    assert found.hits[0].highlight == {"content": ("chunk one", "chunk two")}
    assert (len(found), found.total, found.exact, found.took, found.partial) == (2, 2, True, 7, False)
    assert found.raw["hits"]["max_score"] == 1.5
    (request,) = transport.requests
    assert (request.method, request.url) == ("POST", "http://elasticsearch:9200/docs/_search")


def test_arguments_stand_under_elasticsearch_s_names(connect: Callable[..., tuple[Elastic, Any]]) -> None:
    """What is not given is left out."""
    assert sent(connect, query=QUERY) == {"query": QUERY}
    assert sent(
        connect,
        query=QUERY,
        size=5,
        from_=10,
        source=["title"],
        highlight=semantic_highlight("content"),
        min_score=0.5,
        body={"sort": ["_score"]},
    ) == {
        "query": QUERY,
        "size": 5,
        "from": 10,
        "_source": {"includes": ["title"]},
        "highlight": {"fields": [{"content": {"type": "semantic", "order": "score"}}]},
        "min_score": 0.5,
        "sort": ["_score"],
    }
    assert sent(connect, query=QUERY, source=False)["_source"] is False
    assert sent(connect, query=QUERY, source="ti*")["_source"] == {"includes": ["ti*"]}
    assert sent(connect, query=QUERY, source={"excludes": ["v"]})["_source"] == {"excludes": ["v"]}


def test_neighbours_are_searched_for_with_or_without_a_query(
    connect: Callable[..., tuple[Elastic, Any]],
) -> None:
    """What ``knn_query`` builds, or its inner object; one or several."""
    one = knn_query("v", query_vector=[1.0], k=5)
    assert sent(connect, knn=one) == {"knn": one["knn"]}
    assert sent(connect, knn=one["knn"], query=QUERY) == {"knn": one["knn"], "query": QUERY}
    assert sent(connect, knn=[one, one]) == {"knn": [one["knn"], one["knn"]]}


def test_a_filter_narrows_every_kind_of_search(connect: Callable[..., tuple[Elastic, Any]]) -> None:
    """Scores stay as they are: it stands beside what scores; filters that are there already stay."""
    assert sent(connect, query=QUERY, filter=ENGLISH)["query"] == {
        "bool": {"must": [QUERY], "filter": [ENGLISH]}
    }
    near = knn_query("v", query_vector=[1.0], filter=RECENT)
    both = sent(connect, query=QUERY, knn=near, filter=ENGLISH)
    assert both["knn"]["filter"] == [RECENT, ENGLISH]
    assert both["query"]["bool"]["filter"] == [ENGLISH]
    assert sent(connect, knn=[near, near], filter=[ENGLISH])["knn"][1]["filter"] == [RECENT, ENGLISH]
    joined = rrf([standard(QUERY), knn_retriever("v", query_vector=[1.0], k=10)], filter=[RECENT])
    assert sent(connect, retriever=joined, filter=ENGLISH)["retriever"]["rrf"]["filter"] == [RECENT, ENGLISH]
    assert joined["rrf"]["filter"] == [RECENT], "the caller's own retriever stays as it is"


def test_a_whole_body_can_be_sent(connect: Callable[..., tuple[Elastic, Any]]) -> None:
    """A search that is written by hand goes through the same checks and the same reading."""
    assert sent(connect, body={"query": {"match_all": {}}, "aggs": {"n": {"terms": {"field": "lang"}}}})


@pytest.mark.parametrize(
    ("index", "path"),
    [
        ("docs", "docs"),
        (["a", "b-*"], "a,b-*"),
        ("_all", "_all"),
        ("a/b ä", "a%2Fb%20%C3%A4"),
        ("a,b", "a,b"),
    ],
)
def test_indexes_are_named_in_the_path(
    connect: Callable[..., tuple[Elastic, Any]], index: Any, path: str
) -> None:
    """One, several, patterns; nothing in a name breaks out of its place."""
    elastic, transport = connect(answer())
    elastic.search(index, query=QUERY)
    assert transport.requests[0].url == f"http://elasticsearch:9200/{path}/_search"


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        ({"value": 10_000, "relation": "gte"}, (10_000, False)),
        (12, (12, True)),
        (None, (None, True)),
        (2**70, (None, True)),
        ({"value": -1, "relation": "eq"}, (None, True)),
        ({"value": True}, (None, True)),
    ],
    ids=["at-least", "number", "not-counted", "too-large", "negative", "boolean"],
)
def test_the_total_says_how_exact_it_is(
    connect: Callable[..., tuple[Elastic, Any]], total: object, expected: tuple[int | None, bool]
) -> None:
    """In every form in which Elasticsearch gives it."""
    elastic, _ = connect(answer(hits={"total": total, "hits": []}))
    found = elastic.search("docs", query=QUERY)
    assert (found.total, found.exact) == expected


@pytest.mark.parametrize("more", [{"timed_out": True}, {"_shards": {"total": 2, "failed": 1}}])
def test_hits_that_may_be_missing_are_told_of(
    connect: Callable[..., tuple[Elastic, Any]], more: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    """A partial answer is not silently taken for the whole."""
    elastic, _ = connect(answer(hit(), **more))
    with caplog.at_level(logging.WARNING, "ragbridge"):
        assert elastic.search("docs", query=QUERY).partial
    assert "hits may be missing" in caplog.text


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (Response(200, HEADERS, b'{"hits": {"hits": ['), "not JSON"),
        (Response(200, HEADERS, b"{}"), "no 'hits'"),
        (answer(hits={"hits": {}}), "no 'hits'"),
        (answer("a"), "hit 0 has no '_id'"),
        (answer(hit(), hit(_id=3)), "hit 1 has no '_id'"),
        (answer(hit(_score=float("nan"))), "score of hit 0 is nan"),
        (answer(hit(_score="1")), "score of hit 0 is '1'"),
        (answer(hit(_source=[])), "'_source' of hit 0"),
        (answer(hit(highlight={"a": "b"})), "'highlight' of hit 0"),
    ],
)
def test_an_answer_that_does_not_hold_hits_is_an_error(
    connect: Callable[..., tuple[Elastic, Any]], response: Response, message: str
) -> None:
    """After it was asked for once more; no ``KeyError`` reaches anybody."""
    elastic, transport = connect(response, response)
    with pytest.raises(ResponseError, match=message):
        elastic.search("docs", query=QUERY)
    assert len(transport.requests) == 2


def test_a_search_is_repeated_where_its_answer_was_lost(connect: Callable[..., tuple[Elastic, Any]]) -> None:
    """Searching twice does no harm."""
    elastic, _ = connect(RequestError("broke"), answer(hit()))
    assert len(elastic.search("docs", query=QUERY)) == 1


def test_a_search_that_elasticsearch_refuses_says_why(connect: Callable[..., tuple[Elastic, Any]]) -> None:
    """The innermost reason is in the message, and it is not tried again."""
    refused = {
        "error": {
            "root_cause": [{"type": "parsing_exception", "reason": "unknown query [sematic]"}],
            "type": "parsing_exception",
            "reason": "unknown query [sematic]",
        },
        "status": 400,
    }
    elastic, transport = connect(Response(400, HEADERS, json.dumps(refused).encode()))
    with pytest.raises(InvalidRequestError, match=r"unknown query \[sematic\]"):
        elastic.search("docs", query={"sematic": {"a": 1}})
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing is searched for"),
        ({"index": [], "query": QUERY}, "index is empty"),
        ({"index": [""], "query": QUERY}, "index"),
        ({"query": "the sea"}, "query is str"),
        ({"query": QUERY, "retriever": standard(QUERY)}, r"cannot specify \[retriever\] and \[query\]"),
        ({"retriever": standard(QUERY), "body": {"sort": ["a"]}}, r"\[retriever\] and \[sort\]"),
        ({"query": QUERY, "body": {"query": QUERY}}, "query: given as an argument and in body="),
        ({"query": QUERY, "body": {}}, "body is empty"),
        ({"query": QUERY, "size": -1}, "size=-1"),
        ({"query": QUERY, "from_": -1}, "from_=-1"),
        ({"query": QUERY, "filter": "lang:en"}, "filter is str"),
        ({"knn": [{}]}, r"knn\[0\] is empty"),
        ({"query": QUERY, "highlight": {}}, "highlight is empty"),
        ({"query": QUERY, "source": {1, 2}}, "source is set"),
        ({"query": QUERY, "source": ["a", 1]}, r"source\[1\] is int"),
        ({"query": QUERY, "body": {"sort": {1}}}, "the search, at sort: cannot be written as JSON: set"),
        (
            {
                "retriever": text_similarity_reranker(standard(QUERY), field="content", inference_text="a"),
                "size": 20,
            },
            "rank_window_size=10 by default, below the search's size=20",
        ),
        (
            {
                "retriever": rrf([standard(QUERY), standard(match_query("t", "a"))], rank_window_size=5),
            },
            "rank_window_size=5, below the search's size=10",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_name(
    connect: Callable[..., tuple[Elastic, Any]], arguments: dict[str, Any], message: str
) -> None:
    """Nothing is sent."""
    elastic, transport = connect()
    with pytest.raises(ConfigurationError, match=message):
        elastic.search(**{"index": "docs", **arguments})
    assert transport.requests == []


async def test_the_asynchronous_method_does_the_same(connect: Callable[..., tuple[Elastic, Any]]) -> None:
    """Retries included."""
    elastic, _ = connect(RequestError("broke"), answer(hit()))
    assert len(await elastic.asearch("docs", query=QUERY)) == 1


def test_stages_of_a_search_by_meaning_are_what_was_asked_for() -> None:
    """A query alone; joined with one by words; reranked; each stage with the window of the one above it."""
    meant, words = standard(semantic_query("content", "sea")), standard(match_query("title", "sea"))
    assert semantic_search_body("content", "sea", size=3) == {
        "query": semantic_query("content", "sea"),
        "size": 3,
    }
    joined = rrf([meant, words], rank_window_size=30)
    hybrid = semantic_search_body("content", "sea", size=3, match_field="title", rank_window_size=30)
    assert hybrid == {"retriever": joined, "size": 3}
    reranked = semantic_search_body(
        "content",
        "sea",
        size=30,
        match_field="title",
        rerank_inference_id="my",
        rerank_field="title",
        filter=ENGLISH,
    )
    expected = text_similarity_reranker(
        joined, field="title", inference_text="sea", inference_id="my", rank_window_size=30, filter=[ENGLISH]
    )
    assert reranked == {"retriever": expected, "size": 30}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rerank_field": "title"}, "rerank_field= is the reranker's"),
        ({"rank_window_size": 20}, "rank_window_size= is for hits that are reranked or joined"),
        ({"match_field": "title", "rank_window_size": 2}, "rank_window_size=2, below the search's size=3"),
        ({"match_field": ""}, "field"),
    ],
)
def test_stages_that_a_search_does_not_have_take_no_settings(arguments: dict[str, Any], message: str) -> None:
    """A setting that would be ignored is refused by name."""
    with pytest.raises(ConfigurationError, match=message):
        semantic_search_body("content", "sea", size=3, **arguments)


def test_a_search_by_meaning_is_the_plain_query_unless_more_is_asked_for() -> None:
    """Retrievers of all frameworks send the same body: meaning alone, joined with words, reranked, filtered."""
    meant = standard(QUERY)
    assert semantic_search_body("content", "the sea", size=5) == {"query": QUERY, "size": 5}
    joined = semantic_search_body("content", "the sea", size=20, match_field="text", filter=ENGLISH)
    both = rrf([meant, standard(match_query("text", "the sea"))], rank_window_size=20, filter=[ENGLISH])
    assert joined == {"retriever": both, "size": 20}
    reranked = semantic_search_body(
        "content", "the sea", size=5, rerank_inference_id="my-reranker", rerank_field="text", filter=ENGLISH
    )
    assert reranked == {
        "retriever": text_similarity_reranker(
            meant,
            field="text",
            inference_text="the sea",
            inference_id="my-reranker",
            rank_window_size=10,
            filter=[ENGLISH],
        ),
        "size": 5,
    }


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"rerank_field": "text"}, "rerank_field= is the reranker's"),
        ({"rank_window_size": 20}, "rank_window_size= is for hits that are reranked or joined"),
        (
            {"rank_window_size": 4, "rerank_inference_id": "r"},
            "rank_window_size=4, below the search's size=5",
        ),
        ({"size": 0, "rerank_inference_id": "r"}, "size=0"),
    ],
)
def test_a_search_by_meaning_ignores_no_argument(more: dict[str, Any], message: str) -> None:
    """What only a reranker or a second list could use is refused without one."""
    with pytest.raises(ConfigurationError, match=message):
        semantic_search_body("content", "the sea", **{"size": 5, **more})


@pytest.mark.parametrize(
    ("source", "field", "text", "rest"),
    [
        ({"content": "sea", "n": 1}, "content", "sea", {"n": 1}),
        ({"content": ["sea", "land"]}, "content", "sea\nland", {}),
        ({"a": {"b": "sea", "c": 1}, "n": 1}, "a.b", "sea", {"a": {"c": 1}, "n": 1}),
        ({"a.b": "sea", "a": {"b": "land"}}, "a.b", "sea\nland", {"a": {}}),
        ({"content": {"text": "sea", "inference": {"chunks": []}}}, "content", "sea", {}),
        ({"content": 5}, "content", "5", {}),
        ({"content": 49.99}, "content", "49.99", {}),
        ({"content": ["a", 5, True, None, ["b"]]}, "content", "a\n5\ntrue\nb", {}),
        (
            {"sections": [{"body": "one", "n": 1}, {"n": 2}, {"body": ["two", 3]}]},
            "sections.body",
            "one\ntwo\n3",
            {"sections": [{"n": 1}, {"n": 2}, {}]},
        ),
        ({"a.b": {"c": "sea", "d": 1}}, "a.b.c", "sea", {"a.b": {"d": 1}}),
    ],
)
def test_the_text_of_a_hit_is_found_as_elasticsearch_keeps_it(
    source: dict[str, Any], field: str, text: str, rest: dict[str, Any]
) -> None:
    """In objects and lists of them, under a name with dots, or as ``semantic_text`` was kept before 8.18; each string,
    number and boolean is a line."""
    found = Hit("a", 1.0, source)
    assert (found.text(field), found.without(field)) == (text, rest)


@pytest.mark.parametrize(
    "source", [{}, {"content": None}, {"content": []}, {"content": [None]}, {"content": {"a": "b"}}]
)
def test_a_hit_without_the_text_is_no_empty_text(source: dict[str, Any]) -> None:
    """The error names the document, the field and both ways out."""
    with pytest.raises(ConfigurationError, match=r"'a'.*'content'.*copy_to.*exists"):
        Hit("a", 1.0, source).text("content")


@pytest.mark.parametrize(("missing", "texts"), [("skip", ["sea", "5"]), ("empty", ["sea", "", "5"])])
def test_a_hit_without_text_does_not_end_a_search(
    missing: Any, texts: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """It is left out or empty, as was asked for, and the log says so once."""
    sources = [{"content": "sea"}, {"title": "no content"}, {"content": 5}]
    hits = SearchHits(tuple(Hit(str(n), 1.0, source, f"i-{missing}") for n, source in enumerate(sources)))
    for _ in range(2):
        assert [text for _, text in hits.with_text("content", missing=missing)] == texts
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"'i-{missing}' has no text in the field 'content'" in caplog.text


def test_what_becomes_of_a_hit_without_text_is_one_of_two() -> None:
    """Another word is refused, with hits or without."""
    with pytest.raises(ConfigurationError, match="missing_text='drop' must be 'skip' or 'empty'"):
        SearchHits(()).with_text("content", missing="drop")  # type: ignore[arg-type]


def test_a_deeply_nested_document_has_its_text() -> None:
    """However deep a server nests lists, no recursion ends the search."""
    value: Any = "sea"
    for _ in range(100_000):
        value = [value]
    assert Hit("a", 1.0, {"content": value}).text("content") == "sea"


def test_what_is_read_and_returned_may_be_another_field_than_what_is_searched():
    """``text_field`` is what a reranker reads unless told otherwise, and comes back beside ``fields``."""
    plain = semantic_search_body("meaning", "sea", size=3, text_field="body", fields=["lang"])
    assert plain == {
        "query": {"semantic": {"field": "meaning", "query": "sea"}},
        "size": 3,
        "_source": {"includes": ["body", "lang"]},
    }
    reranked = {"rerank_inference_id": "r", "text_field": "body", "fields": []}
    for more, read in (({}, "body"), ({"rerank_field": "title"}, "title")):
        body = semantic_search_body("meaning", "sea", size=3, **reranked, **more)
        assert body["retriever"]["text_similarity_reranker"]["field"] == read
        assert body["_source"] == {"includes": ["body"]}
