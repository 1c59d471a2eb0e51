"""Inference endpoints, and the registry that keeps them in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import Failure

ANY = ("_all", "*")
"""Names that stand for every endpoint."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One inference endpoint as Elasticsearch shows it. It never holds a key.

    Attributes:
        inference_id: Its name.
        task_type: One of ``TASK_TYPES``.
        service: The service that runs the model: ``jinaai``, ``elasticsearch``, ``elastic``.
        service_settings: Checked, with defaults filled in.
        task_settings: Checked; empty if there are none.
        chunking_settings: As ``check_settings`` gives them; None for tasks that do not chunk.
    """

    inference_id: str
    task_type: str
    service: str
    service_settings: Mapping[str, Any]
    task_settings: Mapping[str, Any] = field(default_factory=dict)
    chunking_settings: Mapping[str, Any] | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object in answers, without absent parts."""
        shown = {
            "inference_id": self.inference_id,
            "task_type": self.task_type,
            "service": self.service,
            "service_settings": dict(self.service_settings),
        }
        if self.task_settings:
            shown["task_settings"] = dict(self.task_settings)
        if self.chunking_settings is not None:
            shown["chunking_settings"] = dict(self.chunking_settings)
        return shown


class Registry:
    """Endpoints by their ids. Safe for threads.

    Args:
        preconfigured: Endpoints that exist from the start; their ids are reserved.
    """

    def __init__(self, preconfigured: Iterable[Endpoint]) -> None:
        self._endpoints = {endpoint.inference_id: endpoint for endpoint in preconfigured}
        self._lock = threading.Lock()
        self.reserved = frozenset(self._endpoints)

    def find(self, inference_id: str) -> Endpoint:
        """One endpoint.

        Raises:
            Failure: 404.
        """
        endpoint = self._endpoints.get(inference_id)
        if endpoint is None:
            raise Failure(404, f"Inference endpoint not found [{inference_id}]")
        return endpoint

    def list(self, task_type: str | None = None) -> list[Endpoint]:
        """All endpoints, or those of a task type, sorted by id."""
        with self._lock:
            endpoints = sorted(self._endpoints.values(), key=lambda endpoint: endpoint.inference_id)
        return [endpoint for endpoint in endpoints if task_type in {None, endpoint.task_type}]

    def add(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint.

        Raises:
            Failure: 400, the id is taken.
        """
        with self._lock:
            if endpoint.inference_id in self._endpoints:
                raise already_exists(endpoint.inference_id)
            self._endpoints[endpoint.inference_id] = endpoint

    def replace(self, old: Endpoint, new: Endpoint) -> None:
        """Replace ``old`` by ``new``.

        Raises:
            Failure: 409, it was changed or deleted meanwhile.
        """
        with self._lock:
            if self._endpoints.get(old.inference_id) is not old:
                raise Failure(409, f"Endpoint [{old.inference_id}] is currently being updated")
            self._endpoints[old.inference_id] = new

    def remove(self, inference_id: str) -> None:
        """Remove an endpoint, if it exists."""
        with self._lock:
            self._endpoints.pop(inference_id, None)


def already_exists(inference_id: str) -> Failure:
    """400, the id is taken."""
    return Failure(
        400,
        f"Inference endpoint [{inference_id}] already exists",
        kind="resource_already_exists_exception",
    )
