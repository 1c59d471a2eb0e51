"""Retrievers, which find and reorder hits in stages: plain objects for any client. No I/O.

``search(retriever=...)`` runs them; ``windows.check_windows`` checks beforehand what Elasticsearch would refuse. Those that
join several are in ``fusion``, those that reorder another's hits in ``reordering``.
Rules: Elasticsearch's ``StandardRetrieverBuilder``, ``KnnRetrieverBuilder`` and ``TextSimilarityRankRetrieverBuilder``.
"""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.rules.chunking import checked
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, Filter, given
from ragbridge.services.elastic.retrieval.queries import (
    CANDIDATES_PER_K,
    MOST_CANDIDATES,
    knn_fields,
    query_vector_fields,
)
from ragbridge.services.elastic.retrieval.sorting import Sort, checked_after, checked_collapse, checked_sort
from ragbridge.services.elastic.retrieval.windows import base, compound

if TYPE_CHECKING:
    from ragbridge.rules.chunking import ChunkingSettings
    from ragbridge.services.elastic.content import Content
    from ragbridge.services.elastic.retrieval.queries import QueryVector


def standard(
    query: Mapping[str, Any],
    *,
    filter: Filter | None = None,
    min_score: float | None = None,
    sort: Sort | None = None,
    collapse: str | Mapping[str, Any] | None = None,
    search_after: Sequence[Any] | None = None,
    terminate_after: int | None = None,
) -> Body:
    """Any query as a retriever.

    Args:
        query: Such as ``semantic_query`` or ``match_query`` build it.
        filter: Queries that a hit must match. They do not affect scores.
        min_score: Lowest score of a hit, by this query's own scores.
        sort: The order of hits, as a search takes it: a field, ``{"date": "desc"}``, or a list of them.
        collapse: A field of which only the best hit of each value is kept, or Elasticsearch's object with ``field``.
        search_after: The ``sort`` values of the hit after which to go on. Not below a retriever that joins others.
        terminate_after: The largest number of documents that are looked at on each shard.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    inner = given(
        query=check.query("query", query),
        sort=None if sort is None else checked_sort(sort),
        collapse=None if collapse is None else checked_collapse(collapse),
        search_after=None if search_after is None else checked_after(search_after),
        terminate_after=None if terminate_after is None else check.whole("terminate_after", terminate_after),
    )
    return {"standard": {**inner, **base(filter, min_score)}}


def knn_retriever(
    field: str,
    *,
    k: int,
    query_vector: QueryVector | None = None,
    query_text: str | None = None,
    query_input: Content | None = None,
    inference_id: str | None = None,
    num_candidates: int | None = None,
    visit_percentage: float | None = None,
    similarity: float | None = None,
    rescore_vector: Mapping[str, float] | None = None,
    filter: Filter | None = None,
    min_score: float | None = None,
) -> Body:
    """Nearest neighbours as a retriever, over a ``dense_vector`` field; the arguments are those of ``knn_query``.

    For a semantic field, put ``knn_query`` into ``standard``.

    ``num_candidates`` is always sent, since Elasticsearch 8 requires it. By default it is one and a half times ``k``,
    as in Elasticsearch's ``knn`` query.

    Raises:
        ConfigurationError: An argument is wrong, or there is not exactly one of ``query_vector``,
            ``query_text`` and ``query_input``.
    """
    k = check.whole("k", k, most=MOST_CANDIDATES)
    if num_candidates is None:
        num_candidates = min(MOST_CANDIDATES, round(CANDIDATES_PER_K * k))
    fields = knn_fields(
        field,
        query=query_vector_fields(query_vector, query_text, query_input, inference_id),
        k=k,
        num_candidates=num_candidates,
        visit_percentage=visit_percentage,
        similarity=similarity,
        rescore_vector=rescore_vector,
        filter=filter,
    )
    return {"knn": {**fields, **base(None, min_score)}}


def text_similarity_reranker(
    retriever: Mapping[str, Any],
    *,
    field: str,
    inference_text: str,
    inference_id: str | None = None,
    rank_window_size: int | None = None,
    min_score: float | None = None,
    filter: Filter | None = None,
    chunk_rescorer: Mapping[str, Any] | None = None,
) -> Body:
    """Rerank the best hits of another retriever with a rerank endpoint.

    Scores are transformed, since the reranker's own may be negative. ``original_score`` restores them.

    Args:
        retriever: Finds the hits to rerank, such as ``standard(semantic_query(...))``.
        field: The field whose text the reranker reads.
        inference_text: The query text.
        inference_id: The rerank endpoint; ``.rerank-v1-elasticsearch`` by default.
        rank_window_size: How many of the best hits are reranked, at least the search's ``size``; 10 by default. A
            ``top_n`` in the endpoint's task settings must not be smaller: Elastic's guide that combines ``top_n`` 10
            with a window of 100 is refused.
        min_score: Lowest score by the reranker's own measure, before the transformation. Fewer hits than ``size`` may
            remain.
        filter: Queries that a hit must match, before reranking.
        chunk_rescorer: Rerank by a hit's best chunks instead of its whole text, since 9.2: an object with ``size``
            (chunks per hit, 1 by default) and ``chunking_settings`` (any strategy but ``none``). It multiplies the
            number of texts that are reranked, and a ``top_n`` must not be smaller than that number.

    Raises:
        ConfigurationError: An argument is wrong, or the window is larger than an inner one.
    """
    inner = given(
        retriever=check.query("retriever", retriever),
        field=check.text("field", field),
        inference_text=check.text("inference_text", inference_text),
        inference_id=None if inference_id is None else check.text("inference_id", inference_id),
        chunk_rescorer=None if chunk_rescorer is None else _chunk_rescorer(chunk_rescorer),
    )
    return compound("text_similarity_reranker", inner, rank_window_size, filter, min_score)


def original_score(score: float) -> float:
    """The reranker's own score, from a hit of ``text_similarity_reranker``.

    Elasticsearch makes scores positive by ``max(s, 0) + min(exp(s), 1)``: scores of 0 and above become 1 and above,
    negative ones less than 1. Precision is that of a 32-bit float: scores far below -80 have become 0, for which minus
    infinity is returned.

    Args:
        score: A hit's score, if no later stage has changed it.

    Raises:
        ConfigurationError: ``score`` is negative, so it is not from a ``text_similarity_reranker``.
    """
    score = check.number("score", score, least=0)
    if score >= 1:
        return score - 1
    return math.log(score) if score > 0 else -math.inf


def _chunk_rescorer(value: Mapping[str, Any]) -> Body:
    rescorer = dict(value)
    unknown = sorted(set(rescorer) - {"size", "chunking_settings"})
    if unknown:
        raise ConfigurationError(f"chunk_rescorer has {unknown}: it takes 'size' and 'chunking_settings'")
    if "size" in rescorer:
        rescorer["size"] = check.whole("chunk_rescorer['size']", rescorer["size"])
    if rescorer.get("chunking_settings") is not None:
        rescorer["chunking_settings"] = _rescored(rescorer["chunking_settings"])
    return rescorer


def _rescored(settings: ChunkingSettings) -> Body:
    """Chunking settings of a rescorer. A size alone means sentences without overlap."""
    name = "chunk_rescorer['chunking_settings']"
    if isinstance(settings, Mapping) and set(settings) == {"max_chunk_size"}:
        size = settings["max_chunk_size"]
        checked({"strategy": "sentence", "max_chunk_size": size, "sentence_overlap": 0}, name=name)
        return dict(settings)
    fields = checked(settings, name=name)
    if str(fields["strategy"]).lower() == "none":
        raise ConfigurationError(
            f"{name} has the strategy 'none', which makes no chunks: leave chunk_rescorer out, or choose 'sentence', "
            "'word' or 'recursive'"
        )
    return fields
