"""An endpoint while it is being created or changed, and a model's deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ragbridge.ground.records import dataclass


@dataclass(frozen=True, slots=True)
class Draft:
    """An endpoint that is being created or changed.

    Attributes:
        inference_id: Its name.
        task_type: Its task type.
        values: The service settings of the request, checked.
        deployments: The running deployments, by name.
        learn_width: Returns the width of the embedded model, as a test request would.
    """

    inference_id: str
    task_type: str
    values: Mapping[str, Any]
    deployments: Mapping[str, Deployment]
    learn_width: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model that runs.

    Attributes:
        owner: The endpoint that has started it; None for the trained models API.
        task_type: Its task type.
        settings: ``num_allocations``, ``num_threads``, ``model_id``, ... as an endpoint shows them.
    """

    owner: str | None
    task_type: str
    settings: dict[str, Any]
