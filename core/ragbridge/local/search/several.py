"""``_msearch``: several searches in one request."""

from __future__ import annotations

import time
from typing import Any

from ragbridge.local.elastic.api import Outcome
from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.asked import EXPANSION, Asked
from ragbridge.local.search.errors import SearchFailure, invalid_argument
from ragbridge.local.search.lines import parsed, split
from ragbridge.local.search.search import search

_HEADER = frozenset(
    {
        *EXPANSION,
        "index",
        "preference",
        "request_cache",
        "routing",
        "search_type",
        "allow_partial_search_results",
    }
)


def search_each(asked: Asked) -> Outcome:
    """``POST /_msearch`` and ``POST /{index}/_msearch``."""
    asked.check(
        *(*EXPANSION, "max_concurrent_searches", "max_concurrent_shard_requests", "pre_filter_shard_size"),
        *("rest_total_hits_as_int", "routing", "search_type", "ccs_minimize_roundtrips"),
    )
    started = time.monotonic()
    lines = split(asked.content, "msearch")
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) % 2:
        raise invalid_argument("every search of _msearch has two lines: its header and its body")
    if not lines:
        raise SearchFailure(
            400, "Validation Failed: 1: no requests added;", kind="action_request_validation_exception"
        )
    answers = [
        _search(asked, _header(header), parsed(body))
        for header, body in zip(lines[::2], lines[1::2], strict=True)
    ]
    return Outcome({"took": int((time.monotonic() - started) * 1000), "responses": answers})


def _header(line: str) -> dict[str, Any]:
    header = parsed(line) if line.strip() else {}
    if not isinstance(header, dict):
        raise invalid_argument("the header of a search must be an object")
    for name in header:
        if name not in _HEADER:
            raise invalid_argument(f"key [{name}] is not supported in the metadata section")
    return header


def _search(asked: Asked, header: dict[str, Any], body: Any) -> dict[str, Any]:
    names = header.pop("index", asked.name("index"))
    expression = ",".join(map(str, names)) if isinstance(names, list) else str(names or "")
    options = {
        **asked.query,
        **{
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in header.items()
        },
    }
    try:
        if not isinstance(body, dict):
            raise invalid_argument("the body of a search must be an object")
        return {**search(asked.indices, expression, body, options, asked.inference), "status": 200}
    except Failure as failure:
        return dict(failure.body)
