"""Scores by the formulas of Elasticsearch's documentation and sources: vectors, sparse vectors, fusion, reranking."""

from __future__ import annotations

import json
import math
import warnings
from typing import Any

import numpy as np
import pytest

from ragbridge.flow import Request
from ragbridge.local import Engine
from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.fusion import normalize, reciprocal_ranks, weighted_sums
from ragbridge.local.search.queries import fuzzy
from ragbridge.local.search.queries.constants import matches
from ragbridge.local.search.queries.minimum import minimum
from ragbridge.local.search.retrievers.reranked import best_chunks, positive
from ragbridge.local.search.similarity import Tokens, Vectors, stored_weight

ONE, OTHER = [3.0, 4.0], [4.0, 3.0]


@pytest.mark.parametrize(
    ("similarity", "element", "vector", "query", "score"),
    [
        ("cosine", "float", ONE, OTHER, (1 + 0.96) / 2),
        ("cosine", "float", ONE, [-3.0, -4.0], 0.0),
        ("dot_product", "float", [0.6, 0.8], [0.8, 0.6], (1 + 0.96) / 2),
        ("dot_product", "byte", ONE, OTHER, 0.5 + 24 / (32768 * 2)),
        ("l2_norm", "float", ONE, OTHER, 1 / 3),
        ("max_inner_product", "float", ONE, OTHER, 25),
        ("max_inner_product", "float", ONE, [-4.0, -3.0], 1 / 25),
        ("l2_norm", "bit", [0, 1, 1, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0], 6 / 8),
    ],
)
def test_a_vector_s_score_follows_its_field_s_similarity(
    similarity: str, element: str, vector: list[float], query: list[float], score: float
) -> None:
    """As the reference of ``dense_vector`` has it."""
    vectors = Vectors(np.array([vector], dtype=np.float32), similarity=similarity, element=element)
    found = vectors.scores(vectors.raw(np.array(query, dtype=np.float32)))
    assert found == pytest.approx([score], rel=1e-6)


def test_the_greatest_numbers_give_the_greatest_score_and_no_warning() -> None:
    """What float32 cannot hold is as high as it goes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectors = Vectors(
            np.full((1, 8), 3e38, dtype=np.float32), similarity="max_inner_product", element="float"
        )
        scores = vectors.scores(vectors.raw(np.full(8, 3e38, dtype=np.float32)))
        _, sparse = Tokens([{"a": 3e38}]).scores({"a": 3e38})
    assert math.isfinite(scores[0])
    assert math.isfinite(sparse[0])


def test_stored_weights_lose_their_lowest_15_bits() -> None:
    """As Lucene's ``FeatureField`` stores them: 9 of the 24 bits of a float32 stay."""
    assert stored_weight(1.0) == 1.0
    assert stored_weight(1.23456) == 1.234375
    assert stored_weight(5.54381789159542e18) < 5.54381789159542e18


def test_tokens_score_only_where_they_are_shared() -> None:
    """The sum of products of weights; a vector without a token of the query is no hit."""
    met, scores = Tokens([{"a": 1.0, "b": 2.0}, {"c": 1.0}, None]).scores({"a": 0.5, "b": 0.25, "d": 9.0})
    assert met.tolist() == [True, False, False]
    assert scores.tolist() == [1.0, 0.0, 0.0]


def test_reciprocal_ranks_are_summed_by_weight() -> None:
    """Ranks count from 1; a list in which a document is missing adds nothing."""
    scores = reciprocal_ranks([[("a", 9.0), ("b", 1.0)], [("b", 3.0)]], [1.0, 2.0], 60)
    assert scores == pytest.approx({"a": 1 / 61, "b": 1 / 62 + 2 / 61})


@pytest.mark.parametrize(
    ("name", "scores", "normalised"),
    [
        ("none", [3.0, 1.0], [3.0, 1.0]),
        ("minmax", [3.0, 2.0, 1.0], [1.0, 0.5, 0.0]),
        ("minmax", [2.0, 2.0], [2.0, 2.0]),
        ("l2_norm", [3.0, 4.0], [0.6, 0.8]),
        ("l2_norm", [0.0, 0.0], [0.0, 0.0]),
        ("minmax", [], []),
    ],
)
def test_scores_are_normalised_before_they_are_summed(
    name: str, scores: list[float], normalised: list[float]
) -> None:
    """Equal scores stay what they are, by ``MinMaxScoreNormalizer``."""
    assert normalize(name, scores) == pytest.approx(normalised)
    lists = [[(place, score) for place, score in enumerate(scores)]]
    assert weighted_sums(lists, [2.0], [name]) == pytest.approx({p: 2 * s for p, s in enumerate(normalised)})


def test_an_unknown_normalizer_is_refused() -> None:
    """In Elasticsearch's words."""
    with pytest.raises(Failure, match=r"Unknown normalizer \[aardvark\]"):
        normalize("aardvark", [1.0])


@pytest.mark.parametrize(("raw", "shown"), [(2.0, 3.0), (0.0, 1.0), (-1.0, math.exp(-1)), (-1e9, 0.0)])
def test_a_reranker_s_scores_are_shown_above_zero(raw: float, shown: float) -> None:
    """``max(s, 0) + min(exp(s), 1)``."""
    assert positive(raw) == pytest.approx(shown)


def test_the_best_chunks_have_the_words_of_the_query() -> None:
    """The first ones where none has a word of it."""
    chunks = ["owls fly", "foxes dig", "foxes and foxes"]
    assert best_chunks(chunks, "Foxes", 1) == ["foxes and foxes"]
    assert best_chunks(chunks, "bears", 2) == ["owls fly", "foxes dig"]


@pytest.mark.parametrize(
    ("given", "clauses", "needed"),
    [(2, 5, 2), ("-1", 5, 4), ("75%", 5, 3), ("-25%", 5, 4), ("2<75% 5<-2", 2, 2), ("2<75% 5<-2", 4, 3), ("2<75% 5<-2", 9, 7)],
)  # fmt: skip
def test_how_many_clauses_have_to_match(given: Any, clauses: int, needed: int) -> None:
    """Numbers, shares and conditions, as the reference of ``minimum_should_match`` has them."""
    assert minimum(given, clauses) == needed


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("fox", "fox", 0), ("fox", "fxo", 1), ("fox", "ox", 1), ("fox", "boxes", 3), ("", "a", 1)],
)
def test_edits_are_counted_with_transpositions(one: str, other: str, edits: int) -> None:
    """Two letters that change places are one edit."""
    assert min(fuzzy.edit_distance(one, other, 3), 3) == edits


@pytest.mark.parametrize(
    ("pattern", "name", "met"),
    [("a*c", "abbc", True), ("a*c", "abbd", False), ("*", "", True), ("a?c", "abc", True), ("*a*a*a*", "a" * 200 + "b", True)],
)  # fmt: skip
def test_patterns_match_whole_names(pattern: str, name: str, *, met: bool) -> None:
    """``*`` stands for any characters, ``?`` for one."""
    assert matches(pattern, name, one="?") is met


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = Engine()
    fields = {
        "when": {"type": "date"},
        "text": {"type": "text"},
        "a": {"type": "dense_vector", "dims": 2},
        "deep": {"properties": {"one": {"type": "keyword"}, "two": {"type": "keyword"}}},
    }
    long = "The first sentence is about owls. " + "Nothing of interest stands in the middle of it. " * 4
    documents = [
        {
            "when": "2026-03-31T12:00:00Z",
            "text": long + "The last sentence is about owls and foxes.",
            "a": [1, 0],
        },
        {"when": "2026-02-28", "text": "no bird", "deep": {"one": "x", "two": "y"}, "a": [0, 1]},
    ]
    assert ask(engine, "PUT", "/dated", {"mappings": {"properties": fields}})[0] == 200
    for number, document in enumerate(documents):
        assert ask(engine, "PUT", f"/dated/_doc/{number}", document)[0] == 201
    return engine


def ask(engine: Engine, method: str, path: str, body: Any) -> tuple[int, Any]:
    content = json.dumps(body).encode()
    response = engine.handle(Request(method, f"http://localhost:9200{path}", {}, content)).response
    return response.status, json.loads(response.body)


def hits(engine: Engine, **body: Any) -> list[dict[str, Any]]:
    status, answer = ask(engine, "POST", "/dated/_search", body)
    assert status == 200, answer
    found: list[dict[str, Any]] = answer["hits"]["hits"]
    return found


@pytest.mark.parametrize(
    ("bounds", "ids"),
    [
        ({"gte": "2026-03-01"}, ["0"]),
        ({"lte": "2026-02"}, ["1"]),
        ({"lt": "2026-02"}, []),
        ({"gt": "2026-02-28"}, ["0"]),
        ({"gte": "2026-03-31||/M", "lt": "2026-03-31||/M+1M"}, ["0"]),
        ({"gte": "2026-03-31||-1M/d", "lte": "2026-03-31||-1M/d"}, ["1"]),
        ({"gte": 1774915200000}, ["0"]),
        ({"lte": "now"}, ["0", "1"]),
    ],
)
def test_dates_are_compared_with_arithmetic(engine: Engine, bounds: dict[str, Any], ids: list[str]) -> None:
    """What a date leaves open is its last moment for ``gt`` and ``lte``, its first for the others."""
    found = hits(engine, query={"range": {"when": bounds}})
    assert [hit["_id"] for hit in found] == ids


def test_words_are_highlighted_in_passages_of_whole_sentences(engine: Engine) -> None:
    """As many as are asked for, in the order of the text; all of it for 0."""
    query = {"match": {"text": "owls foxes"}}
    shown = hits(engine, query=query, highlight={"fields": {"text": {}}})[0]["highlight"]["text"]
    assert shown[0].startswith("The first sentence is about <em>owls</em>.")
    assert shown[-1].endswith("The last sentence is about <em>owls</em> and <em>foxes</em>.")
    best = hits(engine, query=query, highlight={"fields": {"text": {"number_of_fragments": 1}}})[0][
        "highlight"
    ]
    assert "<em>foxes</em>" in best["text"][0]
    whole = hits(
        engine, query=query, highlight={"fields": {"*": {"number_of_fragments": 0, "pre_tags": "["}}}
    )
    assert whole[0]["highlight"]["text"][0].count("[") == 3


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (False, None),
        ("deep.*", {"deep": {"one": "x", "two": "y"}}),
        (["*.one", "text"], {"text": "no bird", "deep": {"one": "x"}}),
        ({"excludes": ["text", "when", "deep.two"]}, {"deep": {"one": "x"}}),
        ({"includes": ["a"], "exclude_vectors": False}, {"a": [0.0, 1.0]}),
    ],
)
def test_source_is_shown_in_part(engine: Engine, source: Any, shown: Any) -> None:
    """By paths and patterns; vectors only where they are asked for."""
    assert hits(engine, query={"ids": {"values": ["1"]}}, _source=source)[0].get("_source") == shown


def test_knn_s_scores_are_added_to_the_query_s(engine: Engine) -> None:
    """A document that both find has both scores."""
    knn = {"field": "a", "query_vector": [1, 0], "k": 2, "num_candidates": 5, "boost": 2}
    found = hits(engine, query={"ids": {"values": ["0"]}}, knn=knn)
    assert [(hit["_id"], hit["_score"]) for hit in found] == [("0", 3.0), ("1", 1.0)]


def test_a_second_page_of_neighbours_is_empty(engine: Engine) -> None:
    """At the top of a body, ``knn`` finds as many documents as hits are asked for, from wherever they are shown."""
    knn = {"field": "a", "query_vector": [1, 0]}
    assert [hit["_id"] for hit in hits(engine, knn=knn, size=1)] == ["0"]
    assert hits(engine, knn=knn, size=1, **{"from": 1}) == []


def test_frequent_and_light_tokens_are_left_out_unless_a_query_says_otherwise() -> None:
    """As fields of indexes since 9.1 do by default: above 5 times the mean frequency, up to 0.4 of the greatest weight."""
    engine = Engine()
    fields = {
        "tokens": {"type": "sparse_vector"},
        "whole": {"type": "sparse_vector", "index_options": {"prune": False}},
    }
    assert ask(engine, "PUT", "/sparse", {"mappings": {"properties": fields}})[0] == 200
    for number in range(8):
        tokens = {"common": 1.0, **{f"rare{number}{place}": 1.0 for place in range(4)}}
        assert ask(engine, "PUT", f"/sparse/_doc/{number}", {"tokens": tokens, "whole": tokens})[0] == 201

    def found(**query: Any) -> int:
        body = {"query": {"sparse_vector": {"query_vector": {"common": 0.3, "rare00": 1.0}, **query}}}
        total: int = ask(engine, "POST", "/sparse/_search", body)[1]["hits"]["total"]["value"]
        return total

    assert found(field="tokens") == 1
    assert found(field="tokens", prune=False) == 8
    assert found(field="whole") == 8
    assert found(field="whole", prune=True) == 1
    config = {"tokens_freq_ratio_threshold": 5, "tokens_weight_threshold": 0.2}
    assert found(field="tokens", prune=True, pruning_config=config) == 8
