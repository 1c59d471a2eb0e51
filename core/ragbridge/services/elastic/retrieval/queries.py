"""Queries and highlighting over semantic fields: plain objects for any client. No I/O.

Each function returns a new ``dict``; what is not given is left out, so that the server's own default holds.
"""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ragbridge.errors import ConfigurationError
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, Filter, given

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    QueryVector = Sequence[float] | NDArray[np.generic]

MOST_CANDIDATES = 10_000
"""Largest ``num_candidates`` that Elasticsearch takes (``NUM_CANDS_LIMIT``)."""
CANDIDATES_PER_K = 1.5
"""Elasticsearch's default for ``num_candidates`` where there is none, times ``k`` (8.18 and later)."""


def semantic_query(field: str, query: str, *, boost: float | None = None) -> Body:
    """A query by meaning on a ``semantic_text`` field; Elasticsearch embeds ``query`` itself.

    Args:
        field: Name of the ``semantic_text`` field.
        query: What is looked for.
        boost: Factor for its scores beside those of other queries.

    Raises:
        ConfigurationError: An argument is not what it should be.
    """
    inner = given(
        field=check.text("field", field),
        query=check.text("query", query),
        boost=None if boost is None else check.number("boost", boost, least=0),
    )
    return {"semantic": inner}


def match_query(
    field: str, query: str, *, operator: Literal["and", "or"] | None = None, boost: float | None = None
) -> Body:
    """A query by words; on a ``semantic_text`` field (since 8.18) by meaning, as ``semantic_query``.

    Args:
        field: Name of a ``text`` or ``semantic_text`` field.
        query: What is looked for.
        operator: Whether all words must be there; ``"or"`` by default.
        boost: Factor for its scores beside those of other queries.

    Raises:
        ConfigurationError: An argument is not what it should be.
    """
    if operator not in {None, "and", "or"}:
        raise ConfigurationError(f"operator={operator!r} must be 'and' or 'or'")
    inner = given(
        query=check.text("query", query),
        operator=operator,
        boost=None if boost is None else check.number("boost", boost, least=0),
    )
    return {"match": {check.text("field", field): inner}}


def knn_query(
    field: str,
    *,
    query_vector: QueryVector | None = None,
    query_text: str | None = None,
    inference_id: str | None = None,
    k: int | None = None,
    num_candidates: int | None = None,
    similarity: float | None = None,
    filter: Filter | None = None,
    boost: float | None = None,
) -> Body:
    """Nearest neighbours as a query, ``{"knn": {...}}``; its inner object is what a search takes as ``knn=``.

    Args:
        field: Name of a ``dense_vector`` or ``semantic_text`` field.
        query_vector: The vector, of the field's width; or
        query_text: the text that Elasticsearch embeds (``query_vector_builder.text_embedding``).
        inference_id: The endpoint, or the deployed model, that embeds ``query_text``. A ``semantic_text`` field knows
            its own.
        k: Neighbours to find on each shard; None: as many as hits are asked for.
        num_candidates: Vectors looked at on each shard, at least ``k``: more are slower and more exact.
        similarity: Least similarity of a hit, in the field's own measure and not as a score.
        filter: Queries that a hit must match; applied while searching, so that ``k`` of them are found.
        boost: Factor for its scores beside those of other queries.

    Raises:
        ConfigurationError: An argument is not what it should be, or there is not exactly one of ``query_vector`` and
            ``query_text``.
    """
    return {
        "knn": given(
            **knn_fields(
                field,
                query_vector=query_vector,
                query_text=query_text,
                inference_id=inference_id,
                k=k,
                num_candidates=num_candidates,
                similarity=similarity,
                filter=filter,
            ),
            boost=None if boost is None else check.number("boost", boost, least=0),
        )
    }


def knn_fields(
    field: str,
    *,
    query_vector: QueryVector | None,
    query_text: str | None,
    inference_id: str | None,
    k: int | None,
    num_candidates: int | None,
    similarity: float | None,
    filter: Filter | None,
) -> Body:
    """What the query and the retriever of nearest neighbours have in common."""
    if (query_vector is None) == (query_text is None):
        raise ConfigurationError(
            "pass exactly one of query_vector= (numbers) and query_text= (a text that Elasticsearch embeds)"
        )
    if query_text is None and inference_id is not None:
        raise ConfigurationError("inference_id= embeds query_text=: leave it out beside query_vector=")
    if k is not None:
        check.whole("k", k, most=MOST_CANDIDATES)
    if num_candidates is not None:
        check.whole("num_candidates", num_candidates, most=MOST_CANDIDATES)
        if k is not None and num_candidates < k:
            raise ConfigurationError(
                f"num_candidates={num_candidates} is below k={k}: look at {k} candidates or more"
            )
    return given(
        field=check.text("field", field),
        query_vector=None if query_vector is None else _vector(query_vector),
        query_vector_builder=None if query_text is None else _builder(query_text, inference_id),
        k=k,
        num_candidates=num_candidates,
        similarity=None if similarity is None else check.number("similarity", similarity),
        filter=None if filter is None else check.filters("filter", filter),
    )


def _builder(query_text: str, inference_id: str | None) -> Body:
    model = None if inference_id is None else check.text("inference_id", inference_id)
    return {"text_embedding": given(model_id=model, model_text=check.text("query_text", query_text))}


def _vector(value: QueryVector) -> list[float]:
    listed = getattr(value, "tolist", None)  # NumPy's arrays
    numbers = listed() if callable(listed) else value
    if isinstance(numbers, (str, bytes)) or not isinstance(numbers, Sequence) or not numbers:
        raise ConfigurationError("query_vector must be a list or a one-dimensional array of numbers")
    return [check.number(f"query_vector[{index}]", one) for index, one in enumerate(numbers)]


def sparse_vector_query(
    field: str,
    *,
    inference_id: str | None = None,
    query: str | None = None,
    query_vector: Mapping[str, float] | None = None,
    prune: bool | None = None,
    pruning_config: Mapping[str, Any] | None = None,
    boost: float | None = None,
) -> Body:
    """A query on a ``sparse_vector`` (or ELSER's ``semantic_text``) field.

    Args:
        field: Name of the field.
        inference_id: The sparse endpoint that expands ``query``. Only a ``semantic_text`` field knows its own.
        query: What is looked for; or
        query_vector: its tokens and weights, as ``sparse_embed`` gives them.
        prune: Whether to leave out tokens that say little, for speed (8.16 and later).
        pruning_config: How, such as ``{"tokens_weight_threshold": 0.4}``; needs ``prune=True``.
        boost: Factor for its scores beside those of other queries.

    Raises:
        ConfigurationError: An argument is not what it should be, or there is not exactly one of ``query`` and
            ``query_vector``.
    """
    if (query is None) == (query_vector is None):
        raise ConfigurationError("pass exactly one of query= (a text) and query_vector= (tokens and weights)")
    if query is None and inference_id is not None:
        raise ConfigurationError("inference_id= expands query=: leave it out beside query_vector=")
    if pruning_config is not None and prune is not True:
        raise ConfigurationError("pruning_config= needs prune=True: without it Elasticsearch refuses it")
    inner = given(
        field=check.text("field", field),
        inference_id=None if inference_id is None else check.text("inference_id", inference_id),
        query=None if query is None else check.text("query", query),
        query_vector=None if query_vector is None else _weights(query_vector),
        prune=prune,
        pruning_config=None if pruning_config is None else check.entry("pruning_config", pruning_config),
        boost=None if boost is None else check.number("boost", boost, least=0),
    )
    return {"sparse_vector": inner}


def _weights(value: Mapping[str, float]) -> Body:
    found = check.entry("query_vector", value)
    return {token: check.number(f"query_vector[{token!r}]", weight) for token, weight in found.items()}


def semantic_highlight(
    *fields: str,
    number_of_fragments: int | None = None,
    order: Literal["score", "none"] | None = "score",
) -> Body:
    """Has each hit bring the chunks of its ``semantic_text`` fields that match best, for ``search(highlight=...)``.

    Args:
        fields: Names of ``semantic_text`` fields.
        number_of_fragments: Chunks of each field at most; 5 by default.
        order: ``"score"`` for the best chunk first, ``"none"`` for the text's order.

    Raises:
        ConfigurationError: No field is named, or an argument is not what it should be.
    """
    if not fields:
        raise ConfigurationError("semantic_highlight() names no field: pass those of type semantic_text")
    if order not in {None, "score", "none"}:
        raise ConfigurationError(f"order={order!r} must be 'score' or 'none'")
    if number_of_fragments is not None:
        check.whole("number_of_fragments", number_of_fragments)
    options = given(type="semantic", number_of_fragments=number_of_fragments, order=order)
    # One field an object: Elasticsearch then keeps their order, and its published description knows no other form.
    return {"fields": [{check.text("field", field): dict(options)} for field in fields]}
