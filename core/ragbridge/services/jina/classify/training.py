"""Examples that classifiers are trained with: checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ragbridge.client.arguments import listed
from ragbridge.client.items import Item
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.models import MAX_CLASSES, MAX_CLASSIFY_INPUTS, Model
from ragbridge.services.jina.classify.options import read_input
from ragbridge.services.jina.items import to_wire
from ragbridge.values.inputs import Image

Example: TypeAlias = tuple[str | Image, str] | Mapping[str, Any]
"""What a classifier learns from: an input and its label, or the service's own object with ``text`` or ``image``, and ``label``."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One example, read."""

    item: Item
    label: str

    def to_wire(self) -> dict[str, Any]:
        """The example as it stands in a request; a file is read now."""
        item = to_wire(self.item)
        return {**({"text": item} if isinstance(item, str) else item), "label": self.label}


def read_examples(
    examples: Iterable[Example], row: Model | None, *, at_least: int, distinct: int
) -> list[Labelled]:
    """The examples of one request.

    Args:
        examples: Pairs of an input and its label, or the service's own objects.
        row: The model's row of the table, where it is known.
        at_least: Examples that the request must have.
        distinct: Labels among them that must differ.

    Raises:
        ConfigurationError: One of them is no example, or there are too few or too many of them or of their labels.
    """
    given = listed(examples, "examples", of="pairs (input, label)")
    found = [_read(example, f"examples[{index}]", row) for index, example in enumerate(given)]
    if not at_least <= len(found) <= MAX_CLASSIFY_INPUTS:
        advice = (
            "; train with the first of them, and update with the others"
            if len(found) > MAX_CLASSIFY_INPUTS
            else ""
        )
        raise ConfigurationError(
            f"examples has {len(found)} of them: pass {at_least} to {MAX_CLASSIFY_INPUTS} in one call{advice}"
        )
    labels = {example.label for example in found}
    if not distinct <= len(labels) <= MAX_CLASSES:
        raise ConfigurationError(
            f"examples has {len(labels)} different labels: a classifier has {distinct} to {MAX_CLASSES} classes"
        )
    return found


def _read(example: object, where: str, row: Model | None) -> Labelled:
    if isinstance(example, Mapping):
        label: object = example.get("label")
        item: object = {key: value for key, value in example.items() if key != "label"}
    elif isinstance(example, Sequence) and not isinstance(example, (str, bytes)) and len(example) == 2:
        item, label = example
    else:
        raise ConfigurationError(
            f"{where} is {type(example).__name__}: pass (input, label), or an object with 'text' or 'image', and 'label'"
        )
    if not isinstance(label, str) or not label.strip():
        raise ConfigurationError(f"{where} has the label {label!r}: a label is a str that is not empty")
    return Labelled(read_input(item, where, row), label)
