"""Reranking over ``_inference``: what is sent, what is read, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge import ConfigurationError, Elastic, InvalidRequestError, ResponseError

WORDS = ["luke", "like", "leia", "chewy", "r2d2", "star", "wars"]
QUERY = "star wars main character"
EXAMPLES = [
    (
        None,
        [("2", "0.011597361", "leia"), ("0", "0.006338922", "luke"), ("5", "0.0016166499", "star"),
         ("4", "0.0011695103", "r2d2"), ("1", "5.614787E-4", "like"), ("6", "3.7850367E-4", "wars"),
         ("3", "1.2508839E-5", "chewy")],
    ),
    (2, [(6, 0.50955844, None), (5, 0.084341794, None)]),
    (3, [(6, 0.50955844, "wars"), (5, 0.084341794, "star"), (3, 0.003, "chewy")]),
]  # fmt: skip


@pytest.mark.parametrize(("top_n", "rows"), EXAMPLES)
def test_the_documented_examples_field_by_field(cluster, connect, face, answer, top_n, rows):
    """Numbers that older examples write as texts are read as numbers; best first."""
    written = [
        {"index": index, "relevance_score": score, **({} if text is None else {"text": text})}
        for index, score, text in rows
    ]
    transport = cluster(answer({"rerank": written}))
    ranking = face(connect(transport), "rerank", QUERY, WORDS, inference_id="my-rerank", top_n=top_n)
    (request,) = transport.requests
    assert (request.method, request.url) == ("POST", "http://es:9200/_inference/rerank/my-rerank")
    assert json.loads(request.body) == {"query": QUERY, "input": WORDS, "top_n": top_n or len(WORDS)}
    assert [(row.index, row.score) for row in ranking] == [(int(i), float(score)) for i, score, _ in rows]
    assert {row.document for row in ranking} == {None}
    assert (ranking.model, ranking.usage.requests) == ("my-rerank", 1)


def test_documents_are_never_asked_back(cluster, connect, face):
    """The Elastic Inference Service refuses that; the caller's own are filled in, as they were given."""
    transport = cluster()
    documents = ["1 a", {"text": "3 b", "title": "B"}, "2 c"]
    ranking = face(connect(transport), "rerank", "q", documents, inference_id="my", return_documents=True)
    assert [row.document for row in ranking] == [documents[1], documents[2], documents[0]]
    assert transport.bodies == [{"query": "q", "input": ["1 a", "3 b", "2 c"], "top_n": 3}]


def test_the_endpoints_own_top_n_does_not_cut_the_list(cluster, connect, face):
    """What is asked for is sent, also where it is everything; more than there is, is not."""
    transport = cluster()
    elastic = connect(transport)
    for top_n, count in ((None, 3), (2, 2), (9, 3)):
        assert len(face(elastic, "rerank", "q", ["1", "2", "3"], inference_id="my", top_n=top_n)) == count
    assert [body["top_n"] for body in transport.bodies] == [3, 2, 3]


def test_an_answer_that_is_longer_than_asked_for_is_refused(cluster, connect, answer):
    """As of any reranker: what answers with more was not asked this."""
    rows = [{"index": n, "relevance_score": n / 10} for n in range(4)]
    with pytest.raises(ResponseError, match="4 rows where 2 were expected"):
        connect(cluster(answer({"rerank": rows}))).rerank("q", list("abcd"), inference_id="my", top_n=2)


def test_no_document_sends_nothing(cluster, connect, face):
    """An empty list is an empty ranking."""
    transport = cluster()
    assert face(connect(transport), "rerank", "q", [], inference_id="my").results == ()
    assert transport.requests == []


def test_equal_scores_keep_the_order_of_the_documents(cluster, connect, answer):
    """So that a ranking is the same each time."""
    rows = [{"index": n, "relevance_score": 0.5} for n in (2, 0, 1)]
    ranking = connect(cluster(answer({"rerank": rows}))).rerank("q", list("abc"), inference_id="my")
    assert [row.index for row in ranking] == [0, 1, 2]


@given(st.lists(st.integers(0, 500), min_size=1, max_size=30), st.none() | st.integers(1, 40))
def test_a_ranking_is_sorted_and_complete(cluster, numbers, top_n):
    """Each document once, best first, as many as were asked for."""
    elastic = Elastic("http://es", transport=cluster(), limits=None)
    ranking = elastic.rerank("q", [str(n) for n in numbers], inference_id="my", top_n=top_n)
    scores = [row.score for row in ranking]
    assert scores == sorted((n / 1000 for n in numbers), reverse=True)[: top_n or len(numbers)]
    assert len({row.index for row in ranking}) == len(scores)


def row(index=0, score=0.5):
    return {"index": index, "relevance_score": score}


ODD = [
    ({}, "no list"),
    ({"rerank": "x"}, "no list"),
    ({"rerank": [row(0)]}, "1 rows where 2"),
    ({"rerank": [row(0), row(1), row(1)]}, "3 rows where 2"),
    ({"rerank": [row(0), row(0)]}, "two rows of index 0"),
    ({"rerank": [row(0), row(2)]}, "index 2"),
    ({"rerank": [row(0), row(-1)]}, "index -1"),
    ({"rerank": [row(0), row(0.5)]}, "index 0.5"),
    ({"rerank": [row(0), row("x")]}, "index 'x'"),
    ({"rerank": [row(0), row(None)]}, "index None"),
    ({"rerank": [row(0), row(True)]}, "index True"),
    ({"rerank": [row(0), row(1, "good")]}, "score of document 1 is 'good'"),
    ({"rerank": [row(0), row(1, "nan")]}, "score of document 1 is 'nan'"),
    ({"rerank": [row(0), row(1, 10**400)]}, "no finite number"),
    ({"rerank": [row(0), row(1, None)]}, "score of document 1 is None"),
]


@pytest.mark.parametrize(("body", "says"), ODD)
def test_an_answer_that_holds_something_else_is_an_error(cluster, connect, face, answer, body, says):
    """A row that is missing, double or unknown, or without a score, makes no ranking."""
    with pytest.raises(ResponseError, match=says):
        face(connect(cluster(answer(body))), "rerank", "q", ["a", "b"], inference_id="my")


WRONG = [
    ({"query": ""}, "query"),
    ({"query": None}, "query"),
    ({"documents": "one"}, "documents"),
    ({"documents": {"text": "one"}}, "documents"),
    ({"documents": ["a", 1]}, r"documents\[1\] is int"),
    ({"documents": ["a", {"title": "b"}]}, r"documents\[1\]"),
    ({"documents": ["a", "\ud800"]}, r"documents\[1\] holds half"),
    ({"query": "\ud800"}, "query holds half"),
    ({"top_n": 0}, "top_n"),
    ({"top_n": 1.0}, "top_n"),
    ({"task_settings": {"top_n": 1}}, "pass top_n="),
    ({"task_settings": {"return_documents": True}}, "refuses"),
    ({"inference_id": None}, "inference_id"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG)
def test_wrong_arguments_are_refused_before_sending(cluster, connect, face, arguments, says):
    """The message names the argument."""
    transport = cluster()
    named = {"query": "q", "documents": ["a"], "inference_id": "my", **arguments}
    with pytest.raises(ConfigurationError, match=says):
        face(connect(transport), "rerank", named.pop("query"), named.pop("documents"), **named)
    assert transport.requests == []


def test_what_the_service_refuses_is_about_the_documents(cluster, connect, refuse):
    """Elasticsearch does not say which; a missing endpoint is about none of them."""
    transport = cluster(
        refuse(400, reason="too long"), refuse(404, reason="Inference endpoint not found [my]")
    )
    for says in (r"documents\[0:2\]: too long", r"404 status_exception: Inference"):
        with pytest.raises(InvalidRequestError, match=says):
            connect(transport).rerank("q", ["a", "b"], inference_id="my")
