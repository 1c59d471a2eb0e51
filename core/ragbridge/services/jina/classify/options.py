"""What inputs are sorted into: labels, groups of labels, or a classifier's classes; checked before anything is sent."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ragbridge import models
from ragbridge.client.arguments import listed
from ragbridge.client.items import Item
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, MAX_GROUP_LABELS, MAX_GROUPS, MAX_LABELS, Model
from ragbridge.services.jina.items import Items, check_modality, read_item, read_items
from ragbridge.values.inputs import Image
from ragbridge.values.media import tokens_of

Labels: TypeAlias = Sequence[str] | Mapping[str, Sequence[str]]
"""What texts and images are told apart by: labels, or groups of labels by their names."""

Input: TypeAlias = str | Image | Mapping[str, Any]
"""What is classified: a text, an image, or the service's own object with ``text`` or ``image``."""


@dataclass(frozen=True, slots=True)
class Target:
    """Checked options of a job: a model and labels, or a classifier.

    Attributes:
        model: The model's name; None with a classifier.
        row: Its row of the table, where there is one.
        groups: The labels of each group; of the group None where there are no groups; empty with a classifier.
        classifier: The classifier's id; None with labels.
    """

    model: str | None
    row: Model | None
    groups: Mapping[str | None, tuple[str, ...]]
    classifier: str | None

    @property
    def labels(self) -> list[str]:
        """Every label, which the service reads, and bills, with each request."""
        return [label for labels in self.groups.values() for label in labels]

    def payload(self, inputs: Sequence[object]) -> dict[str, Any]:
        """The request's body."""
        if self.classifier is not None:
            return {"classifier_id": self.classifier, "input": inputs}
        labels = self.groups.get(None, self.groups)
        return {"model": self.model, "labels": labels, "input": inputs}


def check_target(*, labels: Labels | None, classifier: str | None, model: str | None) -> Target:
    """What to sort into.

    Raises:
        ConfigurationError: Not exactly one of labels and classifier, labels that the service does not take, or a model
            that does not classify.
    """
    if (labels is None) == (classifier is None):
        raise ConfigurationError(
            "pass exactly one of labels= (zero-shot) and classifier= (the id of a trained one)"
        )
    if classifier is not None:
        if model is not None:
            raise ConfigurationError(
                f"model={model!r} beside classifier=: a classifier has the model it was trained with"
            )
        return Target(None, None, {}, check_id(classifier, "classifier"))
    name = DEFAULT_EMBEDDING_MODEL if model is None else model
    return Target(name, models.find(name, "classify"), _groups(labels), None)


def check_id(value: object, name: str) -> str:
    """A classifier's id.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(value, str) or not value.strip(". "):
        raise ConfigurationError(
            f"{name}={value!r} must be a classifier's id, such as classifiers.train() returns"
        )
    return value


def _groups(labels: object) -> dict[str | None, tuple[str, ...]]:
    if not isinstance(labels, Mapping):
        return {None: _labels(labels, "labels", MAX_LABELS)}
    if not 1 <= len(labels) <= MAX_GROUPS:
        raise ConfigurationError(f"labels has {len(labels)} groups: pass 1 to {MAX_GROUPS}")
    for name in labels:
        if not isinstance(name, str) or not name:
            raise ConfigurationError(
                f"labels has the group {name!r}: its name must be a str that is not empty"
            )
    return {name: _labels(group, f"labels[{name!r}]", MAX_GROUP_LABELS) for name, group in labels.items()}


def _labels(labels: object, where: str, most: int) -> tuple[str, ...]:
    names = tuple(listed(labels, where))
    for index, label in enumerate(names):
        if not isinstance(label, str) or not label.strip():
            raise ConfigurationError(f"{where}[{index}] is {label!r}: a label is a str that is not empty")
    if not 1 <= len(names) <= most:
        raise ConfigurationError(f"{where} has {len(names)} labels: pass 1 to {most}")
    if len(set(names)) < len(names):
        double = next(label for index, label in enumerate(names) if label in names[:index])
        raise ConfigurationError(f"{where} has {double!r} more than once")
    return names


def read_inputs(inputs: Iterable[Input], row: Model | None) -> Items:
    """What is classified: texts and images.

    Raises:
        ConfigurationError: One of them is neither, or the model takes no images.
    """
    return read_items(
        listed(inputs, "inputs", of="texts and images"),
        lambda value, index: read_input(value, f"inputs[{index}]", row),
        functools.partial(tokens_of, row=row),
    )


def read_input(value: object, where: str, row: Model | None) -> Item:
    """One text or image.

    Raises:
        ConfigurationError: It is neither, or the model takes no images.
    """
    item = read_item(value, where)
    check_modality(item, row, where)
    if not isinstance(item, (str, Image)):
        raise ConfigurationError(f"{where} is {type(item).__name__}: texts and images can be classified")
    return item
