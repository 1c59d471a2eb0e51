"""Settings of an index: in any of the forms that Elasticsearch takes, and as it shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from ragbridge.local.search.errors import SearchFailure, invalid_argument, not_offered

if TYPE_CHECKING:
    from ragbridge.local.search.indices import Index

CREATED: Final = "9050099"
"""``index.version.created`` as it is shown."""
_KNOWN: Final = frozenset(
    {
        *(
            "analysis",
            "analyze",
            "auto_expand_replicas",
            "blocks",
            "codec",
            "creation_date",
            "default_pipeline",
            "dense_vector",
        ),
        *(
            "final_pipeline",
            "gc_deletes",
            "hidden",
            "highlight",
            "indexing",
            "knn",
            "lifecycle",
            "mapper",
            "mapping",
        ),
        *("max_docvalue_fields_search", "max_inner_result_window", "max_ngram_diff", "max_refresh_listeners"),
        *(
            "max_regex_length",
            "max_rescore_window",
            "max_result_window",
            "max_script_fields",
            "max_shingle_diff",
        ),
        *(
            "max_terms_count",
            "merge",
            "mode",
            "number_of_replicas",
            "number_of_routing_shards",
            "number_of_shards",
        ),
        *(
            "priority",
            "provided_name",
            "queries",
            "query",
            "refresh_interval",
            "routing",
            "search",
            "shard",
            "similarity",
        ),
        *("soft_deletes", "sort", "store", "translog", "unassigned", "uuid", "version", "write"),
    }
)
"""First parts of the settings' names. Most have no effect on one shard in memory."""


def read_settings(given: Any) -> dict[str, Any]:
    """Settings nested and without ``index``, from names with dots, nested objects, or both.

    Raises:
        Failure: 400, Elasticsearch has no such setting.
    """
    if not isinstance(given, dict):
        raise invalid_argument("settings must be an object")
    settings: dict[str, Any] = {}
    for path, value in _leaves(given, ""):
        name = path.removeprefix("index.")
        first = name.partition(".")[0]
        if first not in _KNOWN:
            raise SearchFailure(
                400,
                f"unknown setting [index.{name}] please check that any required plugins are installed, or check the breaking "
                "changes documentation for removed settings",
                kind="illegal_argument_exception",
            )
        _check(name, value)
        place = settings
        *parents, last = name.split(".")
        for parent in parents:
            inner = place.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise invalid_argument(f"setting [index.{name}] does not fit into [index.{parent}]")
            place = inner
        place[last] = value
    return settings


def _check(name: str, value: Any) -> None:
    if name.startswith(("similarity.default.", "sort.", "analysis.analyzer.default.")):
        raise not_offered(f"setting index.{name}")
    if name.startswith("similarity."):
        _check_similarity(name, value)
        return
    if name not in {"number_of_shards", "number_of_replicas"}:
        return
    least = 1 if name == "number_of_shards" else 0
    if not str(value).lstrip("-").isdecimal():
        raise invalid_argument(f"Failed to parse value [{value}] for setting [index.{name}]")
    if int(value) < least:
        raise invalid_argument(
            f"Failed to parse value [{value}] for setting [index.{name}] must be >= {least}"
        )


def _check_similarity(name: str, value: Any) -> None:
    """``similarity.NAME``: of the type BM25, with ``k1`` and ``b``."""
    part = name.split(".", 2)[-1]
    if part == "type":
        if value != "BM25":
            raise not_offered(f"similarity of type {value}")
    elif part not in {"k1", "b"}:
        raise not_offered(f"setting index.{name}")
    elif (
        isinstance(value, bool)
        or not isinstance(value, int | float | str)
        or not _POSITIVE.fullmatch(str(value))
    ):
        raise invalid_argument(f"illegal {part} value: {value}, must be a non-negative finite value")
    elif part == "b" and float(value) > 1:
        raise invalid_argument(f"illegal b value: {value}, must be between 0 and 1")


_POSITIVE = re.compile(r"\d+(\.\d+)?")


def _leaves(given: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        path = f"{above}{name}"
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value


def settings_body(index: Index) -> dict[str, Any]:
    """The settings as Elasticsearch shows them: texts all, below ``index``."""
    shown = {
        "number_of_shards": "1",
        "number_of_replicas": "1",
        **_texts(index.settings),
        "provided_name": index.name,
        "creation_date": str(index.created),
        "uuid": index.uuid,
        "version": {"created": CREATED},
    }
    return {"index": shown}


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _texts(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_texts(inner) for inner in value]
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
