"""What the engine answers in a cluster's place: its name and version, and refusals of what only a cluster can do."""

from __future__ import annotations

from ragbridge.local.elastic.errors import Failure

VERSION = "9.5.0"
"""The version of Elasticsearch whose inference API the engine follows."""

INFO = {
    "name": "ragbridge-embedded-engine",
    "cluster_name": "ragbridge",
    "cluster_uuid": "ragbridge-embedded-engine",
    "version": {
        "number": VERSION,
        "build_flavor": "default",
        "build_type": "ragbridge",
        "build_hash": "0" * 40,
        "build_date": "2026-08-20T00:00:00.000Z",
        "build_snapshot": False,
        "lucene_version": "10.0.0",
        "minimum_wire_compatibility_version": "8.19.0",
        "minimum_index_compatibility_version": "8.0.0",
    },
    "tagline": "You Know, for Search",
}
"""The answer to the official clients' ``info()``. The name shows that this is not a cluster."""


def no_search_engine(request: str) -> Failure:
    """501, for routes of indices, documents, searches and everything else but inference."""
    return Failure(
        501,
        f"[{request}] is not offered: this is the embedded engine of ragbridge, which answers _inference and is no search "
        "engine. It keeps no indices and no documents and runs no searches; use an Elasticsearch cluster for them",
        kind="unsupported_operation_exception",
    )


def no_index(name: str) -> Failure:
    """404: there is no such index, since there is none at all."""
    return Failure(404, f"no such index [{name}]", kind="index_not_found_exception")


def not_offered(path: str, reason: str) -> Failure:
    """501, for a route of the inference API that only a cluster can answer."""
    return Failure(
        501,
        f"[{path}] is not offered by the embedded engine: {reason}",
        kind="unsupported_operation_exception",
    )
