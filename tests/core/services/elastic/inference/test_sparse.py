"""Sparse vectors over ``_inference``: what is sent, what is read, what is refused."""

from __future__ import annotations

import inspect
import json
import pickle

import pytest

from ragbridge import ConfigurationError, Elastic, ResponseError, SparseEmbeddings

TEXT = "The sky above the port was the color of television tuned to a dead channel."
WEIGHTS = {
    "port": 2.1259406,
    "sky": 1.7073475,
    "color": 1.6922266,
    "dead": 1.6247464,
    "television": 1.3525393,
}


def test_the_documented_example_field_by_field(cluster, connect, face, answer):
    """One text, its tokens and weights, and whether it was cut off."""
    transport = cluster(answer({"sparse_embedding": [{"is_truncated": False, "embedding": WEIGHTS}]}))
    result = face(connect(transport), "sparse_embed", [TEXT], inference_id="my-elser-model", timeout=60)
    (request,) = transport.requests
    assert request.method == "POST"
    assert request.url == "http://es:9200/_inference/sparse_embedding/my-elser-model?timeout=60s"
    assert json.loads(request.body) == {"input": [TEXT]}
    assert isinstance(result, SparseEmbeddings)
    assert (list(result), result[0], result.vectors) == ([WEIGHTS], WEIGHTS, (WEIGHTS,))
    assert (len(result), result.is_truncated, result.model) == (1, (False,), "my-elser-model")
    assert (result.usage.tokens, result.usage.requests) == (0, 1)


def test_batches_keep_the_order(cluster, connect, face):
    """Rows and flags are those of their texts, whatever request they came with."""
    transport = cluster(service="elasticsearch")
    result = face(connect(transport), "sparse_embed", [f"{n} x" for n in range(105)], inference_id="my")
    assert [weights["n"] for weights in result] == list(range(105))
    assert result.is_truncated == tuple(n > 100 for n in range(105))
    assert max(len(body["input"]) for body in transport.bodies) == 10


@pytest.mark.parametrize("role", ["query", "document", None])
def test_sparse_endpoints_know_no_query_and_document(cluster, connect, face, role):
    """Elasticsearch refuses ``input_type`` there: a role is taken, so that callers need not know, and nothing is sent of it."""
    transport = cluster()
    face(connect(transport), "sparse_embed", ["1"], inference_id="my", role=role)
    assert transport.bodies == [{"input": ["1"]}]
    assert "input_type" not in inspect.signature(Elastic.sparse_embed).parameters
    assert inspect.signature(Elastic.asparse_embed) == inspect.signature(Elastic.sparse_embed)


def test_a_role_is_checked_all_the_same(cluster, connect):
    """A mistyped one is told before anything is sent, in calls and in streams."""
    elastic = connect(cluster())
    for call in (elastic.sparse_embed, elastic.sparse_embed_stream):
        with pytest.raises(ConfigurationError, match="role='search' must be 'query' or 'document'"):
            call(["1"], inference_id="my", role="search")


def test_task_settings_travel_and_no_text_sends_nothing(cluster, connect, face):
    """Settings of some services differ from call to call."""
    transport = cluster()
    elastic = connect(transport)
    assert len(face(elastic, "sparse_embed", [], inference_id="my")) == 0
    face(elastic, "sparse_embed", ["1"], inference_id="my", task_settings={"a": 1})
    assert transport.bodies == [{"input": ["1"], "task_settings": {"a": 1}}]


def test_a_text_without_tokens_is_empty(cluster, connect, answer):
    """An empty vector is one."""
    transport = cluster(answer({"sparse_embedding": [{"is_truncated": True, "embedding": {}}]}))
    result = connect(transport).sparse_embed([" "], inference_id="my")
    assert (result[0], result.is_truncated) == ({}, (True,))


def test_the_result_travels_to_other_processes(cluster, connect):
    """It is a plain value."""
    result = connect(cluster()).sparse_embed(["1"], inference_id="my")
    assert pickle.loads(pickle.dumps(result)) == result
    assert "0.5" not in repr(result)


ODD = [
    ({}, "no list"),
    ({"text_embedding": []}, "no list"),
    ({"sparse_embedding": []}, "0 rows for 1"),
    ({"sparse_embedding": [{}]}, "NoneType"),
    ({"sparse_embedding": [{"embedding": [1.0]}]}, "list"),
    ({"sparse_embedding": [{"embedding": {"a": "1"}}]}, "'a' is '1'"),
    ({"sparse_embedding": [{"embedding": {"a": True}}]}, "'a' is True"),
    (b'{"sparse_embedding": [{"embedding": {"a": NaN}}]}', "'a' is nan"),
]


@pytest.mark.parametrize(("body", "says"), ODD)
def test_an_answer_that_holds_something_else_is_an_error(cluster, connect, face, answer, body, says):
    """Nothing is guessed."""
    with pytest.raises(ResponseError, match=says):
        face(connect(cluster(answer(body))), "sparse_embed", ["1"], inference_id="my")


@pytest.mark.parametrize("arguments", [{"texts": "one"}, {"inference_id": " "}, {"timeout": -1}])
def test_wrong_arguments_are_refused_before_sending(cluster, connect, arguments):
    """The message names the argument."""
    transport = cluster()
    named = {"texts": ["1"], "inference_id": "my", **arguments}
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        connect(transport).sparse_embed(named.pop("texts"), **named)
    assert transport.requests == []
