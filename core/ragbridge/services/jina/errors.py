"""What an answer of 400 or more means: Jina's error bodies have many shapes, this reads them all."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from ragbridge.client.retry import retry_after
from ragbridge.client.secret import traces_of, without
from ragbridge.client.wire import SHOWN, kind_of, one_line, refusal_object
from ragbridge.errors import (
    AuthenticationError,
    InvalidRequestError,
    QuotaExhaustedError,
    RateLimitError,
    ServiceError,
    StatusError,
)
from ragbridge.flow import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragbridge.limiter.limits import Reason

_ITEM = re.compile(r"(?:^|[.\]])(?:input|documents|texts|content)[.\[](\d+)")
_DIGITS = 9
"""Digits of an index at most: no list is as long, and Python refuses to read thousands of them."""
_RID = re.compile(r"\[RID: ([0-9A-Fa-f]{8,64})\]")
_TRANSIENT = frozenset({"CONFLICT_RESOURCE_BUSY", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "SERVICE_TIMEOUT"})

_ABOUT_ALL = frozenset({"INPUT_MODEL_NOT_FOUND", "INPUT_INVALID_LABELS", "INPUT_LABEL_LIMIT_EXCEEDED"})


def is_about_items(error: InvalidRequestError) -> bool:
    """Whether ``error`` is about items of the request: not about an unknown model or classifier, or the labels."""
    return error.index is not None or not (error.status == 404 or error.code in _ABOUT_ALL)


def read_error(response: Response, *, secrets: Iterable[str] = ()) -> StatusError:
    """The error that ``response`` stands for.

    Args:
        response: An answer of 400 or more.
        secrets: What must not be shown, whatever form it is repeated in: keys, the password in the address of a page.
    """
    traces = traces_of(secrets)
    hide = functools.partial(without, traces)
    raw = bytes(response.body).decode("utf-8", "replace")
    body, text = refusal_object(raw), hide(raw)
    code, request_id = _code(body, response.status), _request_id(body, response, raw)
    return _kind(_status(response, body), code, raw)(
        hide(_message(body)) or one_line(text) or "the service gave no reason",
        status=response.status,
        code=code and hide(code),
        request_id=request_id and hide(request_id),
        retry_after=retry_after(response.headers),
        index=_index(body),
        body=text[:SHOWN],
    )


def _status(response: Response, body: dict[str, Any]) -> int:
    """What the status means. SageMaker writes 424 for what its model answered, and 400 for too many requests."""
    original = body.get("OriginalStatusCode")
    if response.status == 424 and isinstance(original, int) and 400 <= original < 600:
        return original
    if "ThrottlingException" in response.headers.get("x-amzn-errortype", ""):
        return 429
    return response.status


def _kind(status: int, code: str | None, text: str) -> type[StatusError]:
    """The class of an error: by the service's code where it has one, else by status."""
    code = code or ""
    if code.startswith("RATE_") or status == 429:
        return RateLimitError
    if code in {"AUTHZ_INSUFFICIENT_BALANCE", "AUTHZ_RESOURCE_LIMIT_EXCEEDED"} or status == 402:
        return QuotaExhaustedError
    if status == 403 and re.search(r"\bbalance\b|\bquota\b", text, re.IGNORECASE):
        return QuotaExhaustedError
    if code.startswith("AUTH_") or status in {401, 403}:
        return AuthenticationError
    if code in _TRANSIENT:
        return ServiceError
    return InvalidRequestError if code.startswith("INPUT_") else kind_of(status)


def _places(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Where shapes of different ages keep code, message and id: the top, ``detail``, ``error``."""
    return [body, *(part for name in ("detail", "error") if isinstance(part := body.get(name), dict))]


def _code(body: dict[str, Any], status: int) -> str | None:
    """The service's own code. The reader's hosts repeat the HTTP status as ``code``: theirs is the longer ``status``."""
    for place in _places(body):
        for name in ("code", "status"):
            code = place.get(name)
            if isinstance(code, (str, int)) and not isinstance(code, bool) and code not in ("", status):
                return str(code)
    return None


def _request_id(body: dict[str, Any], response: Response, text: str) -> str | None:
    """In a field, in front of a message (``[RID: ...]``), or in a header."""
    for place in _places(body):
        if isinstance(place.get("request_id"), str):
            return str(place["request_id"])
    found = _RID.search(text)
    return found[1] if found else response.headers.get("x-request-id")


def _message(body: dict[str, Any]) -> str:
    """The most telling sentence: the fields of a validation error, else what the service says."""
    fields = [_field(error) for error in _validation(body)]
    if any(fields):
        return "; ".join(field for field in fields if field)
    for place in reversed(_places(body)):
        for name in ("message", "readableMessage", "OriginalMessage", "Message", "detail", "error", "name"):
            value = place.get(name)
            if isinstance(value, str) and value.strip():
                return value.strip()
    return ""


def _validation(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The errors of a 422, in today's shape (``errors``) or FastAPI's (``detail`` is a list)."""
    found = body.get("errors") if isinstance(body.get("errors"), list) else body.get("detail")
    return [error for error in found if isinstance(error, dict)] if isinstance(found, list) else []


def _field(error: dict[str, Any]) -> str:
    where = _where(error)
    message = str(error.get("message") or error.get("msg") or "")
    return f"{where}: {message}" if where and message else message


def _where(error: dict[str, Any]) -> str:
    place = error.get("loc")
    if isinstance(place, list):
        return ".".join(str(part) for part in place if part != "body")
    return str(error.get("field") or "")


def _index(body: dict[str, Any]) -> int | None:
    """The first item that a validation error names."""
    found = (_ITEM.search(_where(error)) for error in _validation(body))
    return next((int(match[1]) for match in found if match and len(match[1]) <= _DIGITS), None)


def rate_reason(error: RateLimitError) -> Reason | None:
    """Which of its limits a service says was reached."""
    code = error.code or ""
    reasons: dict[str, Reason] = {
        "RATE_REQUEST_LIMIT_EXCEEDED": "requests",
        "RATE_TOKEN_LIMIT_EXCEEDED": "tokens",
        "RATE_CONCURRENCY_LIMIT_EXCEEDED": "concurrency",
        "RATE_IP_LIMIT_EXCEEDED": "address",
    }
    return reasons.get(code)
