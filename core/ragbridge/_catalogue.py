"""What a service says of its models: a frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as the service lists it. ``ragbridge.models`` has what requests are checked against.

    Attributes:
        id: The model's name as requests have it, without ``jina-ai/``.
        name: Its name for people.
        context: Tokens that one input may have; None where the service did not say.
        input_modalities: What it reads.
        output_modalities: What it gives.
        prices: US dollars for one token (``prompt``, ``completion``) or request, by the service's names.
        raw: All that the service said.
    """

    id: str
    name: str = ""
    context: int | None = None
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
