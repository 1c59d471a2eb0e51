"""Reading requests and writing answers as Elasticsearch does: bodies, parameters, headers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from ragbridge.flow import Response
from ragbridge.local.elastic.errors import Failure, bad_argument, unreadable

Query: TypeAlias = Mapping[str, str]
"""Query parameters."""

_MEDIA_TYPE = re.compile(
    r"application/vnd\.elasticsearch\+json\s*;\s*compatible-with\s*=\s*(\d+)", re.IGNORECASE
)
_DURATION = re.compile(r"-1|0|\d+(?:d|h|m|s|ms|micros|nanos)")
_COMMON = frozenset({"pretty", "human", "error_trace", "filter_path"})


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object in a body."""
    if not body.strip():
        raise Failure(400, "request body is required", kind="parse_exception")
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise unreadable("request body is not JSON") from error
    if not isinstance(fields, dict):
        raise unreadable("request body is not a JSON object")
    return fields


def check_parameters(path: str, query: Query, *known: str) -> None:
    """Refuse unknown parameters, as Elasticsearch does."""
    unknown = [name for name in query if name not in _COMMON and name not in known]
    if unknown:
        raise bad_argument(f"request [{path}] contains unrecognized parameter: [{', '.join(unknown)}]")
    if "timeout" in query:
        check_duration(query["timeout"])


def check_duration(value: str) -> None:
    """Check the form of a timeout. It has no effect, since answers come at once."""
    if not _DURATION.fullmatch(value.lower()):
        raise bad_argument(
            f"failed to parse setting [timeout] with value [{value}] as a time value: unit is missing or unrecognized"
        )


def flag(query: Query, name: str) -> bool:
    """A boolean parameter. Without a value it is true."""
    value = query.get(name, "false")
    if value not in {"", "true", "false"}:
        raise bad_argument(f"Failed to parse value [{value}] as only [true] or [false] are allowed.")
    return value != "false"


def content_type(headers: Mapping[str, str]) -> str:
    """The content type of answers: Elasticsearch's own with its major version, if the client asks for it."""
    lower = {name.lower(): value for name, value in headers.items()}
    asked = _MEDIA_TYPE.search(lower.get("accept", "")) or _MEDIA_TYPE.search(lower.get("content-type", ""))
    return f"application/vnd.elasticsearch+json;compatible-with={asked[1]}" if asked else "application/json"


def respond(status: int, body: object, content_type: str, indent: int | None = None) -> Response:
    """An answer with the headers that official clients check."""
    headers = {"content-type": content_type, "x-elastic-product": "Elasticsearch"}
    return Response(status, headers, json.dumps(body, indent=indent, allow_nan=False).encode())
