"""Ingest pipelines, which keep the endpoints that they refer to from being deleted.

``ragbridge.local.search.ingest`` runs them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.errors import Failure, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pipelines:
    """Pipeline definitions by id. Safe for threads."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def put(self, name: str, definition: dict[str, Any]) -> dict[str, Any]:
        """Store a pipeline, replacing one of the same id.

        Raises:
            Failure: 400, it has no list of processors.
        """
        if not isinstance(definition.get("processors"), list):
            raise unreadable("[processors] required property is missing or is not a list")
        with self._lock:
            self._kept[name] = definition
        return {"acknowledged": True}

    def get(self, name: str | None) -> dict[str, Any]:
        """One pipeline, or all.

        Raises:
            Failure: 404.
        """
        with self._lock:
            if name is None:
                return dict(self._kept)
            if name not in self._kept:
                raise Failure(404, f"pipeline [{name}] is missing")
            return {name: self._kept[name]}

    def find(self, name: str) -> dict[str, Any] | None:
        """One pipeline's definition; None where there is none."""
        return self._kept.get(name)

    def delete(self, name: str) -> dict[str, Any]:
        """Remove a pipeline.

        Raises:
            Failure: 404.
        """
        with self._lock:
            if self._kept.pop(name, None) is None:
                raise Failure(404, f"pipeline [{name}] is missing")
        return {"acknowledged": True}

    def referring(self, inference_id: str) -> list[str]:
        """The pipelines that have, at any depth, an ``inference`` processor with this endpoint."""
        with self._lock:
            return sorted(
                name for name, definition in self._kept.items() if inference_id in _models(definition)
            )


def _models(part: object) -> Iterator[object]:
    if isinstance(part, list):
        for item in part:
            yield from _models(item)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name == "inference" and isinstance(value, dict):
                yield value.get("model_id")
            yield from _models(value)
