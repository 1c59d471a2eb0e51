"""Searches: the entry points that the routes call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.errors import bad_argument
from ragbridge.local.elastic.http import check_parameters, flag
from ragbridge.local.search.errors import SearchFailure, not_offered, on_shards, parsing
from ragbridge.local.search.hits import shown_hit, top_score
from ragbridge.local.search.queries.base import Run
from ragbridge.local.search.queries.constants import MatchAll
from ragbridge.local.search.queries.parse import parse
from ragbridge.local.search.ranking import rank
from ragbridge.local.search.request import WHICH, Request, read_request
from ragbridge.local.search.retrievers.base import WIDEST, collect
from ragbridge.local.search.view import View

if TYPE_CHECKING:
    from ragbridge.local.search.documents import Document
    from ragbridge.local.search.indices import Index, Indices
    from ragbridge.local.search.inference import Inference


def search(
    indices: Indices,
    expression: str,
    body: Mapping[str, Any],
    parameters: Mapping[str, str],
    inference: Inference,
) -> dict[str, Any]:
    """The answer to ``_search`` on the indexes that ``expression`` means ("" for all).

    Raises:
        Failure: The body cannot be read, an index is missing, or no index could be searched.
    """
    try:
        path = f"/{expression}/_search" if expression else "/_search"
        request = read_request(body, parameters, path)
        return _search(_views(indices, expression, parameters), request, inference)
    except RecursionError:
        raise _too_deep() from None


def _search(views: list[View], request: Request, inference: Inference) -> dict[str, Any]:
    began = time.monotonic()
    window = request.start + request.shown
    if window > WIDEST and views:
        raise on_shards(views[0].name, views[0].index.uuid, bad_argument(_TOO_LARGE.format(WIDEST, window)))
    run = Run(inference, views, size=request.shown)
    found = rank(run, request)
    page = found.hits[request.start : window]
    hits: dict[str, Any] = {}
    if request.counted != 0:
        most = request.counted
        exact = most is None or found.total <= most
        value = found.total if exact else most
        hits["total"] = (
            value if request.total_as_number else {"value": value, "relation": "eq" if exact else "gte"}
        )
    hits["max_score"] = top_score(found, request)
    hits["hits"] = [shown_hit(run, request, hit, scored=found.scored) for hit in page]
    shards: dict[str, Any] = {
        "total": len(views),
        "successful": len(views) - len(found.failures),
        "skipped": 0,
        "failed": len(found.failures),
    }
    if found.failures:
        shards["failures"] = list(found.failures)
    took = int((time.monotonic() - began) * 1000)
    return {"took": took, "timed_out": False, "_shards": shards, "hits": hits}


_TOO_LARGE = (
    "Result window is too large, from + size must be less than or equal to: [{}] but was [{}]. See the scroll api for a "
    "more efficient way to request large data sets. This limit can be set by changing the [index.max_result_window] "
    "index level setting."
)


def count(
    indices: Indices,
    expression: str,
    body: Mapping[str, Any],
    parameters: Mapping[str, str],
    inference: Inference,
) -> dict[str, Any]:
    """The answer to ``_count``.

    Raises:
        Failure: As ``search``.
    """
    path = f"/{expression}/_count" if expression else "/_count"
    check_parameters(
        path,
        parameters,
        *WHICH,
        "q",
        "min_score",
        "preference",
        "routing",
        "terminate_after",
        "df",
        "lenient",
    )
    for name in ("q", "terminate_after", "df", "lenient"):
        if name in parameters:
            raise not_offered(f"parameter {name} of _count")
    for key in body:
        if key != "query":
            raise parsing(f"request does not support [{key}]")
    least = {"min_score": parameters["min_score"]} if "min_score" in parameters else {}
    answer = search(
        indices,
        expression,
        {**body, **least, "size": 0, "track_total_hits": True},
        {name: value for name, value in parameters.items() if name in WHICH},
        inference,
    )
    return {"count": answer["hits"]["total"]["value"], "_shards": answer["_shards"]}


def matching(
    index: Index,
    query: Mapping[str, Any] | None,
    inference: Inference,
    lock: AbstractContextManager[Any],
) -> list[Document]:
    """The documents of an index that match a query (None: all), in the index's order.

    Args:
        index: The index.
        query: The query of a body.
        inference: The endpoints.
        lock: Guards the index; it may be held already.

    Raises:
        Failure: The query cannot be read or run.
    """
    try:
        view = View.of(index, lock)
        read = MatchAll() if query is None else parse(query)
        run = Run(inference, [view], size=len(view))
        read.prepare(run)
        mask = collect(run, read, 0).matched[0]
        return [view.documents[row] for row in mask.nonzero()[0]]
    except RecursionError:
        raise _too_deep() from None


def _views(indices: Indices, expression: str, parameters: Mapping[str, str]) -> list[View]:
    targets = indices.resolve(
        expression,
        ignore_unavailable=flag(parameters, "ignore_unavailable"),
        allow_no_indices=flag({"allow_no_indices": "true", **parameters}, "allow_no_indices"),
    )
    return [View.of(index, indices.lock) for index in targets]


def _too_deep() -> SearchFailure:
    return parsing("the body is nested too deeply")
