"""Retrievers that join the hits of several, by retrievers or by one query over fields."""

from __future__ import annotations

import pytest

from ragbridge import ConfigurationError
from ragbridge.elastic import linear, match_query, rrf, semantic_query, standard, text_similarity_reranker

QUESTION = "who inspired taking care of the sea?"
RETRIEVERS = [standard(match_query("title", QUESTION)), standard(semantic_query("content", QUESTION))]


def test_one_query_over_several_fields_is_the_body_of_the_page() -> None:
    """As Elastic's page of the type ``semantic`` has it; ranks need no normalizer."""
    assert linear(query="lunar exploration", fields=["title", "content"]) == {
        "linear": {"query": "lunar exploration", "fields": ["title", "content"], "normalizer": "minmax"}
    }
    assert rrf(query="lunar exploration", fields=["title^2", "text.*"], rank_window_size=50) == {
        "rrf": {"query": "lunar exploration", "fields": ["title^2", "text.*"], "rank_window_size": 50}
    }


def test_without_fields_they_are_those_of_the_index() -> None:
    """None of them is invented here."""
    assert rrf(query="a", rank_constant=20) == {"rrf": {"query": "a", "rank_constant": 20}}


def test_its_window_is_checked_as_others_are() -> None:
    """A stage above cannot want more than it gives."""
    inner = rrf(query="a", fields=["title"])
    with pytest.raises(ConfigurationError, match=r"\[rank_window_size: 20\].*rrf \[rank_window_size: 10\]"):
        text_similarity_reranker(inner, field="c", inference_text="a", rank_window_size=20)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: rrf(), r"rrf\(\) joins nothing: pass two retrievers or more, or query="),
        (lambda: rrf(RETRIEVERS, query="a"), r"rrf\(\) takes retrievers or query=, not both"),
        (lambda: linear(fields=["a"]), "fields= are searched for query="),
        (lambda: rrf(query="a", weights=[1]), r"weights= are those of retrievers: .* 'title\^2'"),
        (lambda: rrf(query=" "), "query is empty"),
        (lambda: rrf(query="a", fields="title"), "fields='title' must be a list of names"),
        (lambda: rrf(query="a", fields=[]), r"fields=\[\] must be a list"),
        (lambda: rrf(query="a", fields=["a", 3]), r"fields\[1\] is int"),
        (lambda: linear(query="a", normalizer=["minmax", "none"]), "with query= all fields have one"),
        (lambda: linear(query="a", normalizer="max"), "normalizer='max'"),
    ],
)
def test_what_does_not_go_together_is_refused(build, message) -> None:
    """The error names the argument, and what to write instead."""
    with pytest.raises(ConfigurationError, match=message):
        build()
