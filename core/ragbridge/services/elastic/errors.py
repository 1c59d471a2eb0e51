"""What an answer of 400 or more means.

Elasticsearch writes ``{"error": {"type", "reason", "root_cause", "caused_by"}, "status"}``, in some places a text for
the object; Elastic Cloud's proxy writes ``{"ok": false, "message"}``; gateways write pages.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ragbridge.client.retry import retry_after
from ragbridge.client.secret import Traces, traces_of, without
from ragbridge.client.wire import SHOWN, kind_of, one_line, refusal_object
from ragbridge.errors import (
    InvalidRequestError,
    QuotaExhaustedError,
    StatusError,
)
from ragbridge.flow import Response
from ragbridge.ground.cbor import is_cbor, read_cbor
from ragbridge.services.elastic.wire import PRODUCT_HEADER

_WRONG_PLACE = frozenset({401, 403, 404, 405})
"""What others than Elasticsearch say to its routes."""
_REASONS = 3
"""Reasons that a message holds at most: chains of causes repeat themselves."""
_DEPTH = 100
"""Causes that are read at most."""

# The status that an upstream service gave, in "Received a server error status code for request from inference entity
# id [x] status [503]". Elasticsearch turns upstream 5xx into 400 (BaseResponseHandler.toRestStatus, its issue 139710).
_UPSTREAM = re.compile(r"\bstatus \[(\d{3})\]")
_LICENCE = re.compile(r"\blicen[cs]e\b", re.IGNORECASE)
_BALANCE = re.compile(r"insufficient.{0,20}balance|AUTHZ_INSUFFICIENT_BALANCE", re.IGNORECASE)
# Keys of upstream services, where something repeats the settings of an endpoint or what the upstream service said.
_FOREIGN_KEYS = re.compile(r'(?<="api_key":")[^"]*(?=")|(?<="api_key": ")[^"]*(?=")|\bjina_[A-Za-z0-9_-]{8,}')

_ABOUT_INPUTS = frozenset({400, 413, 422})
"""Statuses of what may be wrong with the inputs; others are about the endpoint, the licence, the route."""
_ABOUT_ENDPOINT = re.compile(
    r"\btask[_ ]type\b|\bservice\b.*\bsettings?\b|\bunknown to the \[|\bindex name\b"
)
"""Reasons of a 400 that is about the endpoint, its settings or the route all the same."""


def is_about_items(error: InvalidRequestError) -> bool:
    """Whether ``error`` is about inputs, of which Elasticsearch does not name the one."""
    return error.status in _ABOUT_INPUTS and not _ABOUT_ENDPOINT.search(error.message)


def read_error(response: Response, *, secrets: Iterable[str] = ()) -> StatusError:
    """The error that ``response`` stands for.

    Args:
        response: An answer of 400 or more.
        secrets: What must not be shown, whatever form it is repeated in: credentials, the key that an endpoint is made with.
    """
    traces = traces_of(secrets)
    hide = functools.partial(_without, traces)
    raw = _text(response.body)
    body, text = refusal_object(raw), hide(raw)
    reasons = [*_reasons(body)]
    message = _message(reasons) or _plain(text, body) or "the service gave no reason"
    error = body.get("error")
    if response.status in _WRONG_PLACE and PRODUCT_HEADER not in response.headers and not reasons:
        message += (
            " (not in Elasticsearch's form: check url=, Kibana and the pages of a login have other addresses)"
        )
    code = error.get("type") if isinstance(error, dict) else None
    request_id = response.headers.get("x-opaque-id") or response.headers.get("x-request-id")
    return _kind(response.status, reasons or [message])(
        hide(message),
        status=response.status,
        code=hide(code) if isinstance(code, str) else None,
        request_id=request_id and hide(request_id),
        retry_after=retry_after(response.headers),
        body=text[:SHOWN],
    )


def _text(body: bytes | bytearray) -> str:
    """A refusal's body as JSON or whatever else it is; empty where it is CBOR that cannot be read.

    Of such a body nothing is shown: it may hold a key in pieces, in which nobody finds it.
    """
    if not is_cbor(body):
        return bytes(body).decode("utf-8", "replace")
    try:
        return json.dumps(read_cbor(body), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return ""


def _kind(status: int, reasons: Sequence[str]) -> type[StatusError]:
    # Where several upstream services failed, all of them must be fine before another attempt can be.
    upstream = [int(found[1]) for found in map(_UPSTREAM.search, reasons) if found]
    if status == 400 and upstream and min(upstream) >= 429:
        status = max(upstream)
    text = " ".join(reasons)
    if status in {400, 403} and _BALANCE.search(text):
        return QuotaExhaustedError
    if status == 501 or (status == 403 and _LICENCE.search(text)):  # not available here, now or later
        return InvalidRequestError
    return kind_of(status)


def _reasons(body: dict[str, Any]) -> Iterator[str]:
    """What went wrong, from the outermost to the innermost: the last says most.

    Retrievers of several stages keep the failures of their inner ones under ``suppressed`` alone
    (``CompoundRetrieverBuilder``; elastic/elasticsearch#119617 shows the body).
    """
    error = body.get("error")
    if not isinstance(error, dict):
        return
    shards = _objects(error.get("failed_shards"))
    waiting = [
        *reversed([error, *_objects(error.get("root_cause")), *(shard.get("reason") for shard in shards)])
    ]
    for _ in range(_DEPTH):
        if not waiting:
            return
        cause = waiting.pop()
        if not isinstance(cause, dict):
            continue
        if isinstance(cause.get("reason"), str) and cause["reason"]:
            yield cause["reason"]
        waiting += reversed([cause.get("caused_by"), *_objects(cause.get("suppressed"))])


def _objects(value: object) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _message(reasons: list[str]) -> str:
    """The outermost reason and the innermost ones, each once."""
    kept: list[str] = []
    for reason in [*reasons[:1], *reversed(reasons[1:])]:
        if len(kept) < _REASONS and not any(reason in other for other in kept):
            kept = [other for other in kept if other not in reason] + [reason]
    return ": ".join(kept)


def _plain(text: str, body: dict[str, Any]) -> str:
    """What a body says that is written otherwise: a text in ``error`` or ``message``, or a page, as one short line."""
    for name in ("message", "error"):
        if isinstance(body.get(name), str) and body[name]:
            return str(body[name])
    return "" if body else one_line(text)


def _without(traces: Traces, text: str) -> str:
    return _FOREIGN_KEYS.sub("[key]", without(traces, text))
