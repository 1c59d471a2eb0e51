"""Routes that write documents: ``_bulk``, ``_doc``, ``_create``, ``_update``."""

from __future__ import annotations

import time
from typing import Any

from ragbridge.local.elastic.api import Outcome
from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.asked import Asked
from ragbridge.local.search.errors import SearchFailure, invalid_argument, not_offered, shown
from ragbridge.local.search.lines import operations
from ragbridge.local.search.operations import Action, Operation, Written
from ragbridge.local.search.shapes import check_nesting

_CONDITIONS = ("if_seq_no", "if_primary_term", "version", "version_type")
_SHARED = ("refresh", "routing", "timeout", "wait_for_active_shards", "require_alias")
_UPDATE = ("detect_noop", "doc", "doc_as_upsert", "script", "scripted_upsert", "upsert", "_source")
"""Members of an update's body."""


def bulk(asked: Asked) -> Outcome:
    """``POST /_bulk`` and ``POST /{index}/_bulk``."""
    asked.check(
        *(*_SHARED, "pipeline", "_source", "_source_includes", "_source_excludes", "include_source_on_error"),
        "list_executed_pipelines",
        "require_data_stream",
    )
    started = time.monotonic()
    alias = asked.flag("require_alias")
    given = list(operations(asked.content, asked.name("index"), asked.query.get("pipeline"), alias=alias))
    if not given:
        raise SearchFailure(
            400, "Validation Failed: 1: no requests added;", kind="action_request_validation_exception"
        )
    outcomes = asked.writer.run(given)
    items = [_item(operation, outcome) for operation, outcome in zip(given, outcomes, strict=True)]
    errors = any(isinstance(outcome, Failure) for outcome in outcomes)
    took = int((time.monotonic() - started) * 1000)
    return Outcome({"errors": errors, "took": took, "items": items})


def _item(operation: Operation, outcome: Written | Failure) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        failed = {"_index": operation.index, "_id": operation.id}
        return {operation.action: {**failed, "status": outcome.status, "error": shown(outcome)}}
    return {operation.action: {**outcome.body, "status": outcome.status}}


def index(asked: Asked) -> Outcome:
    """``PUT`` and ``POST /{index}/_doc/{id}``, ``POST /{index}/_doc``."""
    asked.check(
        *_SHARED, *_CONDITIONS, "op_type", "pipeline", "include_source_on_error", "require_data_stream"
    )
    kind = asked.query.get("op_type", "index")
    if kind not in {"index", "create"}:
        raise invalid_argument(f"opType must be 'create' or 'index', found: [{kind}]")
    return _write(asked, "create" if kind == "create" else "index")


def create(asked: Asked) -> Outcome:
    """``PUT`` and ``POST /{index}/_create/{id}``."""
    asked.check(*_SHARED, *_CONDITIONS, "pipeline", "include_source_on_error", "require_data_stream")
    return _write(asked, "create")


def update(asked: Asked) -> Outcome:
    """``POST /{index}/_update/{id}``."""
    asked.check(
        *(
            *_SHARED,
            *_CONDITIONS,
            "retry_on_conflict",
            "lang",
            "_source",
            "_source_includes",
            "_source_excludes",
        ),
        "include_source_on_error",
    )
    body = asked.body
    for name in body:
        if name not in _UPDATE:
            raise SearchFailure(
                400, f"[UpdateRequest] unknown field [{name}]", kind="x_content_parse_exception"
            )
    if "_source" in body or any(name.startswith("_source") for name in asked.query):
        raise not_offered("_source of _update")
    if "script" not in body and "doc" not in body:
        raise SearchFailure(
            400,
            "Validation Failed: 1: script or doc is missing;",
            kind="action_request_validation_exception",
        )
    return _write(asked, "update")


def delete(asked: Asked) -> Outcome:
    """``DELETE /{index}/_doc/{id}``."""
    asked.check(*_SHARED, *_CONDITIONS)
    return _write(asked, "delete")


def _write(asked: Asked, action: Action) -> Outcome:
    if "version" in asked.query or "version_type" in asked.query:
        raise not_offered("versions of your own")
    operation = Operation(
        action,
        asked.name("index"),
        asked.names.get("id"),
        pipeline=asked.query.get("pipeline"),
        required=asked.whole("if_seq_no"),
        alias=asked.flag("require_alias"),
    )
    if action != "delete":
        if not asked.content.strip():
            raise SearchFailure(400, "request body is required", kind="parse_exception")
        operation.body = asked.body
        operation.raw = asked.content.decode(errors="replace")
        check_nesting(operation.body, operation.raw)
    written = asked.writer.one(operation)
    forced = asked.query.get("refresh") in {"", "true"} and written.body["result"] != "noop"
    body = {**written.body, **({"forced_refresh": True} if forced else {})}
    return Outcome(body, status=written.status)
