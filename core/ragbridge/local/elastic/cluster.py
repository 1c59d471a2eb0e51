"""What the engine answers in a cluster's place: its name and version, and a refusal of what only a cluster can do."""

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


def not_offered(path: str, reason: str) -> Failure:
    """501, for a route of the inference API that only a cluster can answer."""
    return Failure(
        501,
        f"[{path}] is not offered by the embedded engine: {reason}",
        kind="unsupported_operation_exception",
    )
