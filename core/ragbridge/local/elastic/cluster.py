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


def no_regions() -> Failure:
    """501, for the region policy of the Elastic Inference Service."""
    return Failure(
        501,
        "[_inference/_region_policy] is not offered by the embedded engine: it has no regions",
        kind="unsupported_operation_exception",
    )
