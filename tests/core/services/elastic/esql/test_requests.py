"""``_query``: what is sent, what is read, what is refused."""

from __future__ import annotations

import pytest

from ragbridge import ConfigurationError, Elastic, InvalidRequestError, ResponseError, Retry
from ragbridge.elastic import Esql, EsqlColumn, esql_rerank

ANSWER = {
    "took": 28,
    "is_partial": False,
    "columns": [{"name": "title", "type": "text"}, {"name": "_score", "type": "double"}],
    "values": [["Dune", 0.5], ["Hyperion", 0.25]],
}


def test_a_query_gives_columns_and_rows(cluster, connect, face, answer):
    """Rows are tuples, objects by name, and columns by themselves."""
    transport = cluster(answer(ANSWER))
    query = Esql("FROM books | WHERE MATCH(title, ?q)", q="sand") | esql_rerank("sand", on="title")
    found = face(connect(transport), "esql", query)
    assert transport.paths == ["POST /_query"]
    (body,) = transport.bodies
    assert body == {"query": query.text, "params": [{name: value} for name, value in query.params.items()]}
    assert found.columns == (EsqlColumn("title", "text"), EsqlColumn("_score", "double"))
    assert [*found] == [{"title": "Dune", "_score": 0.5}, {"title": "Hyperion", "_score": 0.25}]
    assert (found.rows[1], len(found), found.column("_score")) == (("Hyperion", 0.25), 2, [0.5, 0.25])
    assert (found.took, found.partial) == (28, False)
    with pytest.raises(KeyError):
        found.column("author")


@pytest.mark.parametrize(
    ("query", "params", "sent"),
    [
        ("FROM a | WHERE b == ?", [3], {"query": "FROM a | WHERE b == ?", "params": [3]}),
        ("FROM a | WHERE b == ?n", {"n": None}, {"query": "FROM a | WHERE b == ?n", "params": [{"n": None}]}),
        ("FROM a", None, {"query": "FROM a"}),
        (
            Esql("FROM a | WHERE b == ?n", n=1),
            {"n": 1},
            {"query": "FROM a | WHERE b == ?n", "params": [{"n": 1}]},
        ),
    ],
)
def test_parameters_are_named_or_in_order(cluster, connect, answer, query, params, sent):
    """As Elasticsearch takes both."""
    transport = cluster(answer(ANSWER))
    connect(transport).esql(query, params)
    assert transport.bodies == [sent]


def test_documents_are_filtered_beforehand(cluster, connect, answer):
    """By one query or by several."""
    term = {"term": {"lang": "en"}}
    transport = cluster(answer(ANSWER), answer(ANSWER))
    elastic = connect(transport)
    elastic.esql("FROM a", filter=term)
    elastic.esql("FROM a", filter=[term, term])
    assert [body["filter"] for body in transport.bodies] == [term, {"bool": {"filter": [term, term]}}]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((3,), "query is int: pass Esql"),
        (("",), r"query is empty"),
        (("FROM a", "b"), "params= is an object of named values"),
        ((Esql("FROM a"), [1]), "params= of an Esql, whose parameters have names"),
        ((Esql("FROM a | WHERE b == ?n", n=1), {"n": 2}), "parameter 'n' has two values"),
        (("FROM a | WHERE b == ?n", {"n": {1}}), r"params\[0\]\.n.*set has no form in JSON"),
    ],
)
def test_wrong_queries_are_refused_before_they_are_sent(cluster, connect, face, arguments, says):
    """By what is wrong with them."""
    transport = cluster()
    with pytest.raises(ConfigurationError, match=says):
        face(connect(transport), "esql", *arguments)
    assert transport.requests == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"values": [["Dune"]]}, "row 0 has not one value for each of the 2 columns"),
        ({"values": None}, "no lists of 'columns' and 'values'"),
        ({"columns": [{"name": "a"}, {"name": "b"}]}, "a column of the answer has no name or type"),
    ],
)
def test_answers_that_are_none_are_refused(cluster, connect, answer, change, says):
    """No row is cut or made up."""
    transport = cluster(answer({**ANSWER, **change}))
    with pytest.raises(ResponseError, match=says):
        connect(transport).esql("FROM a")


def test_a_partial_result_says_so(cluster, connect, answer):
    """Rows may be missing, and the result tells."""
    assert connect(cluster(answer({**ANSWER, "is_partial": True}))).esql("FROM a").partial


def test_the_embedded_engine_runs_none_and_says_so():
    """501 with a sentence, which no retry changes."""
    pytest.importorskip("model2vec")
    with Elastic("local", retry=Retry(attempts=3)) as elastic:
        with pytest.raises(InvalidRequestError, match="not offered") as caught:
            elastic.esql("FROM books")
        assert caught.value.status == 501
