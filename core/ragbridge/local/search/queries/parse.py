"""From a body's ``query`` to a query: the names that there are, and those that only Elasticsearch has."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.errors import invalid_argument, not_offered, parsing
from ragbridge.local.search.queries import (
    compound,
    constants,
    fulltext,
    multi,
    semantic,
    sparse,
    terms,
    vectors,
)
from ragbridge.local.search.queries.base import Parse, Query
from ragbridge.local.search.reading import token

DEEPEST = 30
"""``indices.query.bool.max_nested_depth``."""

LEAVES: dict[str, Callable[[Any], Query]] = {
    "exists": constants.read_exists,
    "fuzzy": fulltext.read_fuzzy,
    "ids": constants.read_ids,
    "match": fulltext.read_match,
    "match_all": constants.read_match_all,
    "match_none": constants.read_match_none,
    "match_phrase": fulltext.read_match_phrase,
    "multi_match": multi.read_multi_match,
    "prefix": terms.read_prefix,
    "range": terms.read_range,
    "semantic": semantic.read_semantic,
    "sparse_vector": sparse.read_sparse_vector,
    "term": terms.read_term,
    "terms": terms.read_terms,
    "text_expansion": sparse.read_text_expansion,
    "wildcard": terms.read_wildcard,
}
"""The queries that hold no others."""
COMPOUND: dict[str, Callable[[Any, Parse], Query]] = {
    "bool": compound.read_bool,
    "boosting": compound.read_boosting,
    "constant_score": compound.read_constant_score,
    "dis_max": compound.read_dis_max,
    "knn": vectors.read_knn,
    "nested": compound.read_nested,
    "pinned": compound.read_pinned,
}
"""The queries that hold others; their readers take what reads these."""

ELSEWHERE = frozenset(
    {
        *(
            "combined_fields",
            "distance_feature",
            "function_score",
            "geo_bounding_box",
            "geo_distance",
            "geo_grid",
        ),
        *("geo_polygon", "geo_shape", "has_child", "has_parent", "intervals", "match_bool_prefix"),
        *(
            "match_phrase_prefix",
            "more_like_this",
            "parent_id",
            "percolate",
            "query_string",
            "rank_feature",
            "regexp",
        ),
        *("rule", "rule_query", "script", "script_score", "shape", "simple_query_string", "span_containing"),
        *("span_field_masking", "span_first", "span_gap", "span_multi", "span_near", "span_not", "span_or"),
        *("span_term", "span_within", "terms_set", "weighted_tokens", "wrapper"),
    }
)
"""Queries of Elasticsearch that the engine has not."""


def parse(value: Any, depth: int = 0) -> Query:
    """The query that an object of a body means.

    Args:
        value: The object.
        depth: In how many queries it stands.

    Raises:
        Failure: 400, it cannot be read; 501, only Elasticsearch has it.
    """
    if depth >= DEEPEST:
        raise invalid_argument(
            "The nested depth of the query exceeds the maximum nested depth for queries set in "
            "[indices.query.bool.max_nested_depth]"
        )
    if not isinstance(value, Mapping):
        raise parsing(f"[_na] query malformed, must start with start_object, found [{token(value)}]")
    if not value:
        raise invalid_argument("query malformed, empty clause found")
    if len(value) > 1:
        first, second = list(value)[:2]
        raise parsing(f"[{first}] malformed query, expected [END_OBJECT] but found [FIELD_NAME], [{second}]")
    name, inner = next(iter(value.items()))
    if name in ELSEWHERE:
        raise not_offered(f"query {name}")
    if name not in LEAVES and name not in COMPOUND:
        cause = Failure(400, f"unknown field [{name}]", kind="named_object_not_found_exception")
        raise parsing(f"unknown query [{name}]", cause=cause)
    if not isinstance(inner, Mapping):
        raise parsing(f"[{name}] query malformed, no start_object after query name")
    if name in LEAVES:
        return LEAVES[name](inner)
    return COMPOUND[name](inner, functools.partial(parse, depth=depth + 1))
