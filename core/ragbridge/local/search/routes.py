"""The routes of indexes, documents and searches, and the functions that answer them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

from ragbridge.local.elastic.api import Outcome
from ragbridge.local.elastic.errors import NoRoute, unreadable
from ragbridge.local.elastic.http import read_body
from ragbridge.local.search import search
from ragbridge.local.search.errors import not_offered

if TYPE_CHECKING:
    from ragbridge.local.elastic.http import Query
    from ragbridge.local.elastic.pipelines import Pipelines
    from ragbridge.local.search.indices import Indices
    from ragbridge.local.search.inference import Inference


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a route.

    Attributes:
        method: The method, in capitals.
        path: The path, decoded.
        names: What the path names: ``index``, ``id``, ``name``.
        query: The query parameters.
        content: The body as it came.
        indices: The indexes.
        inference: The endpoints, for this request.
        pipelines: The ingest pipelines.
    """

    method: str
    path: str
    names: Mapping[str, str]
    query: Query
    content: bytes
    indices: Indices
    inference: Inference
    pipelines: Pipelines

    @property
    def body(self) -> dict[str, Any]:
        """The body's object; empty where there is no body."""
        return read_body(self.content) if self.content.strip() else {}

    def name(self, name: str) -> str:
        """What the path names so; "" where it names none."""
        return self.names.get(name, "")


Handler: TypeAlias = Callable[[Asked], Outcome]


def _search(asked: Asked) -> Outcome:
    return Outcome(
        search.search(asked.indices, asked.name("index"), asked.body, asked.query, asked.inference)
    )


def _count(asked: Asked) -> Outcome:
    return Outcome(search.count(asked.indices, asked.name("index"), asked.body, asked.query, asked.inference))


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET POST", "/_search", _search),
    ("GET POST", "/{index}/_search", _search),
    ("GET POST", "/_count", _count),
    ("GET POST", "/{index}/_count", _count),
)
"""Methods, path and function. ``{index}`` is one name or an expression, ``{id}`` all that is left, slashes included."""

_PATTERNS = {"index": r"(?P<index>_all|[^/_][^/]*)", "id": r"(?P<id>.+)", "name": r"(?P<name>[^/]+)"}
_COMPILED = [
    (re.compile(re.sub(r"\{(\w+)\}", lambda match: _PATTERNS[match[1]], path)), methods.split(), handler)
    for methods, path, handler in ROUTES
]


def find(method: str, path: str, query: Query) -> tuple[Handler, dict[str, str]]:
    """The function that answers a request, and what its path names.

    Raises:
        Failure: 405, the path has no such method; 501, the engine has no such path.
    """
    allowed: list[str] = []
    for pattern, methods, handler in _COMPILED:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        if method in methods:
            return handler, {name: value for name, value in match.groupdict().items() if value}
        allowed += methods
    if allowed:
        raise NoRoute(method, f"{path}?{urlencode(query)}" if query else path, sorted(set(allowed)))
    raise not_offered(f"{method} {path}")


__all__ = ["ROUTES", "Asked", "Handler", "find", "json", "unreadable"]
