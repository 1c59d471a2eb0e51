"""Routes that read single documents: ``_doc``, ``_source``, ``_mget``."""

from __future__ import annotations

from typing import Any

from ragbridge.local.elastic.api import Outcome
from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.asked import Asked
from ragbridge.local.search.documents import Document
from ragbridge.local.search.errors import SearchFailure, not_offered, shown
from ragbridge.local.search.indices import Index
from ragbridge.local.search.shapes import a_name
from ragbridge.local.search.source import SourceFilter, read_source, with_parameters
from ragbridge.local.search.view import View

_SOURCE = ("_source", "_source_includes", "_source_excludes", "_source_exclude_vectors")
_READING = (
    "preference",
    "realtime",
    "refresh",
    "routing",
    "version",
    "version_type",
    "stored_fields",
    *_SOURCE,
)


def get(asked: Asked) -> Outcome:
    """``GET`` and ``HEAD /{index}/_doc/{id}``."""
    asked.check(*_READING, "force_synthetic_source")
    if "stored_fields" in asked.query:
        raise not_offered("stored_fields")
    index = asked.indices.find(asked.name("index"))
    document = index.documents.get(asked.name("id"))
    if document is None:
        return Outcome({"_index": index.name, "_id": asked.name("id"), "found": False}, status=404)
    return Outcome(_found(index, document, with_parameters(SourceFilter(), asked.query)))


def source(asked: Asked) -> Outcome:
    """``GET`` and ``HEAD /{index}/_source/{id}``."""
    asked.check(*_READING)
    index = asked.indices.find(asked.name("index"))
    document = index.documents.get(asked.name("id"))
    if document is None:
        reason = f"Document not found [{index.name}]/[{asked.name('id')}]"
        raise SearchFailure(404, reason, kind="resource_not_found_exception")
    return Outcome(_source(index, document, with_parameters(SourceFilter(), asked.query)) or {})


def several(asked: Asked) -> Outcome:
    """``POST /_mget`` and ``POST /{index}/_mget``: ``docs``, or ``ids`` of the path's index."""
    asked.check(*_READING, "force_synthetic_source")
    body, default = asked.body, with_parameters(SourceFilter(), asked.query)
    for name in body:
        if name not in {"docs", "ids"}:
            raise SearchFailure(
                400,
                f"unknown key [{name}] for a START_ARRAY, expected [docs] or [ids]",
                kind="parsing_exception",
            )
    rows = body.get("docs") if "docs" in body else body.get("ids")
    if not isinstance(rows, list) or not rows:
        raise SearchFailure(
            400, "Validation Failed: 1: no documents to get;", kind="action_request_validation_exception"
        )
    return Outcome({"docs": [_one(asked, row, default) for row in rows]})


def _one(asked: Asked, row: Any, default: SourceFilter) -> dict[str, Any]:
    if not isinstance(row, dict):
        row = {"_id": row}
    name = a_name("_index", row.get("_index") or asked.name("index"))
    document_id = None if row.get("_id") is None else a_name("_id", row["_id"])
    problems = [
        f"{what} is missing for doc 0" for what, given in (("index", name), ("id", document_id)) if not given
    ]
    if problems:
        numbered = "".join(f"{number}: {problem};" for number, problem in enumerate(problems, 1))
        raise SearchFailure(400, f"Validation Failed: {numbered}", kind="action_request_validation_exception")
    try:
        index = asked.indices.find(name)
    except Failure as failure:
        error = {"root_cause": [shown(failure)], **shown(failure)}
        return {"_index": name, "_id": str(document_id), "error": error}
    document = index.documents.get(str(document_id))
    if document is None:
        return {"_index": index.name, "_id": str(document_id), "found": False}
    return _found(index, document, read_source(row["_source"]) if "_source" in row else default)


def _found(index: Index, document: Document, wanted: SourceFilter) -> dict[str, Any]:
    body = {
        "_index": index.name,
        "_id": document.id,
        "_version": document.version,
        "_seq_no": document.seq_no,
        "_primary_term": 1,
        "found": True,
    }
    source = _source(index, document, wanted)
    return body if source is None else {**body, "_source": source}


def _source(index: Index, document: Document, wanted: SourceFilter) -> dict[str, Any] | None:
    return wanted.of(View(index, [document], index.mapping.fields), document)
