"""Labels and scores of classification."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.local.refusals import Refusal
from ragbridge.models import MAX_GROUP_LABELS, MAX_GROUPS, MAX_LABELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.local.calls import Row
    from ragbridge.local.model import Floats

Groups = Mapping[str, Sequence[str]]
"""Labels by the name of their group. The only group of a plain list is named ""."""


def read_groups(value: object) -> Groups:
    """Reads a list of labels, or groups of labels.

    Raises:
        Refusal: 400 for invalid or too many labels.
    """
    groups: dict[str, Any] = value if isinstance(value, dict) else {"": value}
    if not groups:
        raise invalid_labels("labels is empty")
    if len(groups) > MAX_GROUPS:
        raise too_many(f"{len(groups)} groups of labels, at most {MAX_GROUPS}")
    most = MAX_GROUP_LABELS if isinstance(value, dict) else MAX_LABELS
    for labels in groups.values():
        if not isinstance(labels, list) or not labels or not all(isinstance(each, str) for each in labels):
            raise invalid_labels("labels must be a list of strings, or an object of such lists")
        if not all(label.strip() for label in labels) or len(set(labels)) < len(labels):
            raise invalid_labels("labels must be distinct and non-empty")
        if len(labels) > most:
            raise too_many(f"{len(labels)} labels, at most {most}")
    return groups


def invalid_labels(message: str) -> Refusal:
    """A 400 for invalid labels."""
    return Refusal(400, f"Invalid labels: {message}", code="INPUT_INVALID_LABELS")


def too_many(message: str) -> Refusal:
    """A 400 for too many labels."""
    return Refusal(400, f"Label limit exceeded: {message}", code="INPUT_LABEL_LIMIT_EXCEEDED")


def scores(vectors: Floats, labels: Floats, sizes: Sequence[int]) -> NDArray[np.float64]:
    """Probabilities of the labels, shape (inputs, labels): a softmax over the cosines within each group.

    Args:
        vectors: Unit vectors of the inputs, shape (inputs, dimensions).
        labels: Unit vectors of the labels of all groups, group after group, shape (labels, dimensions).
        sizes: Number of labels in each group.
    """
    cosines = (vectors @ labels.T).astype(np.float64)
    parts = np.split(np.exp(cosines), np.cumsum(sizes)[:-1], axis=1)
    return np.concatenate([part / part.sum(axis=1, keepdims=True) for part in parts], axis=1)


def write_predictions(groups: Groups, tokens: int, rows: Sequence[Row]) -> bytes:
    """The answer's body. Labels whose scores a fault has removed are left out."""
    data = []
    for row in rows:
        rest = row.numbers.tolist()
        predictions: dict[str, tuple[str, float, list[dict[str, Any]]]] = {}
        for name, labels in groups.items():
            ranked = [{"label": label, "score": score} for label, score in zip(labels, rest, strict=False)]
            rest = rest[len(labels) :]
            if ranked:
                best = max(ranked, key=lambda each: each["score"])
                predictions[name] = best["label"], best["score"], ranked
        fields = ("prediction", "score", "predictions")
        parts: dict[str, Any] = {
            field: {name: values[place] for name, values in predictions.items()}
            for place, field in enumerate(fields)
        }
        if "" in groups:  # a plain list
            parts = {field: value[""] for field, value in parts.items() if value}
        data.append({"object": "classification", "index": row.index, **parts})
    return json.dumps({"usage": {"total_tokens": tokens}, "data": data}).encode()
