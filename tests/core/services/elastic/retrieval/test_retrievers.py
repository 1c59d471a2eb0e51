"""Retrievers, which find and reorder hits in stages."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge import ConfigurationError
from ragbridge.chunking import Chunker
from ragbridge.elastic import (
    knn_retriever,
    linear,
    match_query,
    original_score,
    rrf,
    semantic_query,
    standard,
    text_similarity_reranker,
)
from ragbridge.services.elastic.retrieval.windows import check_windows

QUESTION = "who inspired taking care of the sea?"
WORDS = standard(match_query("title", QUESTION))
MEANING = standard(semantic_query("content", QUESTION))


def reranked(**options: object) -> dict[str, object]:
    """The reranker of the guides with some of its options."""
    return text_similarity_reranker(MEANING, field="content", inference_text=QUESTION, **options)  # type: ignore[arg-type]


def test_reranking_is_the_body_of_the_guide() -> None:
    """What Elastic's guide for jinaai sends is what is built."""
    assert reranked(inference_id="jinaai-rerank", rank_window_size=100) == {
        "text_similarity_reranker": {
            "retriever": {"standard": {"query": {"semantic": {"field": "content", "query": QUESTION}}}},
            "field": "content",
            "rank_window_size": 100,
            "inference_id": "jinaai-rerank",
            "inference_text": QUESTION,
        }
    }


def test_a_retriever_has_its_filter_and_its_least_score() -> None:
    """Both stand where every kind of retriever has them."""
    term = {"term": {"lang": "en"}}
    assert standard(match_query("t", "a"), filter=term, min_score=0.5)["standard"] == {
        "query": {"match": {"t": {"query": "a"}}},
        "filter": term,
        "min_score": 0.5,
    }
    inner = reranked(filter=[term], min_score=-2)["text_similarity_reranker"]
    assert (inner["filter"], inner["min_score"]) == ([term], -2)  # type: ignore[index]


def test_neighbours_always_say_how_many_candidates() -> None:
    """Elasticsearch 8 asks for the number; where it is not given, it is that of the query of this name."""
    assert knn_retriever("v", query_vector=[1.0], k=20)["knn"]["num_candidates"] == 30
    assert knn_retriever("v", query_vector=[1.0], k=9_000)["knn"]["num_candidates"] == 10_000
    assert knn_retriever("v", query_text="a", k=20, num_candidates=25)["knn"]["num_candidates"] == 25


def test_ranks_are_joined_with_or_without_weights() -> None:
    """Without weights the form is the one that every version takes."""
    assert rrf([WORDS, MEANING], rank_constant=20, rank_window_size=50) == {
        "rrf": {"retrievers": [WORDS, MEANING], "rank_constant": 20, "rank_window_size": 50}
    }
    assert rrf([WORDS, MEANING], weights=[2, 0.5])["rrf"]["retrievers"] == [
        {"retriever": WORDS, "weight": 2},
        {"retriever": MEANING, "weight": 0.5},
    ]


def test_scores_are_brought_to_one_scale_before_they_are_added() -> None:
    """Each row says its weight and its normalizer, so that no server's default decides."""
    assert linear([WORDS, MEANING], weights=[1, 3])["linear"]["retrievers"] == [
        {"retriever": WORDS, "weight": 1, "normalizer": "minmax"},
        {"retriever": MEANING, "weight": 3, "normalizer": "minmax"},
    ]
    rows = linear([WORDS, MEANING], normalizer=["l2_norm", "none"])["linear"]["retrievers"]
    assert [(row["weight"], row["normalizer"]) for row in rows] == [(1.0, "l2_norm"), (1.0, "none")]


def test_the_arguments_are_not_changed() -> None:
    """A retriever can be used in several others."""
    inner = rrf([WORDS, MEANING], rank_window_size=50)
    before = repr(inner)
    text_similarity_reranker(inner, field="content", inference_text="a", rank_window_size=50)
    rrf([inner, WORDS], weights=[1, 2])
    assert repr(inner) == before


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"max_chunk_size": 100}, {"max_chunk_size": 100}),
        (
            {"strategy": "word", "max_chunk_size": 100, "overlap": 10},
            {"strategy": "word", "max_chunk_size": 100, "overlap": 10},
        ),
        (
            Chunker.from_settings({"strategy": "sentence", "max_chunk_size": 100}),
            {"strategy": "sentence", "max_chunk_size": 100, "sentence_overlap": 1},
        ),
    ],
    ids=["size", "settings", "chunker"],
)
def test_chunks_can_be_reranked(settings: object, sent: dict[str, object]) -> None:
    """The reranker's chunks are cut by a size alone, by settings, or as a chunker cuts."""
    inner = reranked(chunk_rescorer={"size": 2, "chunking_settings": settings})["text_similarity_reranker"]
    assert inner["chunk_rescorer"] == {"size": 2, "chunking_settings": sent}  # type: ignore[index]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: standard({}), "query is empty"),
        (lambda: standard({"match": {}, "term": {}}), "query must hold exactly one kind"),
        (lambda: standard(match_query("t", "a"), min_score=math.nan), "min_score=nan"),
        (lambda: knn_retriever("v", query_vector=[1.0], k=0), "k=0"),
        (lambda: reranked(rank_window_size=0), "rank_window_size=0 must be an int from 1 to 10000"),
        (lambda: reranked(inference_id=""), "inference_id is empty"),
        (lambda: reranked(chunk_rescorer={"chunks": 2}), r"chunk_rescorer has \['chunks'\]"),
        (lambda: reranked(chunk_rescorer={"size": 0}), r"chunk_rescorer\['size'\]=0"),
        (
            lambda: reranked(chunk_rescorer={"chunking_settings": {"strategy": "none"}}),
            "strategy 'none', which makes no chunks",
        ),
        (
            lambda: reranked(
                chunk_rescorer={"chunking_settings": {"strategy": "word", "max_chunk_size": 100}}
            ),
            r"does not contain the required setting \[overlap\]",
        ),
        (
            lambda: reranked(chunk_rescorer={"chunking_settings": {"max_chunk_size": 5}}),
            "greater than or equal",
        ),
        (lambda: rrf([]), r"rrf\(\) joins two retrievers or more, and retrievers has 0"),
        (lambda: rrf([WORDS]), "has 1"),
        (lambda: rrf(WORDS), "retrievers is one dict"),  # type: ignore[arg-type]
        (lambda: rrf([WORDS, {}]), r"retrievers\[1\] is empty"),
        (lambda: rrf([WORDS, MEANING], weights=[1]), "1 weights for 2 retrievers"),
        (lambda: rrf([WORDS, MEANING], weights=[1, -1]), r"weights\[1\]=-1"),
        (lambda: rrf([WORDS, MEANING], rank_constant=0), "rank_constant=0"),
        (lambda: linear([WORDS, MEANING], normalizer="max"), "normalizer='max'"),  # type: ignore[arg-type]
        (lambda: linear([WORDS, MEANING], normalizer=["minmax"]), "1 normalizers for 2"),
        (lambda: linear([WORDS, MEANING], min_score=-1), "min_score=-1"),
    ],
)
def test_what_elasticsearch_would_refuse_is_refused_by_name(build: object, message: str) -> None:
    """Nothing wrong is sent, and the error names the argument."""
    with pytest.raises(ConfigurationError, match=message):
        build()  # type: ignore[operator]


def test_a_window_must_hold_as_many_as_are_asked_for() -> None:
    """A stage that passes on fewer hits than the search returns is refused, its default of 10 included."""
    check_windows(reranked(), size=10)
    with pytest.raises(
        ConfigurationError, match="rank_window_size=10 by default, below the search's size=11"
    ):
        check_windows(reranked(), size=11)
    with pytest.raises(ConfigurationError, match="rank_window_size=20, below the search's size=50"):
        check_windows(reranked(rank_window_size=20), size=50)


def test_a_stage_cannot_want_more_than_the_one_below_gives() -> None:
    """Windows narrow from the first stage to the last."""
    inner = rrf([WORDS, MEANING], rank_window_size=50)
    assert text_similarity_reranker(inner, field="c", inference_text="a", rank_window_size=50)
    with pytest.raises(ConfigurationError, match=r"\[rank_window_size: 100\].*rrf \[rank_window_size: 50\]"):
        text_similarity_reranker(inner, field="c", inference_text="a", rank_window_size=100)
    with pytest.raises(ConfigurationError, match=r"rrf\[0\]: \[rrf\] requires"):
        rrf([reranked(), WORDS], weights=[1, 2], rank_window_size=20)


def test_kinds_that_are_not_known_are_left_alone() -> None:
    """A retriever of a later version passes as it was written."""
    check_windows({"of_a_later_version": {"rank_window_size": 1}}, size=100)


@given(st.floats(min_value=-80, max_value=100))
def test_the_reranker_s_own_score_comes_back(score: float) -> None:
    """Undoing gives what Elasticsearch's formula was given."""
    shown = max(score, 0) + min(math.exp(score), 1)
    assert original_score(shown) == pytest.approx(score, abs=1e-9, rel=1e-9)


def test_a_score_that_vanished_is_minus_infinity() -> None:
    """A score too negative for a 32-bit float is the worst of all, and no error."""
    assert original_score(0) == -math.inf
    with pytest.raises(ConfigurationError, match="score=-1"):
        original_score(-1)
