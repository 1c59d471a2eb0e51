"""Queries and highlighting over semantic fields: plain objects for any client. No I/O.

Each function returns a new ``dict``. Arguments that are None are left out, so that the server's default applies.
"""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ragbridge.errors import ConfigurationError
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, Filter, given
from ragbridge.services.elastic.content import query_content

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragbridge.services.elastic.content import Content

    QueryVector = Sequence[float] | NDArray[np.generic]

MOST_CANDIDATES = 10_000
"""Largest ``num_candidates`` that Elasticsearch accepts (``NUM_CANDS_LIMIT``)."""
CANDIDATES_PER_K = 1.5
"""Elasticsearch's default for ``num_candidates`` is this times ``k`` (8.18 and later)."""
LEAST_OVERSAMPLE = 1.0
"""Least ``oversample`` but for 0, which means none (``RescoreVectorBuilder.MIN_OVERSAMPLE``)."""
MOST_PERCENT = 100


def semantic_query(field: str, query: str, *, boost: float | None = None) -> Body:
    """A semantic query on a ``semantic_text`` field. Elasticsearch embeds ``query``.

    Args:
        field: Name of the ``semantic_text`` field.
        query: The text to search for.
        boost: Factor for its scores when combined with other queries.

    Raises:
        ConfigurationError: An argument is wrong.
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
    """A full-text query. On a ``semantic_text`` field (since 8.18) it is a semantic query.

    Args:
        field: Name of a ``text`` or ``semantic_text`` field.
        query: The text to search for.
        operator: ``"and"`` if all words must match; ``"or"`` by default.
        boost: Factor for its scores when combined with other queries.

    Raises:
        ConfigurationError: An argument is wrong.
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
    query_input: Content | None = None,
    inference_id: str | None = None,
    k: int | None = None,
    num_candidates: int | None = None,
    visit_percentage: float | None = None,
    similarity: float | None = None,
    rescore_vector: Mapping[str, float] | None = None,
    filter: Filter | None = None,
    boost: float | None = None,
) -> Body:
    """Nearest neighbours as a query, ``{"knn": {...}}``; its inner object is what a search takes as ``knn=``.

    Args:
        field: Name of a ``dense_vector``, ``semantic_text`` or ``semantic`` field.
        query_vector: The vector, of the field's width.
        query_text: Instead of ``query_vector``, a text that Elasticsearch embeds
            (``query_vector_builder.text_embedding``).
        query_input: Instead, what an endpoint of the type ``embedding`` embeds
            (``query_vector_builder.embedding``, 9.4 and later): a text, an ``Image``, ``Audio``, ``Video``, ``Pdf``, or a
            ``Group`` of them (9.5). Files are read now.
        inference_id: The endpoint, or the deployed model, that embeds ``query_text`` or ``query_input``. A semantic field
            knows its own.
        k: Neighbours to find on each shard; by default the search's ``size``.
        num_candidates: Vectors to compare on each shard, at least ``k``. More are slower and more exact.
        visit_percentage: Instead, the share of the vectors to compare, from 0 to 100, for indexes of ``bbq_disk``.
        similarity: Lowest similarity of a hit, in the field's own measure, not as a score.
        rescore_vector: ``{"oversample": 3.0}`` to find so many times ``k`` by quantized vectors and to compare these again
            by the exact ones: 1 or more, or 0 for never.
        filter: Queries that a hit must match. They apply during the search, so that ``k`` hits match them.
        boost: Factor for its scores when combined with other queries.

    Raises:
        ConfigurationError: An argument is wrong, or there is not exactly one of ``query_vector``,
            ``query_text`` and ``query_input``.
    """
    return {
        "knn": given(
            **knn_fields(
                field,
                query=query_vector_fields(query_vector, query_text, query_input, inference_id),
                k=k,
                num_candidates=num_candidates,
                visit_percentage=visit_percentage,
                similarity=similarity,
                rescore_vector=rescore_vector,
                filter=filter,
            ),
            boost=None if boost is None else check.number("boost", boost, least=0),
        )
    }


def query_vector_fields(
    query_vector: QueryVector | None,
    query_text: str | None,
    query_input: Content | None,
    inference_id: str | None,
) -> Body:
    """The field that holds the vector of a query, or says how Elasticsearch makes it.

    Raises:
        ConfigurationError: There is not exactly one of them, or it is wrong.
    """
    if sum(one is not None for one in (query_vector, query_text, query_input)) != 1:
        raise ConfigurationError(
            "pass exactly one of query_vector= (numbers), query_text= (a text that Elasticsearch embeds) and query_input= "
            "(a text, Image(...) and the like, for an endpoint of the type embedding)"
        )
    if query_vector is not None:
        if inference_id is not None:
            raise ConfigurationError("inference_id= embeds query_text=: leave it out beside query_vector=")
        return {"query_vector": _vector(query_vector)}
    model = None if inference_id is None else check.text("inference_id", inference_id)
    if query_input is not None:
        builder = {"embedding": given(inference_id=model, input=query_content(query_input, "query_input"))}
    else:
        text = check.text("query_text", query_text)
        builder = {"text_embedding": given(model_id=model, model_text=text)}
    return {"query_vector_builder": builder}


def knn_fields(
    field: str,
    *,
    query: Body,
    k: int | None,
    num_candidates: int | None,
    visit_percentage: float | None,
    similarity: float | None,
    rescore_vector: Mapping[str, float] | None,
    filter: Filter | None,
) -> Body:
    """The fields that the query and the retriever of nearest neighbours share; ``query`` is from ``query_vector_fields``."""
    if k is not None:
        k = check.whole("k", k, most=MOST_CANDIDATES)
    if num_candidates is not None:
        num_candidates = check.whole("num_candidates", num_candidates, most=MOST_CANDIDATES)
        if k is not None and num_candidates < k:
            raise ConfigurationError(f"num_candidates={num_candidates} is below k={k}: pass {k} or more")
    if visit_percentage is not None:
        visit_percentage = check.number("visit_percentage", visit_percentage, least=0)
        if visit_percentage > MOST_PERCENT:
            raise ConfigurationError(
                f"visit_percentage={visit_percentage:g} must be from 0 to {MOST_PERCENT}"
            )
    return given(
        field=check.text("field", field),
        **query,
        k=k,
        num_candidates=num_candidates,
        visit_percentage=visit_percentage,
        similarity=None if similarity is None else check.number("similarity", similarity),
        rescore_vector=None if rescore_vector is None else _oversample(rescore_vector),
        filter=None if filter is None else check.filters("filter", filter),
    )


def _oversample(value: Mapping[str, float]) -> Body:
    fields = check.entry("rescore_vector", value)
    if set(fields) != {"oversample"}:
        raise ConfigurationError(f"rescore_vector holds {sorted(fields)}: pass {{'oversample': 3.0}}")
    times = check.number("rescore_vector['oversample']", fields["oversample"], least=0)
    if 0 < times < LEAST_OVERSAMPLE:
        raise ConfigurationError(
            f"rescore_vector['oversample'] is {times:g}: pass {LEAST_OVERSAMPLE:g} or more, or 0 for no second look"
        )
    return {"oversample": times}


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
        query: The text to search for.
        query_vector: Instead of ``query``, its tokens and weights, as ``sparse_embed`` returns them.
        prune: Whether to leave out insignificant tokens, for speed (8.16 and later).
        pruning_config: Which tokens to leave out, such as ``{"tokens_weight_threshold": 0.4}``; needs ``prune=True``.
        boost: Factor for its scores when combined with other queries.

    Raises:
        ConfigurationError: An argument is wrong, or there is not exactly one of ``query`` and
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
    weights = check.entry("query_vector", value)
    return {token: check.number(f"query_vector[{token!r}]", weight) for token, weight in weights.items()}


def semantic_highlight(
    *fields: str,
    number_of_fragments: int | None = None,
    order: Literal["score", "none"] | None = "score",
) -> Body:
    """For ``search(highlight=...)``: return with each hit the best matching chunks of its ``semantic_text`` fields.

    Args:
        fields: Names of ``semantic_text`` fields.
        number_of_fragments: The largest number of chunks of each field; 5 by default.
        order: ``"score"`` for the best chunk first, ``"none"`` for the text's order.

    Raises:
        ConfigurationError: No field is named, or an argument is wrong.
    """
    if not fields:
        raise ConfigurationError("semantic_highlight() names no field: pass those of type semantic_text")
    if order not in {None, "score", "none"}:
        raise ConfigurationError(f"order={order!r} must be 'score' or 'none'")
    if number_of_fragments is not None:
        number_of_fragments = check.whole("number_of_fragments", number_of_fragments)
    options = given(type="semantic", number_of_fragments=number_of_fragments, order=order)
    # An object for each field: it keeps their order, and is the only form in Elasticsearch's published description.
    return {"fields": [{check.text("field", field): dict(options)} for field in fields]}
