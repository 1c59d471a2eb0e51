"""Bodies of several lines of JSON: of ``_bulk`` and ``_msearch``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.errors import SearchFailure, document_parsing, invalid_argument, not_offered
from ragbridge.local.search.operations import Action, Operation
from ragbridge.local.search.shapes import a_count, a_name, check_nesting

ACTIONS: tuple[Action, ...] = ("create", "delete", "index", "update")
_PARAMETERS = frozenset(
    {
        *(
            "_index",
            "_id",
            "_type",
            "routing",
            "version",
            "version_type",
            "op_type",
            "if_seq_no",
            "if_primary_term",
        ),
        *(
            "retry_on_conflict",
            "pipeline",
            "require_alias",
            "require_data_stream",
            "dynamic_templates",
            "_source",
        ),
        "list_executed_pipelines",
    }
)
_NAMES = ("_id", "_index", "pipeline", "op_type")
_REFUSED = ("version", "version_type", "dynamic_templates", "_source")
"""Parameters that the engine does not have."""


def split(content: bytes, name: str) -> list[str]:
    """The lines of a body, without the end of the last.

    Raises:
        Failure: 400, there is none, or the last one has no end.
    """
    if not content.strip():
        raise Failure(400, "request body is required", kind="parse_exception")
    if not content.endswith(b"\n"):
        raise invalid_argument(f"The {name} request must be terminated by a newline [\\n]")
    try:
        return content.decode().split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise invalid_argument("request body is not UTF-8") from error


def parsed(line: str) -> Any:
    """The JSON of a line.

    Raises:
        Failure: 400.
    """
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SearchFailure(
            400, f"[1:1] Unexpected character or end-of-input: {error}", kind="x_content_parse_exception"
        ) from None


def operations(content: bytes, index: str, pipeline: str | None, *, alias: bool) -> Iterator[Operation]:
    """The writes of a ``_bulk`` body. One whose document is not JSON is broken; the others are not.

    Args:
        content: The body.
        index: The index of writes that name none; "" for none.
        pipeline: The pipeline of writes that name none.
        alias: ``require_alias`` of writes that do not say.

    Raises:
        Failure: 400, a line that says what to do cannot be read.
    """
    lines = iter(enumerate(split(content, "bulk"), 1))
    for number, line in lines:
        if not line.strip():
            continue
        action, options = _action(number, line)
        operation = Operation(
            action,
            str(options.get("_index") or index),
            None if options.get("_id") is None else str(options["_id"]),
            pipeline=options.get("pipeline", pipeline),
            required=options.get("if_seq_no"),
            alias=bool(options.get("require_alias", alias)),
        )
        _check(operation)
        if action != "delete":
            _, operation.raw = next(lines, (0, ""))
            _read(operation)
        yield operation


def _check(operation: Operation) -> None:
    missing = []
    if not operation.index:
        missing.append("index is missing")
    if operation.id is None and operation.action in {"delete", "update"}:
        missing.append("id is missing")
    if missing:
        numbered = "".join(f"{number}: {problem};" for number, problem in enumerate(missing, 1))
        raise SearchFailure(400, f"Validation Failed: {numbered}", kind="action_request_validation_exception")


def _read(operation: Operation) -> None:
    """The document of a write. One that is not JSON breaks this write; an update's, the whole request."""
    try:
        document = parsed(operation.raw)
        if not isinstance(document, dict):
            raise _not_an_object()
        check_nesting(document, operation.raw)
    except Failure as failure:
        if operation.action == "update":
            raise
        operation.broken = document_parsing("[1:1] failed to parse", cause=failure)
    else:
        operation.body = document


def _not_an_object() -> Failure:
    return invalid_argument(
        "not_x_content_exception: Compressor detection can only be called on some xcontent bytes"
    )


def _action(number: int, line: str) -> tuple[Action, dict[str, Any]]:
    try:
        given: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise invalid_argument(
            f"Malformed action/metadata line [{number}], expected START_OBJECT or END_OBJECT but found something that is not JSON"
        ) from None
    if not isinstance(given, dict):
        found = (
            "START_ARRAY"
            if isinstance(given, list)
            else "VALUE_STRING"
            if isinstance(given, str)
            else "VALUE_NUMBER"
        )
        raise invalid_argument(
            f"Malformed action/metadata line [{number}], expected START_OBJECT but found [{found}]"
        )
    if not given:
        raise invalid_argument(
            f"Malformed action/metadata line [{number}], expected FIELD_NAME but found [END_OBJECT]"
        )
    action, options = next(iter(given.items()))
    if action not in ACTIONS:
        raise invalid_argument(
            f"Malformed action/metadata line [{number}], expected field [create], [delete], [index] or [update] but found "
            f"[{action}]"
        )
    if len(given) > 1:
        raise invalid_argument(
            f"Malformed action/metadata line [{number}], expected END_OBJECT but found [FIELD_NAME]"
        )
    if not isinstance(options, dict):
        raise invalid_argument(
            f"Malformed action/metadata line [{number}], expected START_OBJECT but found [VALUE_STRING]"
        )
    _check_options(number, options)
    if options.get("op_type") == "create" and action == "index":
        action = "create"
    return action, options


def _check_options(number: int, options: dict[str, Any]) -> None:
    for name, value in options.items():
        if name in _NAMES and value is not None:
            a_name(name, value)
        if name in {"if_seq_no", "if_primary_term"}:
            a_count(name, value)
        if name not in _PARAMETERS:
            raise invalid_argument(f"Action/metadata line [{number}] contains an unknown parameter [{name}]")
        if name in _REFUSED:
            raise not_offered(f"parameter {name} of _bulk")
