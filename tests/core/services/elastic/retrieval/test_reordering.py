"""Retrievers that reorder or thin out the hits of another."""

from __future__ import annotations

import pytest

from ragbridge import ConfigurationError, Image
from ragbridge.elastic import (
    diversify,
    match_query,
    pinned,
    rescorer,
    rrf,
    rule,
    search_body,
    standard,
    text_similarity_reranker,
)

WORDS = standard(match_query("title", "sea"))
RESCORE = {"window_size": 20, "query": {"rescore_query": match_query("title", "sea")}}


def test_documents_are_pinned_by_their_ids() -> None:
    """With their indexes where several are searched."""
    assert pinned(WORDS, ids=["1", "2"], rank_window_size=20) == {
        "pinned": {"retriever": WORDS, "ids": ["1", "2"], "rank_window_size": 20}
    }
    docs = [{"index": "a", "id": "1"}, {"id": "2"}]
    assert pinned(WORDS, docs=docs)["pinned"]["docs"] == docs


def test_rules_are_named_and_matched() -> None:
    """One set or several; criteria travel as they are."""
    built = rule(WORDS, ruleset_ids="mine", match_criteria={"query_string": "puggles", "country": "us"})
    assert built == {
        "rule": {
            "retriever": WORDS,
            "ruleset_ids": ["mine"],
            "match_criteria": {"query_string": "puggles", "country": "us"},
        }
    }
    assert rule(WORDS, ruleset_ids=["a", "b"], match_criteria={"q": 1})["rule"]["ruleset_ids"] == ["a", "b"]


def test_hits_are_scored_again_once_or_several_times() -> None:
    """One rescorer stands alone, several in their order."""
    assert rescorer(WORDS, rescore=RESCORE) == {"rescorer": {"retriever": WORDS, "rescore": RESCORE}}
    several = [RESCORE, {"learning_to_rank": {"model_id": "ltr"}}]
    assert rescorer(WORDS, rescore=several, min_score=0.5)["rescorer"]["rescore"] == several


def test_like_hits_are_left_out_by_what_the_query_is() -> None:
    """Its vector, a text, or any input that an endpoint embeds; or without a query."""
    assert diversify(WORDS, field="v", lambda_=0.7) == {
        "diversify": {"type": "mmr", "field": "v", "retriever": WORDS, "lambda": 0.7}
    }
    by_vector = diversify(WORDS, field="v", lambda_=0, query_vector=[1.0, 0.0], size=3, rank_window_size=30)
    assert by_vector["diversify"] == {
        "type": "mmr",
        "field": "v",
        "retriever": WORDS,
        "lambda": 0,
        "query_vector": [1.0, 0.0],
        "size": 3,
        "rank_window_size": 30,
    }
    inner = diversify(WORDS, field="v", lambda_=1, query_input=Image(b"picture"), inference_id="omni")[
        "diversify"
    ]
    assert inner["query_vector_builder"]["embedding"]["inference_id"] == "omni"


def test_a_rescorer_s_window_lies_between_the_search_and_the_stage_below() -> None:
    """At least the search's size, its default of 10 included, and at most what the stage below gives."""
    fused = rrf([WORDS, WORDS], rank_window_size=30)
    search_body(retriever=rescorer(fused, rescore=RESCORE), size=20)
    with pytest.raises(
        ConfigurationError, match=r"\[rescorer\] has window_size=20, below the search's size=21"
    ):
        search_body(retriever=rescorer(fused, rescore=RESCORE), size=21)
    with pytest.raises(ConfigurationError, match="window_size=10 by default, below the search's size=11"):
        search_body(
            retriever=rescorer(WORDS, rescore={"query": {"rescore_query": {"match_all": {}}}}), size=11
        )
    with pytest.raises(ConfigurationError, match=r"\[window_size: 40\].*rrf \[rank_window_size: 30\]"):
        rescorer(fused, rescore={**RESCORE, "window_size": 40})
    with pytest.raises(ConfigurationError, match=r"\[rank_window_size: 25\].*rescorer \[window_size: 20\]"):
        text_similarity_reranker(
            rescorer(WORDS, rescore=RESCORE), field="c", inference_text="a", rank_window_size=25
        )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: pinned(WORDS), "Either 'ids' or 'docs' must be provided and non-empty for pinned retriever"),
        (lambda: pinned(WORDS, ids=[]), "Either 'ids' or 'docs' must be provided"),
        (lambda: pinned(WORDS, ids=["1"], docs=[{"id": "1"}]), "Both 'ids' and 'docs' cannot be specified"),
        (lambda: pinned(WORDS, ids="1"), "ids is str: pass a list"),
        (lambda: pinned(WORDS, ids=["1", 2]), r"ids\[1\] is int"),
        (lambda: pinned(WORDS, ids=["1"] * 101), "101 documents cannot be pinned: .* 100 at most"),
        (lambda: pinned(WORDS, docs=[{"_id": "1"}]), r"docs\[0\] holds \['_id'\]"),
        (lambda: rule(WORDS, ruleset_ids=[], match_criteria={"a": 1}), "ruleset_ids is empty"),
        (lambda: rule(WORDS, ruleset_ids="a", match_criteria={}), "match_criteria is empty"),
        (lambda: rescorer(WORDS, rescore=[]), "rescore is empty"),
        (lambda: rescorer(WORDS, rescore={"window_size": 10}), r"rescore\[0\] holds \['window_size'\]"),
        (lambda: rescorer(WORDS, rescore={"query": {"a": 1}, "script": {"b": 1}}), "exactly one of 'query'"),
        (
            lambda: rescorer(WORDS, rescore={"query": {"a": 1}, "window": 3}),
            r"rescore\[0\] holds \['query', 'window'\]",
        ),
        (lambda: rescorer(WORDS, rescore={**RESCORE, "window_size": 0}), r"rescore\[0\]\['window_size'\]=0"),
        (lambda: diversify(WORDS, field="v", lambda_=1.1), "lambda_=1.1 must be from 0.0"),
        (lambda: diversify(WORDS, field="v", lambda_=-1), "lambda_=-1"),
        (
            lambda: diversify(WORDS, field="v", lambda_=0.5, size=11),
            r"\[size\] of 11 cannot be greater than the \[rank_window_size\] of 10",
        ),
        (
            lambda: diversify(WORDS, field="v", lambda_=0.5, query_vector=[1.0], query_text="a"),
            "exactly one of query_vector=",
        ),
        (lambda: diversify(WORDS, field="v", lambda_=0.5, inference_id="e"), "exactly one of query_vector="),
    ],
)
def test_what_elasticsearch_would_refuse_is_refused_by_name(build, message) -> None:
    """In its own words where it has some."""
    with pytest.raises(ConfigurationError, match=message):
        build()
