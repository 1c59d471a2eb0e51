"""Routes of indexes: create, delete, show, mappings, settings, refresh, health."""

from __future__ import annotations

from typing import Any

from ragbridge.local.elastic.api import Outcome
from ragbridge.local.search.asked import EXPANSION, TIMES, Asked
from ragbridge.local.search.declared import merge
from ragbridge.local.search.errors import SearchFailure, invalid_argument, parsing
from ragbridge.local.search.index_settings import read_settings, settings_body
from ragbridge.local.search.indices import Index
from ragbridge.local.search.shapes import an_object

ACKNOWLEDGED = {"acknowledged": True}


def create(asked: Asked) -> Outcome:
    """``PUT /{index}``."""
    asked.check(*TIMES, "wait_for_active_shards")
    name, body = asked.name("index"), asked.body
    for key in body:
        if key not in {"settings", "mappings", "aliases"}:
            raise parsing(f"unknown key [{key}] for create index")
    settings = read_settings(body.get("settings") or {})
    with asked.indices.lock:
        index = asked.indices.create(name)
        try:
            index.settings = settings
            index.mapping.similarities = frozenset(settings.get("similarity", {}))
            merge(index.mapping, body.get("mappings") or {})
            for alias, options in an_object("aliases", body.get("aliases") or {}).items():
                asked.indices.alias(index, alias, an_object("aliases", options or {}))
        except BaseException:
            asked.indices.delete(index)
            raise
    return Outcome({"acknowledged": True, "shards_acknowledged": True, "index": name})


def delete(asked: Asked) -> Outcome:
    """``DELETE /{index}``."""
    asked.check(*EXPANSION, *TIMES)
    with asked.indices.lock:
        for part in asked.name("index").split(","):
            if part == "_all" or "*" in part:  # action.destructive_requires_name, true by default since 8.0
                raise invalid_argument("Wildcard expressions or all indices are not allowed")
            if asked.indices.with_alias(part):
                raise invalid_argument(
                    f"The provided expression [{part}] matches an alias, specify the corresponding concrete indices instead."
                )
        for index in asked.resolved(aliases=False):
            asked.indices.delete(index)
    return Outcome(dict(ACKNOWLEDGED))


def exists(asked: Asked) -> Outcome:
    """``HEAD /{index}``."""
    asked.check(*EXPANSION, *TIMES, "flat_settings", "include_defaults", "local")
    asked.resolved(allow_no_indices=False)
    return Outcome({})


def show(asked: Asked) -> Outcome:
    """``GET /{index}``."""
    asked.check(*EXPANSION, *TIMES, "flat_settings", "include_defaults", "local", "features")
    with asked.indices.lock:
        return Outcome(
            {
                index.name: {
                    "aliases": index.aliases,
                    "mappings": index.mapping.body,
                    "settings": settings_body(index),
                }
                for index in asked.resolved()
            }
        )


def show_mapping(asked: Asked) -> Outcome:
    """``GET /{index}/_mapping``."""
    asked.check(*EXPANSION, *TIMES, "local")
    with asked.indices.lock:
        return Outcome({index.name: {"mappings": index.mapping.body} for index in asked.resolved()})


def change_mapping(asked: Asked) -> Outcome:
    """``PUT /{index}/_mapping``."""
    asked.check(*EXPANSION, *TIMES, "write_index_only")
    if not asked.content.strip():
        raise SearchFailure(
            400,
            "Validation Failed: 1: mapping source is missing;",
            kind="action_request_validation_exception",
        )
    with asked.indices.lock:
        for index in asked.resolved(allow_no_indices=False):
            merge(index.mapping, asked.body)
            index.changed()
    return Outcome(dict(ACKNOWLEDGED))


def show_settings(asked: Asked) -> Outcome:
    """``GET /{index}/_settings``."""
    asked.check(*EXPANSION, *TIMES, "flat_settings", "include_defaults", "local")
    with asked.indices.lock:
        return Outcome({index.name: {"settings": settings_body(index)} for index in asked.resolved()})


def change_settings(asked: Asked) -> Outcome:
    """``PUT /{index}/_settings``."""
    asked.check(*EXPANSION, *TIMES, "flat_settings", "preserve_existing", "reopen")
    body = asked.body
    given = read_settings(body.get("settings", body))
    with asked.indices.lock:
        for index in asked.resolved(allow_no_indices=False):
            fixed = [name for name in ("number_of_shards", "analysis", "mapping") if name in given]
            if fixed:
                raise invalid_argument(
                    f"Can't update non dynamic settings [[index.{fixed[0]}]] for open indices [[{index.name}/{index.uuid}]]"
                )
            index.settings = {**index.settings, **given}
            index.changed()
    return Outcome(dict(ACKNOWLEDGED))


def refresh(asked: Asked) -> Outcome:
    """``POST /{index}/_refresh`` and ``_flush``. There is nothing to do: a write is found at once."""
    asked.check(*EXPANSION, "force", "wait_if_ongoing")
    count = len(asked.resolved())
    return Outcome({"_shards": {"total": 2 * count, "successful": count, "failed": 0}})


def health(asked: Asked) -> Outcome:
    """``GET /_cluster/health``: yellow with indexes, whose replicas have no node."""
    asked.check(
        *(
            *EXPANSION,
            *TIMES,
            "level",
            "local",
            "wait_for_status",
            "wait_for_nodes",
            "wait_for_active_shards",
        ),
        *("wait_for_events", "wait_for_no_relocating_shards", "wait_for_no_initializing_shards"),
    )
    indexes: list[Index] = asked.resolved()
    shards = len(indexes)
    body: dict[str, Any] = {
        "cluster_name": "ragbridge",
        "status": "yellow" if shards else "green",
        "timed_out": False,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": shards,
        "active_shards": shards,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": shards,
        "unassigned_primary_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 50.0 if shards else 100.0,
    }
    return Outcome(body)
