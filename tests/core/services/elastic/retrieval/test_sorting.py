"""The order of hits, hits that stand for others, and how neighbours are looked for."""

from __future__ import annotations

import pytest

from ragbridge import ConfigurationError
from ragbridge.elastic import knn_query, search_body, standard

ALL = {"match_all": {}}


@pytest.mark.parametrize(
    ("sort", "sent"),
    [
        ("date", ["date"]),
        ({"date": "desc"}, [{"date": "desc"}]),
        (
            [{"date": {"order": "desc"}}, "title", {"_score": "asc"}],
            [{"date": {"order": "desc"}}, "title", {"_score": "asc"}],
        ),
    ],
)
def test_an_order_is_a_list(sort, sent) -> None:
    """In a search as in its retriever: the order of several fields counts."""
    assert search_body(query=ALL, sort=sort)["sort"] == sent
    assert standard(ALL, sort=sort)["standard"]["sort"] == sent


def test_one_hit_of_each_value() -> None:
    """A field says which; Elasticsearch's own object may say more."""
    assert search_body(query=ALL, collapse="author")["collapse"] == {"field": "author"}
    more = {"field": "author", "inner_hits": {"name": "others", "size": 2}}
    assert standard(ALL, collapse=more)["standard"]["collapse"] == more


def test_a_retriever_keeps_its_order_itself() -> None:
    """Elasticsearch refuses ``sort`` beside a retriever: the error says where it goes."""
    with pytest.raises(
        ConfigurationError, match=r"cannot specify \[retriever\] and \[sort\]: put them into the retriever"
    ):
        search_body(retriever=standard(ALL), sort="date")


def test_neighbours_are_looked_for_more_or_less_exactly() -> None:
    """A second look at the exact vectors, and the share of vectors that is looked at."""
    fields = knn_query("v", query_vector=[1.0], rescore_vector={"oversample": 3}, visit_percentage=2.5)["knn"]
    assert (fields["rescore_vector"], fields["visit_percentage"]) == ({"oversample": 3}, 2.5)
    assert knn_query("v", query_vector=[1.0], rescore_vector={"oversample": 0})["knn"]["rescore_vector"] == {
        "oversample": 0
    }


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: standard(ALL, sort=[]), r"sort=\[\] must be a field"),
        (lambda: standard(ALL, sort=3), "sort=3 must be a field"),
        (
            lambda: standard(ALL, sort=["a", {"b": 1, "c": 1}]),
            r"sort\[1\] holds \['b', 'c'\]: one field each",
        ),
        (lambda: standard(ALL, sort=["a", ""]), r"sort\[1\] is empty"),
        (lambda: standard(ALL, collapse={"inner_hits": {}}), r"collapse holds \['inner_hits'\]"),
        (lambda: standard(ALL, collapse=""), "collapse is empty"),
        (lambda: standard(ALL, search_after="2026"), "search_after='2026' must be the list"),
        (lambda: standard(ALL, terminate_after=0), "terminate_after=0"),
        (
            lambda: knn_query("v", query_vector=[1.0], rescore_vector={"oversample": 0.5}),
            "0.5: pass 1 or more, or 0",
        ),
        (
            lambda: knn_query("v", query_vector=[1.0], rescore_vector={"factor": 2}),
            r"rescore_vector holds \['factor'\]",
        ),
        (
            lambda: knn_query("v", query_vector=[1.0], visit_percentage=101),
            "visit_percentage=101 must be from 0 to 100",
        ),
        (lambda: knn_query("v", query_input=3), "query_input is int, not str, Image"),
        (lambda: knn_query("v", query_input="a", query_text="b"), "exactly one of query_vector="),
        (lambda: knn_query("v", query_input=" "), "query_input is empty"),
    ],
)
def test_wrong_arguments_are_refused_by_name(build, message) -> None:
    """Nothing wrong is sent."""
    with pytest.raises(ConfigurationError, match=message):
        build()
