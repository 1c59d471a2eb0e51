"""From a body's ``retriever`` to a retriever."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.errors import invalid_argument, not_offered, parsing
from ragbridge.local.search.reading import token
from ragbridge.local.search.retrievers import arranged, fused, leaves, reranked
from ragbridge.local.search.retrievers.base import ParseRetriever, Retriever

DEEPEST = 10
"""How many retrievers may stand in each other: the engine's own bound, far above what is useful."""

LEAVES: dict[str, Callable[[Any], Retriever]] = {"knn": leaves.read_knn, "standard": leaves.read_standard}
"""The retrievers that search."""
COMPOUND: dict[str, Callable[[Any, ParseRetriever], Retriever]] = {
    "diversify": arranged.read_diversify,
    "linear": fused.read_linear,
    "pinned": arranged.read_pinned,
    "rescorer": arranged.read_rescorer,
    "rrf": fused.read_rrf,
    "text_similarity_reranker": reranked.read_reranked,
}
"""The retrievers over others; their readers take what reads these."""
ELSEWHERE = {
    "rule": "retriever rule, which needs query rulesets",
    "random_reranker": "retriever random_reranker",
}
"""Retrievers of Elasticsearch that the engine has not."""


def parse(value: Any, depth: int = 0) -> Retriever:
    """The retriever that an object of a body means.

    Args:
        value: The object.
        depth: In how many retrievers it stands.

    Raises:
        Failure: 400, it cannot be read; 501, only Elasticsearch has it.
    """
    if not isinstance(value, Mapping):
        raise parsing(f"retriever malformed, must start with [START_OBJECT], found [{token(value)}]")
    if not value:
        raise parsing("retriever malformed, empty clause found")
    name, inner = next(iter(value.items()))
    if len(value) > 1:
        raise parsing(f"[{name}] malformed retriever, expected [END_OBJECT] but found [FIELD_NAME]")
    if depth >= DEEPEST:
        raise invalid_argument(
            f"the nested depth of the [{name}] retriever exceeds the maximum nested depth [{DEEPEST}] for retrievers"
        )
    if name in ELSEWHERE:
        raise not_offered(ELSEWHERE[name])
    if name not in LEAVES and name not in COMPOUND:
        cause = Failure(400, f"unknown field [{name}]", kind="named_object_not_found_exception")
        raise parsing(f"unknown retriever [{name}]", cause=cause)
    if not isinstance(inner, Mapping):
        raise parsing(f"[{name}] retriever malformed, no [START_OBJECT] after retriever name")
    if name in LEAVES:
        return LEAVES[name](inner)
    return COMPOUND[name](inner, functools.partial(parse, depth=depth + 1))
