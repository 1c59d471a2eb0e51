"""Sorted hits, pages after a hit, collapsed hits, and counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ragbridge.flow import Request
from ragbridge.local import Engine

FIELDS = {
    "name": {"type": "keyword"},
    "text": {"type": "text", "similarity": "own"},
    "count": {"type": "integer"},
    "when": {"type": "date"},
}
OWN = {"own": {"type": "BM25", "k1": 2.0, "b": 0.75}}
ROWS = [
    {"name": "b", "count": 3, "when": "2026-01-03", "text": "one two"},
    {"name": "a", "count": 1, "when": "2026-01-01", "text": "two"},
    {"name": "c", "count": 3},
    {"name": "a"},
]


def ask(engine: Engine, method: str, path: str, body: Any) -> tuple[int, Any]:
    content = json.dumps(body).encode()
    response = engine.handle(Request(method, f"http://localhost:9200{path}", {}, content)).response
    return response.status, json.loads(response.body)


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = Engine()
    body = {"mappings": {"properties": FIELDS}, "settings": {"similarity": OWN}}
    assert ask(engine, "PUT", "/rows", body)[0] == 200
    for number, row in enumerate(ROWS):
        assert ask(engine, "PUT", f"/rows/_doc/{number}", row)[0] == 201
    return engine


def ids(engine: Engine, **body: Any) -> list[str]:
    status, answer = ask(engine, "POST", "/rows/_search", body)
    assert status == 200, answer
    return [hit["_id"] for hit in answer["hits"]["hits"]]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", ["1", "3", "0", "2"]),
        ([{"count": "desc"}, "name"], ["0", "2", "1", "3"]),
        ([{"when": {"order": "asc", "missing": "_first"}}], ["2", "3", "1", "0"]),
        ("_doc", ["0", "1", "2", "3"]),
    ],
)
def test_hits_are_in_the_order_of_the_criteria(engine: Engine, sort: Any, order: list[str]) -> None:
    """Equal ones stay in the order in which they were written; those without a value come last, or first."""
    assert ids(engine, sort=sort) == order


def test_every_page_begins_after_the_hit_before(engine: Engine) -> None:
    """``search_after`` with the values of a hit gives the rest, missing values included."""
    sort = [{"count": "desc"}, {"name": "asc"}]
    found: list[str] = []
    further: dict[str, Any] = {}
    while True:
        hits = ask(engine, "POST", "/rows/_search", {"sort": sort, "size": 1, **further})[1]["hits"]["hits"]
        if not hits:
            break
        found.append(hits[0]["_id"])
        further = {"search_after": hits[0]["sort"]}
    assert found == ids(engine, sort=sort)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"search_after": [1]}, "Sort must contain at least one field."),
        ({"search_after": [1], "sort": ["count", "name"]}, "search_after has 1 value(s) but sort has 2."),
        ({"search_after": [1], "sort": ["count"], "from": 1}, "`from` parameter must be set to 0"),
        ({"sort": ["text"]}, "Fielddata is disabled on [text] in [rows]."),
        ({"sort": ["nowhere"]}, "No mapping found for [nowhere] in order to sort on"),
        ({"from": 9999, "size": 2}, "less than or equal to: [10000] but was [10001]"),
        ({"colour": "red"}, "Unknown key for a VALUE_STRING in [colour]."),
    ],
)
def test_what_does_not_fit_is_refused_in_elasticsearch_s_words(
    engine: Engine, body: dict[str, Any], reason: str
) -> None:
    """Each with the sentence of the part that does not fit."""
    status, answer = ask(engine, "POST", "/rows/_search", body)
    assert status == 400
    assert reason in json.dumps(answer)


@pytest.mark.parametrize(
    "part", ["aggs", "suggest", "pit", "script_fields", "runtime_mappings", "explain", "profile", "slice"]
)
def test_what_only_a_cluster_has_is_named(engine: Engine, part: str) -> None:
    """501, with the name of the part."""
    given: Any = True if part in {"explain", "profile"} else {"x": {}}
    status, answer = ask(engine, "POST", "/rows/_search", {part: given})
    assert status == 501
    assert part.replace("aggs", "aggregations") in answer["error"]["reason"]


def test_collapsed_hits_show_each_value_once(engine: Engine) -> None:
    """The best hit of each value stays; the count is of all."""
    answer = ask(engine, "POST", "/rows/_search", {"collapse": {"field": "name"}, "sort": "count"})[1]["hits"]
    assert [hit["fields"]["name"] for hit in answer["hits"]] == [["a"], ["b"], ["c"]]
    assert answer["total"]["value"] == 4


@pytest.mark.parametrize(
    ("counted", "total"),
    [(True, {"value": 4, "relation": "eq"}), (2, {"value": 2, "relation": "gte"}), (False, None)],
)
def test_hits_are_counted_as_far_as_is_asked_for(engine: Engine, counted: Any, total: Any) -> None:
    """``track_total_hits``: all, up to a number, or not."""
    assert (
        ask(engine, "POST", "/rows/_search", {"track_total_hits": counted})[1]["hits"].get("total") == total
    )


def test_a_field_may_have_a_similarity_of_its_own(engine: Engine) -> None:
    """BM25 with the index's own ``k1``: texts of two words and of one, 1.5 on average, that both have the word."""
    hits = ask(engine, "POST", "/rows/_search", {"query": {"match": {"text": "two"}}})[1]["hits"]["hits"]
    scores = {hit["_id"]: hit["_score"] for hit in hits}
    assert scores == pytest.approx(
        {"0": 3 * 0.1823216 / (1 + 2 * (0.25 + 0.75 * 2 / 1.5)), "1": 3 * 0.1823216 / (1 + 2 * (0.25 + 0.5))}
    )
