"""Elasticsearch's errors about indexes, documents and searches: exception types, sentences, further members.

The sentences are those of Elasticsearch's own tests and sources (9.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class SearchFailure(Failure):
    """A failure whose error has more members than a type and a reason.

    Args:
        status: HTTP status.
        reason: Elasticsearch's sentence.
        kind: Elasticsearch's exception type.
        cause: The failure shown under ``caused_by``, with its own causes.
        roots: The failures under ``root_cause``; none: this failure itself.
        details: Further members, e.g. ``index`` or ``resource.id``.
        suppressed: The failures shown under ``suppressed``.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        kind: str,
        cause: Failure | None = None,
        roots: Sequence[Failure] | None = None,
        details: Mapping[str, Any] | None = None,
        suppressed: Sequence[Failure] = (),
    ) -> None:
        super().__init__(status, reason, kind=kind, cause=cause)
        self.details = dict(details or {})
        self.roots = roots
        self.suppressed = tuple(suppressed)

    @property
    def body(self) -> dict[str, Any]:
        """The answer's body."""
        own = {"type": self.kind, "reason": self.reason, **self.details}
        if self.suppressed:
            own["suppressed"] = [shown(inner) for inner in self.suppressed]
        roots = [own] if self.roots is None else [_short(root) for root in self.roots]
        return {"error": {"root_cause": roots, **shown(self)}, "status": self.status}


def shown(failure: Failure) -> dict[str, Any]:
    """A failure's error as an object without ``root_cause``: in items of ``_bulk``, ``_mget``, under ``caused_by``."""
    error = _short(failure)
    if failure.cause is not None:
        error["caused_by"] = shown(failure.cause)
    if isinstance(failure, SearchFailure) and failure.suppressed:
        error["suppressed"] = [shown(inner) for inner in failure.suppressed]
    return error


def _short(failure: Failure) -> dict[str, Any]:
    details = failure.details if isinstance(failure, SearchFailure) else {}
    return {"type": failure.kind, "reason": failure.reason, **details}


def no_such_index(name: str, *, reason: str | None = None) -> SearchFailure:
    """404."""
    details = {
        "resource.type": "index_or_alias",
        "resource.id": name,
        "index_uuid": "_na_",
        "index": name,
    }
    return SearchFailure(
        404, reason or f"no such index [{name}]", kind="index_not_found_exception", details=details
    )


def index_exists(name: str, uuid: str) -> SearchFailure:
    """400: an index of this name is there."""
    details = {"index_uuid": uuid, "index": name}
    return SearchFailure(
        400,
        f"index [{name}/{uuid}] already exists",
        kind="resource_already_exists_exception",
        details=details,
    )


def invalid_index_name(name: str, why: str) -> SearchFailure:
    """400: no index can have this name."""
    return SearchFailure(
        400,
        f"Invalid index name [{name}], {why}",
        kind="invalid_index_name_exception",
        details={"index_uuid": "_na_", "index": name},
    )


def invalid_argument(reason: str, *, cause: Failure | None = None) -> SearchFailure:
    """400, an ``IllegalArgumentException``."""
    return SearchFailure(400, reason, kind="illegal_argument_exception", cause=cause)


def mapper_parsing(
    reason: str, *, cause: Failure | None = None, roots: Sequence[Failure] | None = None
) -> SearchFailure:
    """400: a mapping cannot be read."""
    return SearchFailure(400, reason, kind="mapper_parsing_exception", cause=cause, roots=roots)


def document_parsing(reason: str, *, cause: Failure | None = None) -> SearchFailure:
    """400: a document does not fit the mapping."""
    return SearchFailure(400, reason, kind="document_parsing_exception", cause=cause)


def parsing(reason: str, *, cause: Failure | None = None, line: int = 1, column: int = 1) -> SearchFailure:
    """400: a query, a retriever or another part of a body cannot be read."""
    details = {"line": line, "col": column}
    return SearchFailure(400, reason, kind="parsing_exception", cause=cause, details=details)


def version_conflict(index: str, uuid: str, reason: str) -> SearchFailure:
    """409."""
    details = {"index_uuid": uuid, "shard": "0", "index": index}
    return SearchFailure(409, reason, kind="version_conflict_engine_exception", details=details)


def invalid_id(document_id: str, most: int) -> SearchFailure:
    """400: no document can have this id."""
    length = len(document_id.encode("utf-8", "surrogatepass"))
    reason = (
        f"id [{document_id}] is too long, must be no longer than {most} bytes but was: {length}"
        if document_id
        else "if _id is specified it must not be empty"
    )
    kind = "action_request_validation_exception" if document_id else "illegal_argument_exception"
    return SearchFailure(400, f"Validation Failed: 1: {reason};" if document_id else reason, kind=kind)


def document_missing(index: str, uuid: str, document_id: str) -> SearchFailure:
    """404, of an update."""
    details = {"index_uuid": uuid, "shard": "0", "index": index}
    return SearchFailure(
        404, f"[{document_id}]: document missing", kind="document_missing_exception", details=details
    )


def on_shards(
    index: str, uuid: str, failure: Failure, *, kind: str = "search_phase_execution_exception"
) -> SearchFailure:
    """A failure of one index during a search, with the status of its cause, as the whole search reports it."""
    reason = shown(failure)
    failed = {"shard": 0, "index": index, "node": NODE, "reason": {**reason, "index": index}}
    if uuid:
        failed["reason"] = {**reason, "index_uuid": uuid, "index": index}
    return SearchFailure(
        failure.status,
        "all shards failed",
        kind=kind,
        roots=[failure],
        cause=failure,
        details={"phase": "query", "grouped": True, "failed_shards": [failed]},
    )


def not_offered(part: str) -> SearchFailure:
    """501: the part of Elasticsearch that this engine does not have.

    Args:
        part: What was asked for, e.g. ``aggregations`` or ``POST /_sql``.
    """
    return SearchFailure(
        501,
        f"[{part}] is not offered: this is the embedded engine of ragbridge, whose search is for development and tests: "
        "small indexes in memory, with the queries and retrievers in its documentation; use an Elasticsearch cluster",
        kind="unsupported_operation_exception",
    )


NODE = "ragbridge-embedded-engine"
"""The node's name where answers name one."""
