"""Filters beside a semantic query: they come before its nearest neighbours are taken (9.3 and later)."""

from __future__ import annotations

from typing import Any

from cases_semantic import dense_endpoint, semantic_text
from judging import bulk, case, create, search

Y100 = "elasticsearch 100_semantic_text_auto_prefiltering.yml: "
LABELS = [("label_1", "label_1"), *[("label_2", "label_1")] * 2, *[("label_2", "label_2")] * 7]
"""Of ten documents that are nearer than the last one."""
DOCUMENTS = [
    dense_endpoint("dense-4", 4),
    create(
        "index",
        one=semantic_text("dense-4"),
        two=semantic_text("dense-4"),
        first="keyword",
        second="keyword",
    ),
    bulk(
        "index",
        *(
            row
            for number, (first, second) in enumerate(LABELS)
            for row in (
                {"index": {"_id": str(number)}},
                {"one": "violins", "first": first, "second": second, **({} if number else {"two": "cats"})},
            )
        ),
        {"index": {"_id": "far"}},
        {"one": "pianos", "two": "cats", "first": "label_1", "second": "label_1"},
    ),
]
VIOLINS: dict[str, Any] = {"match": {"one": {"query": "violins"}}}
CATS: dict[str, Any] = {"match": {"two": {"query": "cats"}}}
FIRST: dict[str, Any] = {"term": {"first": {"value": "label_1"}}}
OTHERS: dict[str, Any] = {"term": {"first": {"value": "label_2"}}}


def boolean(**clauses: Any) -> dict[str, Any]:
    return {"query": {"bool": clauses}}


def both(promise: str, name: str, body: dict[str, Any]) -> Any:
    """A case in which the near document and the far one are found."""
    return case(promise, Y100 + name, DOCUMENTS, search("index", body, ids=["0", "far"], total=2))


CASES = [
    both(
        "a filter comes before the neighbours of a semantic must",
        "Test filter term is used as prefilter to a must semantic match",
        boolean(must=[VIOLINS], filter=[FIRST]),
    ),
    both(
        "so does must_not",
        "Test must_not term is used as prefilter to a must semantic match",
        boolean(must=[VIOLINS], must_not=[OTHERS]),
    ),
    both(
        "so does another must",
        "Test must term is used as prefilter to a must semantic match",
        boolean(must=[VIOLINS, FIRST]),
    ),
    both(
        "so does the filter of a bool around it",
        "Test two level bool query with inner semantic match and term filters",
        boolean(
            must=[{"bool": {"must": [VIOLINS], "filter": [{"term": {"second": "label_1"}}]}}], filter=[FIRST]
        ),
    ),
    both(
        "a filter comes before the neighbours of a semantic should",
        "Test filter term is used as prefilter to a should semantic match",
        boolean(should=[VIOLINS], filter=[FIRST], minimum_should_match=1),
    ),
    both(
        "a must comes before the neighbours of a semantic should",
        "Test must term is used as prefilter to a should semantic match",
        boolean(must=[FIRST], should=[VIOLINS], minimum_should_match=1),
    ),
    both(
        "a filter comes before the neighbours of a semantic filter",
        "Test filter term is used as prefilter to a filter semantic match",
        boolean(filter=[VIOLINS, FIRST]),
    ),
    case(
        "one semantic must is no filter of another",
        Y100 + "Test 2 must semantic matches",
        DOCUMENTS,
        search("index", boolean(must=[VIOLINS, {"bool": {"must": [CATS]}}]), ids=["0"], total=1),
        search(
            "index",
            boolean(must=[{"bool": {"must": [VIOLINS]}}, {"bool": {"must": [CATS]}}]),
            ids=["0"],
            total=1,
        ),
    ),
    case(
        "without a filter there are ten neighbours, and as many as are asked for where that is more",
        "elasticsearch SemanticTextFieldMapper.semanticQuery, k = max(size, 10)",
        DOCUMENTS,
        search("index", {"query": VIOLINS}, total=10),
        search("index", {"query": VIOLINS, "size": 11}, total=11),
    ),
]
