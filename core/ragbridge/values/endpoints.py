"""Results of calls about inference endpoints: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeVar

from ragbridge.ground.records import dataclass
from ragbridge.rules.endpoints import BATCH_CAPS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An inference endpoint, as Elasticsearch shows it: with defaults, without keys.

    Attributes:
        inference_id: Its id.
        task_type: What it does: ``text_embedding``, ``sparse_embedding``, ``rerank``, ...
        service: The service that runs its model: ``jinaai``, ``elasticsearch``, ``elastic``, ...
        service_settings: Model, dimensions, similarity, allocations, ...
        task_settings: Defaults of its requests.
        chunking_settings: How ``semantic_text`` cuts its inputs.
    """

    inference_id: str
    task_type: str
    service: str
    service_settings: Mapping[str, Any] = field(default_factory=dict)
    task_settings: Mapping[str, Any] = field(default_factory=dict)
    chunking_settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> str | None:
        """The model's id; None where Elasticsearch does not tell it."""
        return _kind(self.service_settings.get("model_id"), str)

    @property
    def dimensions(self) -> int | None:
        """Width of its vectors; None where it makes none, or Elasticsearch does not tell it."""
        return _kind(self.service_settings.get("dimensions"), int)

    @property
    def similarity(self) -> str | None:
        """How its vectors are compared; None where Elasticsearch does not tell it."""
        return _kind(self.service_settings.get("similarity"), str)

    @property
    def batch_cap(self) -> int | None:
        """Inputs in one request at most, as the service's own figure or the endpoint's; None where none is known."""
        own = _kind(self.service_settings.get("max_batch_size"), int)
        return own if own is not None and own > 0 else BATCH_CAPS.get(self.service)


@dataclass(frozen=True, slots=True)
class InferenceService:
    """A service that endpoints can be of, as Elasticsearch describes it.

    Attributes:
        service: Its name in requests: ``jinaai``, ``openai``, ...
        name: Its name for people.
        task_types: What its endpoints can do.
        configurations: Its settings by their names, each with ``required``, ``sensitive``, ``type``,
            ``supported_task_types``, ...
    """

    service: str
    name: str
    task_types: tuple[str, ...]
    configurations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Deletion:
    """Outcome of deleting an endpoint, or of a dry run.

    Attributes:
        acknowledged: Whether it was deleted; False after a dry run.
        pipelines: Ingest pipelines that refer to it.
        indexes: Indexes with a ``semantic_text`` field that refers to it; empty where the server is too old to say.
        message: After a dry run: why the endpoint would not be deleted, or None.
    """

    acknowledged: bool
    pipelines: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    message: str | None = None


def _kind(value: object, kind: type[T]) -> T | None:
    return value if type(value) is kind else None
