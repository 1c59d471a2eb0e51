"""Reading requests and writing answers as Elasticsearch does: bodies, parameters, headers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from ragbridge.flow import Response
from ragbridge.ground.cbor import installed, is_cbor, read_cbor
from ragbridge.local.elastic.errors import Failure, bad_argument, unreadable

Query: TypeAlias = Mapping[str, str]
"""Query parameters."""

_MEDIA_TYPE = re.compile(
    r"application/(?:vnd\.elasticsearch\+(?P<of>json|cbor)\s*;\s*compatible-with\s*=\s*(?P<major>\d+)|(?P<plain>json|cbor)\b)",
    re.IGNORECASE,
)
_DURATION = re.compile(r"-1|0|\d+(?:d|h|m|s|ms|micros|nanos)")
_COMMON = frozenset({"pretty", "human", "error_trace", "filter_path", "format"})


def read_body(body: bytes) -> dict[str, Any]:
    """The object in a body: JSON, or CBOR."""
    if not body.strip():
        raise Failure(400, "request body is required", kind="parse_exception")
    try:
        fields = read_cbor(body) if is_cbor(body) else json.loads(body)
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


def content_type(headers: Mapping[str, str], query: Query | None = None) -> str:
    """The content type of answers: what ``format`` asks for, else ``Accept``, else that of the request's body.

    Of Elasticsearch's four forms the engine has JSON and CBOR, each also as Elasticsearch's own type with its major version
    (``AbstractRestChannel.newBuilder``). CBOR needs ``cbor2``; where that is missing, answers are JSON.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    asked = _MEDIA_TYPE.search(lower.get("accept", "")) or _MEDIA_TYPE.search(lower.get("content-type", ""))
    form = (query or {}).get("format", "").lower()
    if form not in {"json", "cbor"}:
        form = (asked["of"] or asked["plain"]).lower() if asked else "json"
    if form == "cbor" and not installed():
        form = "json"
    if asked and asked["major"]:
        return f"application/vnd.elasticsearch+{form};compatible-with={asked['major']}"
    return f"application/{form}"


def respond(status: int, body: object, content_type: str, indent: int | None = None) -> Response:
    """An answer with the headers that official clients check."""
    headers = {"content-type": content_type, "x-elastic-product": "Elasticsearch"}
    if "cbor" in content_type:
        from ragbridge.local.elastic.packed import as_cbor

        return Response(status, headers, as_cbor(body))
    return Response(status, headers, json.dumps(body, indent=indent, allow_nan=False).encode())
