"""The routes of indexes, documents and searches, and the functions that answer them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode

from ragbridge.local.elastic.api import Outcome
from ragbridge.local.elastic.errors import NoRoute
from ragbridge.local.search import (
    administration,
    aliases,
    by_query,
    reads,
    search,
    several,
    trained,
    writes,
)
from ragbridge.local.search.asked import Asked
from ragbridge.local.search.errors import not_offered

if TYPE_CHECKING:
    from ragbridge.local.elastic.http import Query

Handler: TypeAlias = Callable[[Asked], Outcome]


def _search(asked: Asked) -> Outcome:
    return Outcome(
        search.search(asked.indices, asked.name("index"), asked.body, asked.query, asked.inference)
    )


def _count(asked: Asked) -> Outcome:
    return Outcome(search.count(asked.indices, asked.name("index"), asked.body, asked.query, asked.inference))


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("PUT", "/{index}", administration.create),
    ("DELETE", "/{index}", administration.delete),
    ("HEAD", "/{index}", administration.exists),
    ("GET", "/{index}", administration.show),
    ("GET", "[/{index}]/_mapping", administration.show_mapping),
    ("PUT POST", "/{index}/_mapping", administration.change_mapping),
    ("GET", "[/{index}]/_settings", administration.show_settings),
    ("PUT", "[/{index}]/_settings", administration.change_settings),
    ("GET POST", "[/{index}]/_refresh", administration.refresh),
    ("GET POST", "[/{index}]/_flush", administration.refresh),
    ("GET", "/_cluster/health", administration.health),
    ("GET", "/_cluster/health/{index}", administration.health),
    ("GET HEAD", "[/{index}]/_alias", aliases.show),
    ("GET HEAD", "[/{index}]/_alias/{name}", aliases.show),
    ("PUT POST", "/{index}/_alias/{name}", aliases.put),
    ("PUT POST", "/{index}/_aliases/{name}", aliases.put),
    ("DELETE", "/{index}/_alias/{name}", aliases.delete),
    ("DELETE", "/{index}/_aliases/{name}", aliases.delete),
    ("POST", "/_aliases", aliases.change),
    ("PUT POST", "[/{index}]/_bulk", writes.bulk),
    ("POST", "/{index}/_doc", writes.index),
    ("PUT POST", "/{index}/_doc/{id}", writes.index),
    ("PUT POST", "/{index}/_create/{id}", writes.create),
    ("POST", "/{index}/_update/{id}", writes.update),
    ("DELETE", "/{index}/_doc/{id}", writes.delete),
    ("GET HEAD", "/{index}/_doc/{id}", reads.get),
    ("GET HEAD", "/{index}/_source/{id}", reads.source),
    ("GET POST", "[/{index}]/_mget", reads.several),
    ("GET POST", "[/{index}]/_search", _search),
    ("GET POST", "[/{index}]/_msearch", several.search_each),
    ("GET POST", "[/{index}]/_count", _count),
    ("POST", "/{index}/_delete_by_query", by_query.delete),
    ("POST", "/{index}/_update_by_query", by_query.update),
    ("POST", "/_reindex", by_query.reindex),
    ("POST", "/_ml/trained_models/{model}/_infer", trained.infer),
    ("GET", "/_ml/trained_models/{model}", trained.show),
)
"""Methods, path and function. ``{index}`` is a name or an expression, in brackets where it may be absent; ``{id}`` is all that is
left, slashes included. What stands before does not matter where a part begins with ``_``."""

_PATTERNS = {"index": r"(?P<index>_all|[^/_][^/]*)", "id": r"(?P<id>.+)"}


def _compiled(path: str) -> re.Pattern[str]:
    optional = path.replace("[", "(?:").replace("]", ")?")
    prefix = r"(?:/[^/_][^/]*)*?" if "/_" in path else ""
    return re.compile(
        prefix
        + re.sub(r"\{(\w+)\}", lambda match: _PATTERNS.get(match[1], rf"(?P<{match[1]}>[^/]+)"), optional),
        re.DOTALL,
    )


_COMPILED = [(_compiled(path), methods.split(), handler) for methods, path, handler in ROUTES]


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
