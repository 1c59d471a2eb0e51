"""Routes that write what a query finds: ``_delete_by_query``, ``_update_by_query``, ``_reindex``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ragbridge.local.elastic.api import Outcome
from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.asked import EXPANSION, Asked
from ragbridge.local.search.documents import Document, inference_fields
from ragbridge.local.search.errors import SearchFailure, invalid_argument, not_offered, shown
from ragbridge.local.search.indices import Index
from ragbridge.local.search.operations import Action, Operation, Written
from ragbridge.local.search.parsing import INFERENCE
from ragbridge.local.search.search import matching
from ragbridge.local.search.shapes import a_count, a_name, some_names
from ragbridge.local.search.source import SourceFilter, filtered, read_source

_PARAMETERS = (
    *(
        *EXPANSION,
        "conflicts",
        "max_docs",
        "refresh",
        "requests_per_second",
        "routing",
        "scroll",
        "scroll_size",
    ),
    *("search_timeout", "search_type", "slices", "timeout", "wait_for_active_shards", "wait_for_completion"),
    *("preference", "request_cache", "pipeline", "version", "require_alias"),
)


def delete(asked: Asked) -> Outcome:
    """``POST /{index}/_delete_by_query``."""
    body = _body(asked, "query", "max_docs", "conflicts")
    if body.get("query") is None:
        raise SearchFailure(
            400, "Validation Failed: 1: query is missing;", kind="action_request_validation_exception"
        )
    return _run(asked, "delete", _found(asked, asked.name("index"), body.get("query")), body)


def update(asked: Asked) -> Outcome:
    """``POST /{index}/_update_by_query``: every document is written again, as it is."""
    body = _body(asked, "query", "max_docs", "conflicts", "script")
    if "script" in body:
        raise not_offered("scripts")
    return _run(asked, "index", _found(asked, asked.name("index"), body.get("query")), body)


def reindex(asked: Asked) -> Outcome:
    """``POST /_reindex``."""
    body = _body(asked, "source", "dest", "max_docs", "conflicts", "script", "size")
    source, dest = body.get("source"), body.get("dest")
    if (
        not isinstance(source, dict)
        or not isinstance(dest, dict)
        or "index" not in source
        or "index" not in dest
    ):
        raise invalid_argument("_reindex needs source.index and dest.index")
    if "script" in body:
        raise not_offered("scripts")
    for name in source:
        if name not in {"index", "query", "size", "_source"}:
            raise not_offered(f"source.{name} of _reindex")
    wanted = read_source(source.get("_source"))
    found = _found(asked, ",".join(some_names("index", source["index"])), source.get("query"))
    kind = dest.get("op_type", "index")
    return _run(
        asked,
        "create" if kind == "create" else "index",
        [(index, _copied(index, document, wanted)) for index, document in found],
        body,
        target=a_name("index", dest["index"]),
        pipeline=dest.get("pipeline"),
    )


def _copied(index: Index, document: Document, wanted: SourceFilter) -> Document:
    """A document as ``_reindex`` reads it: dense vectors always, embeddings of ``semantic_text`` where they are asked for."""
    source = document.source
    if wanted.includes or wanted.excludes:
        source = filtered(source, wanted.includes, wanted.excludes)
    if wanted.vectors:
        source = {**source, INFERENCE: inference_fields(document, index.mapping)}
    return replace(document, source=source)


def _body(asked: Asked, *known: str) -> dict[str, Any]:
    asked.check(*_PARAMETERS)
    if not asked.flag("wait_for_completion", default=True):
        raise not_offered("wait_for_completion=false")
    body = asked.body
    for name in body:
        if name not in known:
            raise SearchFailure(400, f"unknown field [{name}]", kind="x_content_parse_exception")
    return body


def _found(asked: Asked, expression: str, query: Any) -> list[tuple[Index, Document]]:
    indexes = asked.indices.resolve(expression, ignore_unavailable=asked.flag("ignore_unavailable"))
    return [
        (index, document)
        for index in indexes
        for document in matching(index, query, asked.inference, asked.indices.lock)
    ]


def _run(
    asked: Asked,
    action: Action,
    found: Sequence[tuple[Index, Document]],
    body: dict[str, Any],
    *,
    target: str | None = None,
    pipeline: str | None = None,
) -> Outcome:
    started = time.monotonic()
    most = body.get("max_docs", asked.whole("max_docs"))
    if most is not None:
        found = found[: a_count("max_docs", most)]
    writes = [
        Operation(
            action,
            target or index.name,
            document.id,
            document.source,
            pipeline=pipeline or asked.query.get("pipeline"),
            required=None if target else document.seq_no,
        )
        for index, document in found
    ]
    outcomes = asked.writer.run(writes)
    failures = [
        {"index": write.index, "id": write.id, "cause": shown(outcome), "status": outcome.status}
        for write, outcome in zip(writes, outcomes, strict=True)
        if isinstance(outcome, Failure)
    ]
    statuses = [outcome.status for outcome in outcomes if isinstance(outcome, Failure)]
    conflicts = [failure for failure in failures if failure["status"] == 409]
    if body.get("conflicts", asked.query.get("conflicts")) == "proceed":
        failures = [failure for failure in failures if failure["status"] != 409]
    results = [outcome.body["result"] for outcome in outcomes if isinstance(outcome, Written)]
    answer = {
        "took": int((time.monotonic() - started) * 1000),
        "timed_out": False,
        "total": len(writes),
        **({} if action == "delete" else {"updated": results.count("updated")}),
        **({"created": results.count("created")} if target else {}),
        "deleted": results.count("deleted"),
        "batches": 1 if writes else 0,
        "version_conflicts": len(conflicts),
        "noops": 0,
        "retries": {"bulk": 0, "search": 0},
        "throttled_millis": 0,
        "requests_per_second": -1.0,
        "throttled_until_millis": 0,
        "failures": failures,
    }
    return Outcome(answer, status=max(statuses) if failures else 200)
