"""A search as its body and its parameters ask for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import bad_argument, invalid_request
from ragbridge.local.elastic.http import check_parameters
from ragbridge.local.search.errors import not_offered, parsing
from ragbridge.local.search.fields import INFERENCE, FieldPattern, read_fields
from ragbridge.local.search.highlighting import Highlight, read_highlight
from ragbridge.local.search.queries.base import DEFAULT_SIZE, Query, common
from ragbridge.local.search.queries.parse import parse
from ragbridge.local.search.queries.vectors import Knn, knn_of
from ragbridge.local.search.reading import OBJECT, Body, flag, token, whole
from ragbridge.local.search.rescoring import Rescorer, read_rescore
from ragbridge.local.search.retrievers import parse as retrievers
from ragbridge.local.search.retrievers.base import Retriever
from ragbridge.local.search.sorting import Sort, read_after, read_sort
from ragbridge.local.search.source import SourceFilter, read_source, with_parameters

COUNTED = 10_000
"""Up to how many hits are counted where a search does not say (``track_total_hits``)."""

WHICH = ("allow_no_indices", "expand_wildcards", "ignore_throttled", "ignore_unavailable")
"""Parameters that say which indexes are meant."""
_WITHOUT_EFFECT = (
    *("allow_partial_search_results", "batched_reduce_size", "ccs_minimize_roundtrips"),
    *("max_concurrent_shard_requests", "pre_filter_shard_size", "preference", "request_cache", "routing"),
    *("search_type", "timeout", "typed_keys", "project_routing"),
)
"""Parameters about several shards, nodes and caches, of which the engine has one each."""
_SOURCE = ("_source", "_source_includes", "_source_excludes", "_source_exclude_vectors")
_READ = (
    *("from", "size", "sort", "track_scores", "track_total_hits", "rest_total_hits_as_int", "version"),
    *("seq_no_primary_term", *_SOURCE),
)
_QUERY_STRING = ("q", "df", "analyzer", "analyze_wildcard", "default_operator", "lenient")
_PARAMETERS_ELSEWHERE = (
    *(
        "explain",
        "scroll",
        "stored_fields",
        "docvalue_fields",
        "suggest_field",
        "suggest_mode",
        "suggest_size",
    ),
    *("suggest_text", "terminate_after", "stats", "include_named_queries_score", "force_synthetic_source"),
)
_ELSEWHERE = (
    *(
        "aggregations",
        "aggs",
        "suggest",
        "pit",
        "slice",
        "runtime_mappings",
        "script_fields",
        "docvalue_fields",
    ),
    *(
        "stored_fields",
        "stats",
        "ext",
        "terminate_after",
        "sub_searches",
        "rank",
        "indices_boost",
    ),
    *("derived", "min_compatible_shard_node"),
)
_EXCLUSIVE = ("query", "knn", "search_after", "sort", "rescore")
"""What does not stand beside ``retriever`` (``SearchSourceBuilder.validate``)."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a search asks for.

    Attributes:
        query: The query; None where there is none.
        knn: Searches for neighbours whose scores are added to the query's.
        retriever: A retriever in the place of both.
        start: ``from``: how many hits are left out.
        size: How many are shown; None where it is not said.
        min_score: The least score of a hit.
        sorts: By which the hits are ordered, if not by their scores.
        after: ``search_after``: values of ``sorts`` after which hits are shown.
        post_filter: What shown hits have to match too, without effect on scores.
        rescorers: Queries that score the best hits once more.
        counted: Up to how many hits are counted: all for None, 0 for no count.
        total_as_number: Whether ``hits.total`` is a number.
        source: What of ``_source`` is shown.
        fields: What of ``fields``.
        highlights: What is highlighted.
        collapse: The field of whose values each is shown once.
        scores: Whether scores are shown beside a sort.
        version: Whether ``_version`` is shown.
        seq_no: Whether ``_seq_no`` is.
    """

    query: Query | None = None
    knn: Sequence[Knn] = ()
    retriever: Retriever | None = None
    start: int = 0
    size: int | None = None
    min_score: float | None = None
    sorts: Sequence[Sort] = ()
    after: Sequence[Any] | None = None
    post_filter: Query | None = None
    rescorers: Sequence[Rescorer] = ()
    counted: int | None = COUNTED
    total_as_number: bool = False
    source: SourceFilter = field(default_factory=SourceFilter)
    fields: Sequence[FieldPattern] = ()
    highlights: Sequence[Highlight] = ()
    collapse: str | None = None
    scores: bool = False
    version: bool = False
    seq_no: bool = False

    @property
    def shown(self) -> int:
        """How many hits are shown."""
        return DEFAULT_SIZE if self.size is None else self.size

    @property
    def embeddings(self) -> bool:
        """Whether ``_inference_fields`` is asked for."""
        return any(one.pattern == INFERENCE for one in self.fields)


def read_request(body: Mapping[str, Any], parameters: Mapping[str, str], path: str) -> Request:
    """The search that a body and parameters ask for; parameters win.

    Raises:
        Failure: 400, a part cannot be read or does not go with another; 501, the engine has not got it.
    """
    check_parameters(
        path, parameters, *WHICH, *_WITHOUT_EFFECT, *_READ, *_QUERY_STRING, *_PARAMETERS_ELSEWHERE
    )
    _refuse_parameters(parameters)
    search = Body("search", body, refusal="unknown key [{key}]")
    for key in ("explain", "profile"):
        if search.flag(key, False):
            raise not_offered(key)
    for key in _ELSEWHERE:
        if search.any(key) not in (None, [], {}):
            raise not_offered("aggregations" if key == "aggs" else key)
    present = [key for key in _EXCLUSIVE if key in search]
    request = _read(search, parameters)
    if search.left:
        key = search.left[0]
        raise parsing(f"Unknown key for a {token(search.any(key))} in [{key}].")
    _check(request, present)
    return request


def _refuse_parameters(parameters: Mapping[str, str]) -> None:
    for name in _PARAMETERS_ELSEWHERE:
        if parameters.get(name, "false") != "false":
            raise not_offered(f"parameter {name}")


def _read(search: Body, parameters: Mapping[str, str]) -> Request:
    query, retriever, knn = search.any("query"), search.any("retriever"), search.any("knn")
    post_filter, rescore = search.any("post_filter"), search.any("rescore")
    sort, fields, highlight = search.any("sort"), search.any("fields"), search.any("highlight")
    search.some_text("timeout")

    def of(name: str, default: Any = None) -> Any:
        own = search.any(name, default=default)
        return (parameters[name] or "true") if name in parameters else own

    start, size = of("from", 0), of("size")
    sorts, after = _sorts(sort, parameters.get("sort")), search.any("search_after")
    return Request(
        query=_words(parameters) if "q" in parameters else None if query is None else parse(query),
        retriever=None if retriever is None else retrievers.parse(retriever),
        knn=[] if knn is None else [_read_knn(one) for one in (knn if isinstance(knn, list) else [knn])],
        start=whole("search", "from", start),
        size=None if size is None else whole("search", "size", size),
        min_score=search.some_number("min_score"),
        sorts=sorts,
        after=None if after is None or retriever is not None else read_after(after, sorts),
        post_filter=None if post_filter is None else parse(post_filter),
        rescorers=[] if rescore is None else read_rescore(rescore),
        counted=_counted(of("track_total_hits")),
        total_as_number=flag(
            "search", "rest_total_hits_as_int", parameters.get("rest_total_hits_as_int") or "false"
        ),
        source=with_parameters(read_source(search.any("_source")), parameters),
        fields=[] if fields is None else read_fields(fields),
        highlights=[] if highlight is None else read_highlight(highlight),
        collapse=_collapse(search.any("collapse")),
        scores=flag("search", "track_scores", of("track_scores", False)),
        version=flag("search", "version", of("version", False)),
        seq_no=flag("search", "seq_no_primary_term", of("seq_no_primary_term", False)),
    )


def _words(parameters: Mapping[str, str]) -> Query:
    """The query of ``q``: words, or a field and words. What else the language of query strings has is not here."""
    field, mark, words = parameters["q"].rpartition(":")
    if (
        not _PLAIN.fullmatch(words)
        or (mark and not _FIELD.fullmatch(field))
        or _OPERATORS & set(words.split())
    ):
        raise not_offered("the language of query strings, in parameter q,")
    if "analyze_wildcard" in parameters or "analyzer" in parameters:
        raise not_offered("analyzers of parameter q")
    operator = parameters.get("default_operator", "or")
    options = {
        "query": words,
        "operator": operator,
        "lenient": flag("search", "lenient", parameters.get("lenient") or "false"),
    }
    if words == "*" and field in {"", "*"}:
        return parse({"match_all": {}})
    field = field or parameters.get("df", "")
    return parse({"match": {field: options}} if field else {"multi_match": {**options, "lenient": True}})


_PLAIN = re.compile(r"[\w\s.,'-]*|\*")
_FIELD = re.compile(r"[\w.@-]+|\*")
_OPERATORS = {"AND", "OR", "NOT", "TO"}


def _read_knn(value: Any) -> Knn:
    body = Body("knn", value, refusal=OBJECT)
    knn = knn_of(body, parse, **common(body))
    body.end()
    return knn


def _sorts(given: Any, parameter: str | None) -> list[Sort]:
    if parameter:
        pairs = (one.rpartition(":") for one in parameter.split(","))
        given = [
            {name: {"order": order}} if mark and order in {"asc", "desc"} else f"{name}{mark}{order}"
            for name, mark, order in pairs
        ]
    return [] if given is None else read_sort(given)


def _counted(given: Any) -> int | None:
    """The number of ``track_total_hits``: None for all, 0 for none."""
    if given is None:
        return COUNTED
    if given in (True, "true"):
        return None
    if given in (False, "false"):
        return 0
    count = whole("search", "track_total_hits", given)
    if count < -1:
        raise bad_argument(f"[track_total_hits] parameter must be positive or equals to -1, got {count}")
    return None if count == -1 else count


def _collapse(given: Any) -> str | None:
    if given is None:
        return None
    body = Body("collapse", given, refusal=OBJECT)
    path = body.need_text("field")
    body.elsewhere("inner_hits", "collapse")
    body.any("max_concurrent_group_searches")
    body.end()
    return path


def _check(request: Request, present: Sequence[str]) -> None:
    """Refuse what does not go together."""
    problems: list[str] = []
    if request.start < 0:
        raise bad_argument(f"[from] parameter cannot be negative but was [{request.start}]")
    if request.size is not None and request.size < 0:
        raise bad_argument(f"[size] parameter cannot be negative, found [{request.size}]")
    if request.retriever is not None:
        problems += request.retriever.problems(request.size)
        if present:
            problems.append(f"cannot specify [retriever] and [{', '.join(present)}]")
    if request.after is not None and request.start > 0:
        problems.append("`from` parameter must be set to 0 when `search_after` is used")
    if request.rescorers and any(sort.field != "_score" for sort in request.sorts):
        raise bad_argument("Cannot use [sort] option in conjunction with [rescore].")
    if problems:
        raise invalid_request(*problems)
