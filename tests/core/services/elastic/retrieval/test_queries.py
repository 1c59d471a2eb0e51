"""Queries and highlighting over semantic fields."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ragbridge import ConfigurationError
from ragbridge.elastic import knn_query, match_query, semantic_highlight, semantic_query, sparse_vector_query

QUESTION = "who inspired taking care of the sea?"


def test_a_semantic_query_names_field_and_question() -> None:
    """The body is that of Elastic's guides; a boost is there only where it is given."""
    assert semantic_query("content", QUESTION) == {"semantic": {"field": "content", "query": QUESTION}}
    assert semantic_query("content", QUESTION, boost=2)["semantic"]["boost"] == 2


def test_a_match_query_stands_under_its_field() -> None:
    """Options stand beside the words, below the field's name."""
    assert match_query("title", QUESTION, operator="and") == {
        "match": {"title": {"query": QUESTION, "operator": "and"}}
    }


def test_neighbours_of_a_text_are_found_by_an_endpoint() -> None:
    """Elasticsearch embeds the text; a semantic field needs no endpoint's name."""
    assert knn_query("v", query_text="sea", inference_id="e5", k=3, num_candidates=50) == {
        "knn": {
            "field": "v",
            "query_vector_builder": {"text_embedding": {"model_id": "e5", "model_text": "sea"}},
            "k": 3,
            "num_candidates": 50,
        }
    }
    builder = knn_query("content", query_text="sea")["knn"]["query_vector_builder"]
    assert builder == {"text_embedding": {"model_text": "sea"}}


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
def test_a_numpy_vector_can_be_sent(dtype: str) -> None:
    """A row of ``embed``'s result is taken as it is, and is plain JSON afterwards."""
    vector = np.array([1, 0, -1], dtype)
    sent = json.loads(json.dumps(knn_query("v", query_vector=vector)))
    assert sent == {"knn": {"field": "v", "query_vector": [1, 0, -1]}}


def test_filters_are_a_query_or_a_list_of_them() -> None:
    """Both forms of Elasticsearch's own arrive as they are."""
    one = {"term": {"lang": "en"}}
    assert knn_query("v", query_vector=[1.0], filter=one)["knn"]["filter"] == one
    assert knn_query("v", query_vector=[1.0], filter=[one, one])["knn"]["filter"] == [one, one]


def test_a_sparse_query_takes_a_text_or_weights() -> None:
    """A text goes to the endpoint; weights are what ``sparse_embed`` gives."""
    assert sparse_vector_query("t", inference_id="elser", query="sea", prune=True) == {
        "sparse_vector": {"field": "t", "inference_id": "elser", "query": "sea", "prune": True}
    }
    assert sparse_vector_query("t", query_vector={"sea": 1.5}) == {
        "sparse_vector": {"field": "t", "query_vector": {"sea": 1.5}}
    }


def test_highlighting_brings_the_best_chunks_first() -> None:
    """One object a field, in their order."""
    assert semantic_highlight("title", "content", number_of_fragments=2) == {
        "fields": [
            {"title": {"type": "semantic", "number_of_fragments": 2, "order": "score"}},
            {"content": {"type": "semantic", "number_of_fragments": 2, "order": "score"}},
        ]
    }


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: semantic_query("", "a"), "field is empty"),
        (lambda: semantic_query("f", "  "), "query is empty"),
        (lambda: semantic_query("f", ["a"]), "query is list, not str"),  # type: ignore[arg-type]
        (lambda: semantic_query("f", "a", boost=-1), "boost=-1 must be a finite number of 0 or more"),
        (lambda: match_query("f", "a", operator="AND"), "operator='AND'"),  # type: ignore[arg-type]
        (lambda: knn_query("f"), "exactly one of query_vector"),
        (lambda: knn_query("f", query_vector=[1.0], query_text="a"), "exactly one of query_vector"),
        (lambda: knn_query("f", query_vector=[1.0], inference_id="e"), "beside query_vector"),
        (lambda: knn_query("f", query_vector=[]), "query_vector must be a list"),
        (lambda: knn_query("f", query_vector=np.zeros((2, 2))), r"query_vector\[0\]"),
        (lambda: knn_query("f", query_vector=[float("nan")]), r"query_vector\[0\]=nan must be a finite"),
        (lambda: knn_query("f", query_text="a", k=0), "k=0 must be an int from 1 to 10000"),
        (lambda: knn_query("f", query_text="a", k=10, num_candidates=5), "num_candidates=5 is below k=10"),
        (lambda: knn_query("f", query_text="a", num_candidates=10_001), "from 1 to 10000"),
        (lambda: knn_query("f", query_text="a", filter={"a": {}, "b": {}}), "filter must hold exactly one"),
        (lambda: knn_query("f", query_text="a", filter=[{}]), r"filter\[0\] is empty"),
        (lambda: knn_query("f", query_text="a", filter="en"), "filter is str"),  # type: ignore[arg-type]
        (lambda: sparse_vector_query("f"), "exactly one of query="),
        (lambda: sparse_vector_query("f", query_vector={"a": 1.0}, inference_id="e"), "beside query_vector"),
        (lambda: sparse_vector_query("f", query_vector={"a": "b"}), r"query_vector\['a'\]"),  # type: ignore[dict-item]
        (lambda: sparse_vector_query("f", query="a", pruning_config={"x": 1}), "needs prune=True"),
        (semantic_highlight, "names no field"),
        (lambda: semantic_highlight("f", number_of_fragments=0), "number_of_fragments=0"),
    ],
)
def test_what_elasticsearch_would_refuse_is_refused_by_name(build: object, message: str) -> None:
    """Nothing wrong is sent, and the error names the argument."""
    with pytest.raises(ConfigurationError, match=message):
        build()  # type: ignore[operator]
