"""Ingest pipelines, as far as endpoints have to do with them: who is referred to cannot just be deleted.

They are kept and shown, and never run: this engine has no documents.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.errors import Failure, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pipelines:
    """Definitions by their ids. Safe for threads."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def put(self, name: str, definition: dict[str, Any]) -> dict[str, Any]:
        """Keep a pipeline, in the place of one of the same id.

        Raises:
            Failure: 400, it has no list of processors.
        """
        if not isinstance(definition.get("processors"), list):
            raise unreadable("[processors] required property is missing or is no list")
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

    def delete(self, name: str) -> dict[str, Any]:
        """Forget a pipeline.

        Raises:
            Failure: 404.
        """
        with self._lock:
            if self._kept.pop(name, None) is None:
                raise Failure(404, f"pipeline [{name}] is missing")
        return {"acknowledged": True}

    def referring(self, inference_id: str) -> list[str]:
        """The pipelines with an ``inference`` processor that asks this endpoint, however deep it lies."""
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
