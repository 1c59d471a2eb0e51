"""Whatever stands in the body of a search, the answer is one of Elasticsearch's: a result, or a refusal in words."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from ragbridge.flow import Request
from ragbridge.local import Engine

ROUNDS = 600
"""Odd bodies in a test run; each seed bodies' parts are met several times."""
FINE = {200, 400, 404, 501}

FIELDS = {
    "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
    "tag": {"type": "keyword"},
    "count": {"type": "integer"},
    "price": {"type": "double"},
    "when": {"type": "date"},
    "fine": {"type": "boolean"},
    "place": {"properties": {"name": {"type": "keyword"}}},
    "near": {"type": "dense_vector", "dims": 4},
    "dots": {"type": "dense_vector", "dims": 4, "similarity": "max_inner_product"},
    "far": {"type": "dense_vector", "dims": 4, "similarity": "l2_norm"},
    "bytes": {"type": "dense_vector", "dims": 4, "element_type": "byte"},
    "bits": {"type": "dense_vector", "dims": 32, "element_type": "bit"},
    "tokens": {"type": "sparse_vector"},
    "meaning": {"type": "semantic_text", "inference_id": "dense"},
    "sparse": {"type": "semantic_text", "inference_id": "sparse"},
    "unused": {"type": "semantic_text", "inference_id": "dense"},
}
DOCUMENTS = [
    {"title": "a red fox", "tag": ["x", "y"], "count": 1, "price": 1.5, "when": "2026-01-02", "fine": True},
    {
        "title": ["two owls", "in a tree"],
        "tag": "y",
        "count": [2, 3],
        "near": [1, 0, 0, 1],
        "bits": [1, 2, 3, 4],
    },
    {
        "near": [0, 1, 0, 1],
        "dots": [1, 2, 3, 4],
        "far": [1, 1, 1, 1],
        "bytes": [1, 2, 3, -4],
        "tokens": {"a": 2.0},
    },
    {"meaning": "foxes live in holes", "sparse": "foxes live in holes", "place": {"name": "wood"}},
    {"meaning": ["owls live in trees", "and fly"], "sparse": "owls fly", "title": "owls", "count": -7},
]
VECTOR = [0.1, 0.2, 0.3, 0.4]
QUERIES: list[dict[str, Any]] = [
    {"match_all": {"boost": 2}},
    {"match": {"title": "red owls"}},
    {
        "match": {
            "title": {
                "query": "red owl",
                "operator": "or",
                "fuzziness": "AUTO",
                "minimum_should_match": "50%",
            }
        }
    },
    {"match": {"count": 2}},
    {"match_phrase": {"title": {"query": "red fox"}}},
    {
        "multi_match": {
            "query": "owls",
            "fields": ["title^2", "tag", "mean*"],
            "type": "most_fields",
            "tie_breaker": 0.3,
        }
    },
    {"term": {"tag": {"value": "x", "case_insensitive": True}}},
    {"term": {"fine": True}},
    {"terms": {"count": [1, 2]}},
    {"range": {"when": {"gte": "2026-01-01||-1d/M", "lt": "now+1y/d", "boost": 2}}},
    {"range": {"price": {"gt": 0.5}}},
    {"exists": {"field": "place"}},
    {"ids": {"values": ["0", "1"]}},
    {"prefix": {"tag": "x"}},
    {"wildcard": {"title.raw": {"value": "*o?"}}},
    {"fuzzy": {"tag": {"value": "x", "fuzziness": 1}}},
    {"semantic": {"field": "meaning", "query": "where do foxes live"}},
    {"semantic": {"field": "sparse", "query": "foxes"}},
    {
        "knn": {
            "field": "near",
            "query_vector": VECTOR,
            "k": 2,
            "num_candidates": 5,
            "filter": {"match_all": {}},
        }
    },
    {
        "knn": {
            "field": "dots",
            "query_vector": VECTOR,
            "similarity": 0.1,
            "rescore_vector": {"oversample": 2},
        }
    },
    {"knn": {"field": "far", "query_vector": VECTOR}},
    {"knn": {"field": "bits", "query_vector": [1, 2, 3, 4]}},
    {"knn": {"field": "bytes", "query_vector": [1, 2, 3, 4]}},
    {
        "knn": {
            "field": "meaning",
            "query_vector_builder": {"text_embedding": {"model_id": "dense", "model_text": "a"}},
        }
    },
    {"knn": {"field": "meaning", "query_vector_builder": {"embedding": {"input": "foxes"}}}},
    {"sparse_vector": {"field": "tokens", "query_vector": {"a": 1.5}, "prune": True, "pruning_config": {}}},
    {"sparse_vector": {"field": "sparse", "query": "foxes"}},
    {"text_expansion": {"tokens": {"model_id": "sparse", "model_text": "foxes"}}},
    {"constant_score": {"filter": {"term": {"tag": "x"}}, "boost": 3}},
    {"dis_max": {"queries": [{"match": {"title": "fox"}}, {"match": {"tag": "x"}}], "tie_breaker": 0.5}},
    {"boosting": {"positive": {"match_all": {}}, "negative": {"term": {"tag": "x"}}, "negative_boost": 0.2}},
    {"nested": {"path": "meaning.inference.chunks", "query": {"match_all": {}}, "score_mode": "max"}},
    {"pinned": {"ids": ["1"], "organic": {"match": {"title": "fox"}}}},
    {
        "bool": {
            "must": [{"match": {"title": {"query": "fox", "_name": "words"}}}],
            "filter": {"range": {"count": {"gte": 0}}},
            "should": [{"semantic": {"field": "meaning", "query": "trees"}}],
            "must_not": {"ids": {"values": ["4"]}},
            "minimum_should_match": 1,
        }
    },
]
STANDARD = {"standard": {"query": {"match": {"title": "owls"}}, "filter": [{"exists": {"field": "title"}}]}}
KNN = {"knn": {"field": "near", "query_vector": VECTOR, "k": 3, "num_candidates": 5, "min_score": 0.1}}
RETRIEVERS: list[dict[str, Any]] = [
    STANDARD,
    KNN,
    {
        "rrf": {
            "retrievers": [STANDARD, {"retriever": KNN, "weight": 2}],
            "rank_window_size": 20,
            "rank_constant": 5,
        }
    },
    {"rrf": {"query": "foxes", "fields": ["title", "meaning^2"], "rank_window_size": 20}},
    {
        "linear": {
            "retrievers": [
                {"retriever": STANDARD, "weight": 0.5, "normalizer": "minmax"},
                {"retriever": KNN},
            ],
            "filter": {"match_all": {}},
        }
    },
    {"linear": {"query": "owls", "fields": ["title", "sparse"], "normalizer": "l2_norm"}},
    {
        "text_similarity_reranker": {
            "retriever": STANDARD,
            "field": "title",
            "inference_text": "owls",
            "inference_id": "reranker",
            "min_score": 0.01,
            "chunk_rescorer": {"size": 2, "chunking_settings": {"max_chunk_size": 30}},
        }
    },
    {"pinned": {"ids": ["1", "9"], "retriever": STANDARD}},
    {
        "rescorer": {
            "retriever": STANDARD,
            "rescore": {
                "window_size": 20,
                "query": {"rescore_query": {"match_all": {}}, "score_mode": "max"},
            },
        }
    },
    {
        "diversify": {
            "retriever": KNN,
            "type": "mmr",
            "field": "near",
            "lambda": 0.3,
            "query_vector": VECTOR,
            "size": 2,
        }
    },
]
PARTS: list[dict[str, Any]] = [
    {"sort": [{"count": {"order": "desc", "missing": "_first"}}, "_score", {"tag": "asc"}]},
    {"highlight": {"fields": {"title": {"number_of_fragments": 1}, "meaning": {"order": "score"}, "t*": {}}}},
    {"fields": ["*", {"field": "when", "format": "yyyy-MM-dd"}, "_inference_fields"]},
    {"_source": {"includes": ["t*"], "excludes": ["tag"], "exclude_vectors": False}},
    {"from": 1, "size": 3, "min_score": 0.1, "track_total_hits": 2, "version": True},
    {
        "rescore": {
            "window_size": 3,
            "query": {"rescore_query": {"match": {"title": "owls"}}, "query_weight": 0.5},
        }
    },
    {"post_filter": {"term": {"tag": "y"}}, "track_scores": True, "seq_no_primary_term": True},
    {
        "collapse": {"field": "tag"},
        "knn": {"field": "near", "query_vector": VECTOR, "k": 1, "num_candidates": 1},
    },
]
ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        10**30,
        1.5,
        -0.0,
        1e38,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x",
        "*",
        "\ud800",
    ),
    *(
        "title",
        "meaning",
        "near",
        "AUTO:1,2",
        "-50%",
        "2<75% 5<-2",
        "now/d",
        "2026-13-99",
        "a" * 300,
        [],
        {},
        [[]],
    ),
    *(
        [None],
        ["x"],
        [1e38] * 4,
        [-3e38] * 4,
        [1, 2],
        {"x": 1},
        {"title": {}},
        [{}],
        {"match_all": {}},
        [{"a": [1]}],
    ),
]


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = Engine()
    settings = {"api_key": "k", "model_id": "jina-embeddings-v3"}
    elser = {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 1}
    reranker = {"api_key": "k", "model_id": "jina-reranker-v3"}
    for path, service, own in (
        ("text_embedding/dense", "jinaai", settings),
        ("sparse_embedding/sparse", "elasticsearch", elser),
        ("rerank/reranker", "jinaai", reranker),
    ):
        assert (
            ask(engine, "PUT", f"/_inference/{path}", {"service": service, "service_settings": own})[0] == 200
        )
    assert ask(engine, "PUT", "/things", {"mappings": {"properties": FIELDS}})[0] == 200
    for number, document in enumerate(DOCUMENTS):
        assert ask(engine, "PUT", f"/things/_doc/{number}", document)[0] == 201
    return engine


def ask(engine: Engine, method: str, path: str, body: Any) -> tuple[int, Any]:
    content = json.dumps(body).encode()
    response = engine.handle(Request(method, f"http://localhost:9200{path}", {}, content)).response

    def odd(name: str) -> None:
        raise AssertionError(f"{name} in {response.body[:300]!r}")

    return response.status, json.loads(response.body, parse_constant=odd)


def bodies() -> list[dict[str, Any]]:
    whole = [{"query": query} for query in QUERIES] + [{"retriever": retriever} for retriever in RETRIEVERS]
    return whole + [{**PARTS[number % len(PARTS)], **body} for number, body in enumerate(whole)] + PARTS


def test_each_query_retriever_and_part_is_answered(engine: Engine) -> None:
    """Before they are spoilt, all bodies of this file give hits or the reason why the parts do not go together."""
    answered = 0
    for body in bodies():
        status, answer = ask(engine, "POST", "/things/_search", body)
        together = "retriever" in body and len(body) > 1
        assert status == 200 or (status == 400 and together) or (status == 400 and "sort" in str(answer)), (
            answer
        )
        answered += status == 200
    assert answered > 60


def spoilt(draw: random.Random, body: dict[str, Any]) -> Any:
    """A body with something odd at one or two places."""
    body = copy.deepcopy(body)
    for _ in range(draw.choice([1, 1, 2])):
        places: list[tuple[Any, Any]] = []
        stack: list[Any] = [body]
        while stack:
            part = stack.pop()
            keys = list(part) if isinstance(part, dict) else range(len(part))
            places += [(part, key) for key in keys]
            stack += [part[key] for key in keys if isinstance(part[key], (dict, list))]
        if not places:
            return body
        part, key = draw.choice(places)
        match draw.randrange(5):
            case 0 if isinstance(part, dict):
                del part[key]
            case 1 if isinstance(part, dict):
                part[draw.choice(["boost", "unknown", "filter", "_name", "size", "field"])] = copy.deepcopy(
                    draw.choice(ODD)
                )
            case 2:
                part[key] = [part[key]]
            case _:
                part[key] = copy.deepcopy(draw.choice(ODD))
    return body


def test_odd_bodies_are_answered_in_words(engine: Engine) -> None:
    """No body makes the engine fail, and no answer has a number that JSON has not."""
    draw, whole = random.Random(95), bodies()
    seen = set()
    for _ in range(ROUNDS):
        body = spoilt(draw, draw.choice(whole))
        status, answer = ask(engine, "POST", "/things/_search", body)
        assert status in FINE, (body, answer)
        if status != 200:
            assert answer["error"]["reason"], body
        seen.add(status)
    assert {200, 400} <= seen


@pytest.mark.parametrize("deep", ["bool", "constant_score", "rrf", "_source", "terms", "sort"])
def test_bodies_that_are_nested_deeply_are_refused(engine: Engine, deep: str) -> None:
    """Thousands of levels cost nothing but a refusal."""
    opening, closing = {
        "bool": ('{"bool":{"must":', "}}"),
        "constant_score": ('{"constant_score":{"filter":', "}}"),
        "rrf": ('{"rrf":{"retrievers":[', "]}}"),
        "_source": ('{"includes":', "}"),
        "terms": ("[", "]"),
        "sort": ("[", "]"),
    }[deep]
    key = {"bool": "query", "constant_score": "query", "rrf": "retriever", "terms": "fields"}.get(deep, deep)
    for levels in (20, 60, 400, 5000):
        content = f'{{"{key}":{opening * levels}{{}}{closing * levels}}}'
        request = Request("POST", "http://localhost:9200/things/_search", {}, content.encode())
        assert engine.handle(request).response.status == 400
