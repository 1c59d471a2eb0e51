"""An endpoint's settings while they are read, and a model's deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ragbridge.local.elastic.errors import (
    invalid_settings,
)
from ragbridge.rules.reader import Scope


@dataclass(frozen=True, slots=True)
class Draft:
    """An endpoint that is being made or changed.

    Attributes:
        inference_id: Its name.
        task_type: What it is for.
        service: Its service settings, read field by field.
        deployments: What runs, by name.
        learn_width: Gives the width of the embedded model, as a test request would.
    """

    inference_id: str
    task_type: str
    service: Scope
    deployments: Mapping[str, Deployment]
    learn_width: Callable[[], int]

    def check(self) -> None:
        """Refuse the settings if anything was wrong with those that were read.

        Raises:
            Failure: 400.
        """
        if self.service.problems:
            raise invalid_settings(self.service.problems)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model that runs.

    Attributes:
        owner: The endpoint that has started it; None for the trained models API.
        task_type: What it is for.
        settings: ``num_allocations``, ``num_threads``, ``model_id``, ... as an endpoint shows them.
    """

    owner: str | None
    task_type: str
    settings: dict[str, Any]
