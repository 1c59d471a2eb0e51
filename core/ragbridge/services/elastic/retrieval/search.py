"""``POST /{index}/_search``: build the body, send it, read the hits."""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.client import sizes
from ragbridge.client.wire import count_of
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.flow import Flow, Plan, Response, single
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, Filter, given, searched
from ragbridge.services.elastic.encoding import encode
from ragbridge.services.elastic.retrieval.fusion import rrf
from ragbridge.services.elastic.retrieval.queries import match_query, semantic_query
from ragbridge.services.elastic.retrieval.retrievers import standard, text_similarity_reranker
from ragbridge.services.elastic.retrieval.sorting import Sort, checked_collapse, checked_sort
from ragbridge.services.elastic.retrieval.windows import DEFAULT_WINDOW, check_windows
from ragbridge.services.elastic.wire import decode
from ragbridge.values.search import Hit, SearchHits

if TYPE_CHECKING:
    from ragbridge.services.elastic.session import ElasticChannel

log = logging.getLogger("ragbridge")

PRODUCT = "search"
Source = bool | str | Sequence[str] | Mapping[str, Any]


def search(channel: ElasticChannel, index: str | Sequence[str], body: Body) -> Plan[SearchHits]:
    """Search with one request."""
    names, data = searched(index), encode(body, name="the search")

    def flow() -> Flow[SearchHits]:
        return channel.send(
            "POST", f"/{names}/_search", product=PRODUCT, read=_read, body=data, most=sizes.PAGE
        )

    return single(flow())


def search_body(
    *,
    query: Mapping[str, Any] | None = None,
    retriever: Mapping[str, Any] | None = None,
    knn: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    filter: Filter | None = None,
    size: int | None = None,
    from_: int | None = None,
    source: Source | None = None,
    highlight: Mapping[str, Any] | None = None,
    min_score: float | None = None,
    sort: Sort | None = None,
    collapse: str | Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Body:
    """The body of a search, for any client; the arguments are those of ``Elastic.search``.

    Raises:
        ConfigurationError: An argument is wrong, two of them exclude each other, or Elasticsearch would refuse a
            retriever's window.
    """
    sections: list[Body] | None = None
    if knn is not None:
        sections = [_knn(one, index) for index, one in enumerate([knn] if isinstance(knn, Mapping) else knn)]
    fields = given(
        query=None if query is None else check.query("query", query),
        retriever=None if retriever is None else check.query("retriever", retriever),
        knn=sections[0] if sections and len(sections) == 1 else sections,
        size=None if size is None else check.whole("size", size, least=0),
        **{"from": None if from_ is None else check.whole("from_", from_, least=0)},
        _source=None if source is None else _source(source),
        highlight=None if highlight is None else check.entry("highlight", highlight),
        min_score=None if min_score is None else check.number("min_score", min_score),
        sort=None if sort is None else checked_sort(sort),
        collapse=None if collapse is None else checked_collapse(collapse),
    )
    rest = {} if body is None else check.entry("body", body)
    double = sorted(set(rest) & set(fields))
    if double:
        raise ConfigurationError(f"{', '.join(double)}: given as an argument and in body=; keep one")
    complete = {**rest, **fields}
    _check_kinds(complete)
    if filter is not None:
        _narrow(complete, check.filters("filter", filter))
    return complete


def semantic_search_body(
    field: str,
    query: str,
    *,
    size: int,
    filter: Filter | None = None,
    match_field: str | None = None,
    rerank_inference_id: str | None = None,
    rerank_field: str | None = None,
    rank_window_size: int | None = None,
    text_field: str | None = None,
    fields: Sequence[str] | None = None,
) -> Body:
    """The body of a semantic search, optionally combined with full-text search and reranked. Framework adapters use it.

    Args:
        field: The ``semantic_text`` field.
        query: The text to search for.
        size: Hits to return.
        filter: Queries that every hit must match.
        match_field: A ``text`` field for full-text search; the hits of both searches are combined by rank (``rrf``).
        rerank_inference_id: The endpoint that reranks hits. ``original_score`` restores its scores.
        rerank_field: The field whose text the reranker reads; ``text_field`` by default.
        rank_window_size: How many hits of each search are combined and reranked; by default ``size``, but at least 10.
        text_field: The field that holds the text of a hit, such as the one that ``copy_to`` fills ``field`` from; ``field``
            by default.
        fields: Further fields to return with hits; None for all.

    Raises:
        ConfigurationError: An argument is wrong, or the window is smaller than ``size``.
    """
    if rerank_inference_id is None and rerank_field is not None:
        raise ConfigurationError("rerank_field= is the reranker's: pass rerank_inference_id= as well")
    text_field = field if text_field is None else text_field
    source = None if fields is None else [text_field, *fields]
    meant = semantic_query(field, query)
    if match_field is None and rerank_inference_id is None:
        if rank_window_size is not None:
            raise ConfigurationError(
                "rank_window_size= is for hits that are reranked or joined: pass rerank_inference_id= or match_field="
            )
        return search_body(query=meant, filter=filter, size=size, source=source)
    size = check.whole("size", size)
    window = max(size, DEFAULT_WINDOW) if rank_window_size is None else rank_window_size
    stage = standard(meant)
    if match_field is not None:
        stage = rrf([stage, standard(match_query(match_field, query))], rank_window_size=window)
    if rerank_inference_id is not None:
        stage = text_similarity_reranker(
            stage,
            field=text_field if rerank_field is None else rerank_field,
            inference_text=query,
            inference_id=rerank_inference_id,
            rank_window_size=window,
        )
    return search_body(retriever=stage, filter=filter, size=size, source=source)


def _source(source: object) -> bool | Body:
    """Which fields to return, in the form of Elasticsearch's published description."""
    if isinstance(source, bool):
        return source
    if isinstance(source, Mapping):
        return check.entry("source", source)
    names = [source] if isinstance(source, str) else source
    if not isinstance(names, Sequence):
        raise ConfigurationError(f"source is {type(source).__name__}: pass names of fields, True or False")
    return {"includes": [check.text(f"source[{index}]", name) for index, name in enumerate(names)]}


def _check_kinds(body: Body) -> None:
    """Check as Elasticsearch does that kinds of search can be combined and that a retriever's windows fit."""
    if not body.keys() & {"query", "retriever", "knn", "aggs", "aggregations", "suggest"}:
        raise ConfigurationError(
            "nothing is searched for: pass query=, retriever= or knn= (all: {'match_all': {}})"
        )
    if "retriever" in body:
        others = [
            name for name in ("query", "knn", "search_after", "sort", "rescore", "rank") if name in body
        ]
        if others:
            raise ConfigurationError(
                f"cannot specify [retriever] and [{', '.join(others)}]: put them into the retriever "
                "(standard(query), knn_retriever(...))"
            )
        check_windows(body["retriever"], size=body.get("size", 10))


def _narrow(body: Body, filters: Body | list[Body]) -> None:
    """Add ``filters`` to each kind of search in ``body``, without changing scores."""
    more = filters if isinstance(filters, list) else [filters]
    if "retriever" in body:
        ((kind, inner),) = body["retriever"].items()
        body["retriever"] = {kind: _with_filter(inner, more)}
    if "query" in body:
        body["query"] = {"bool": {"must": [body["query"]], "filter": more}}
    if isinstance(body.get("knn"), list):
        body["knn"] = [_with_filter(one, more) for one in body["knn"]]
    elif "knn" in body:
        body["knn"] = _with_filter(body["knn"], more)


def _with_filter(inner: Mapping[str, Any], more: list[Body]) -> Body:
    own = inner.get("filter", [])
    return {**inner, "filter": [*(own if isinstance(own, list) else [own]), *more]}


def _knn(value: object, index: int) -> Body:
    """The object of one search for neighbours, which ``knn_query`` wraps."""
    section = check.entry(f"knn[{index}]", value)
    return check.entry("knn", section["knn"]) if set(section) == {"knn"} else section


def _read(response: Response) -> SearchHits:
    """The hits in an answer.

    Raises:
        ResponseError: The answer has no list of hits, or a hit has no id or no finite score.
    """
    body = decode(response)
    section = body.get("hits")
    rows = section.get("hits") if isinstance(section, dict) else None
    if not isinstance(section, dict) or not isinstance(rows, list):
        raise ResponseError("the answer has no 'hits'")
    total, exact = _total(section.get("total"))
    took, shards = body.get("took"), body.get("_shards")
    failed = count_of(shards.get("failed", 0)) if isinstance(shards, dict) else 0
    partial = bool(body.get("timed_out")) or failed != 0
    if partial:
        log.warning(
            "hits may be missing: %s shards failed, timed out: %s", failed, bool(body.get("timed_out"))
        )
    return SearchHits(
        hits=tuple(_hit(row, place) for place, row in enumerate(rows)),
        total=total,
        exact=exact,
        took=count_of(took) or 0,
        partial=partial,
        raw=body,
    )


def _hit(row: object, place: int) -> Hit:
    where = f"hit {place}"
    if not isinstance(row, dict) or not isinstance(row.get("_id"), str):
        raise ResponseError(f"{where} has no '_id'")
    score, source, highlight = row.get("_score"), row.get("_source", {}), row.get("highlight", {})
    if score is not None and (
        type(score) not in {int, float} or not abs(score) <= sys.float_info.max  # a long int is no float
    ):
        raise ResponseError(f"the score of {where} is {score!r}, not a finite number")
    if not isinstance(source, dict):
        raise ResponseError(f"'_source' of {where} is not an object")
    if not isinstance(highlight, dict) or not all(isinstance(parts, list) for parts in highlight.values()):
        raise ResponseError(f"'highlight' of {where} is not an object of lists")
    return Hit(
        id=row["_id"],
        score=None if score is None else float(score),
        source=source,
        index=str(row.get("_index", "")),
        highlight={name: tuple(map(str, parts)) for name, parts in highlight.items()},
    )


def _total(value: object) -> tuple[int | None, bool]:
    if isinstance(value, dict):
        return count_of(value.get("value")), value.get("relation") != "gte"
    return count_of(value), True
