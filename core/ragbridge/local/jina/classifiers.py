"""``/v1/classify``, ``/v1/train`` and ``/v1/classifiers``. Source of the shapes: Jina's API description of 2026-04.

Zero-shot classification compares an input's vector with the labels' vectors. A trained classifier keeps a centroid per
label: the mean of its samples' vectors. ``num_iters`` multiplies the cost of training, as on the service, and has no other
effect.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.calls import Call, Row, Work
from ragbridge.local.fields import Fields
from ragbridge.local.items import Item, read_item, read_items, usage, vectors
from ragbridge.local.jina.embeddings import ids_within
from ragbridge.local.jina.labels import (
    Groups,
    invalid_labels,
    read_groups,
    scores,
    too_many,
    write_predictions,
)
from ragbridge.local.jina.store import Store, user_of
from ragbridge.local.refusals import Refusal
from ragbridge.models import MAX_CLASSES, MAX_CLASSIFIERS, MAX_CLASSIFY_INPUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragbridge.local.model import Embedder, Floats
    from ragbridge.models import Model

KEPT = 1024
"""Classifiers kept in total, for all keys; the oldest is evicted."""
ITERATIONS = 10
"""Default of ``num_iters``."""


@dataclass(slots=True, eq=False)
class Classifier:
    """A few-shot classifier, created by ``/v1/train``."""

    owner: str
    row: Model
    access: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sums: dict[str, Floats] = field(default_factory=dict)
    """Sum of the samples' vectors, by label."""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime | None = None
    updates: int = 0
    used: datetime | None = None
    uses: int = 0

    def centroids(self) -> Floats:
        """One unit vector per label, shape (labels, dimensions), in the order of ``sums``."""
        unit: Floats = np.stack([*self.sums.values()])
        unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
        return unit

    def summary(self) -> dict[str, Any]:
        """The classifier's entry in the list of classifiers."""
        return {
            "classifier_id": self.id,
            "user_id": user_of(self.owner),
            "model": self.row.name,
            "labels": [*self.sums],
            "access": self.access,
            "updated_number": self.updates,
            "used_number": self.uses,
            "created_at": self.created.isoformat(),
            "updated_at": (self.updated or self.created).isoformat(),
            "used_at": self.used and self.used.isoformat(),
            "is_active": True,
            "is_latest": True,
            "metadata_": {},
        }


class Classifiers:
    """Reads the requests of classification, and keeps the classifiers."""

    def __init__(self) -> None:
        self._store: Store[Classifier] = Store("Classifier", most=KEPT)

    def classify(self, call: Call) -> Work:
        """Classifies inputs, zero-shot by labels or few-shot by a classifier.

        Raises:
            Refusal: 422 for an invalid field, 400 for invalid labels, 404 for an unknown classifier.
        """
        fields = Fields.of(call.body)
        classifier, labels = None, fields.get("labels")
        if fields.get("classifier_id") is None:
            row = fields.model("classify")
            fields.required("labels")
        else:
            classifier = self._find(fields.word("classifier_id"), fields, call.key)
            row = classifier.row
            if labels is not None:
                message = "labels and classifier_id cannot be used together"
                fields.report("labels", message, "value_error", labels)
        value = fields.required("input")
        items = [] if value is None else read_items(fields, "input", value, row, most=MAX_CLASSIFY_INPUTS)
        fields.check()
        if classifier is not None:
            return self._few_shot(call.embedder(), classifier, items)
        return _zero_shot(call.embedder(), row, items, read_groups(labels))

    def _few_shot(self, embedder: Embedder, classifier: Classifier, items: Sequence[Item]) -> Work:
        embed, tokens = _embedding(embedder, classifier.row, items)
        with self._store.lock:
            groups, centroids = {"": [*classifier.sums]}, classifier.centroids()

        def compute() -> list[Row]:
            with self._store.lock:
                classifier.uses += 1
                classifier.used = datetime.now(UTC)
            return _rows(embed(), centroids, groups)

        return Work(tokens, lambda rows: write_predictions(groups, tokens, rows), compute)

    def train(self, call: Call) -> Work:
        """Creates a classifier, or trains an existing one further.

        Raises:
            Refusal: 422 for an invalid field, 400 for invalid labels, 403 if the key has too many classifiers, 404 for an
                unknown classifier.
        """
        fields = Fields.of(call.body)
        new = fields.get("classifier_id") is None
        if new:
            row = fields.model("train")
            classifier = Classifier(
                call.key, row, fields.choice("access", among=("public", "private")) or "public"
            )
        else:
            classifier = self._find(fields.word("classifier_id"), fields, call.key, mine=True)
        iterations = fields.integer("num_iters", low=1) or ITERATIONS
        samples = _read_samples(fields, classifier.row, least=2 if new else 1)
        fields.check()
        if new and len({label for _, label in samples}) < 2:
            raise invalid_labels("at least two distinct labels are needed")
        with self._store.lock:
            _check_classes(classifier, samples)
        embed, tokens = _embedding(call.embedder(), classifier.row, [item for item, _ in samples])
        tokens *= iterations

        def compute() -> list[Row]:
            embedded = embed()
            with self._store.lock:
                if new and len(self._store.of(call.key)) >= MAX_CLASSIFIERS:
                    message = f"Resource limit exceeded: {MAX_CLASSIFIERS} classifiers"
                    raise Refusal(403, message, code="AUTHZ_RESOURCE_LIMIT_EXCEEDED")
                _check_classes(classifier, samples)
                for (_, label), vector in zip(samples, embedded, strict=True):
                    classifier.sums[label] = classifier.sums.get(label, 0) + vector
                if new:
                    self._store.put(classifier)
                else:
                    classifier.updates += 1
                    classifier.updated = datetime.now(UTC)
            return []

        answer = {
            "classifier_id": classifier.id,
            "num_samples": len(samples),
            "usage": {"total_tokens": tokens},
        }
        return Work(tokens, lambda _: json.dumps(answer).encode(), compute)

    def list(self, call: Call) -> Work:
        """Lists the key's classifiers."""
        with self._store.lock:
            summaries = [classifier.summary() for classifier in self._store.of(call.key)]
        return Work(0, lambda _: json.dumps(summaries).encode())

    def delete(self, call: Call) -> Work:
        """Deletes a classifier.

        Raises:
            Refusal: 404 for an unknown classifier.
        """
        name = call.parameters["id"] or ""
        self._store.own(name, call.key)

        def compute() -> list[Row]:
            self._store.remove(name, call.key)
            return []

        answer = json.dumps({"classifier_id": name, "message": "Classifier deleted"}).encode()
        return Work(0, lambda _: answer, compute)

    def _find(self, name: str, fields: Fields, key: str, *, mine: bool = False) -> Classifier:
        """The classifier with the id ``name``. Another key's is returned only if it is public and ``mine`` is False."""
        fields.check()
        classifier = self._store.get(name)
        if classifier.owner != key and (mine or classifier.access == "private"):
            raise self._store.missing(name)
        return classifier


def _zero_shot(embedder: Embedder, row: Model, items: Sequence[Item], groups: Groups) -> Work:
    labels: list[Item] = [(label,) for labels in groups.values() for label in labels]
    embed, tokens = _embedding(embedder, row, [*items, *labels])

    def compute() -> list[Row]:
        embedded = embed()
        return _rows(embedded[: len(items)], embedded[len(items) :], groups)

    return Work(tokens, lambda rows: write_predictions(groups, tokens, rows), compute)


def _embedding(embedder: Embedder, row: Model, items: Sequence[Item]) -> tuple[Callable[[], Floats], int]:
    """A function that embeds ``items``, and their cost in tokens."""
    texts = ids_within(row, embedder, items)
    tokens = usage(items, sum(len(ids) for ids in texts), row)["total_tokens"]
    return lambda: vectors(embedder, items, texts, embedder.width), tokens


def _rows(inputs: Floats, labels: Floats, groups: Groups) -> list[Row]:
    probabilities = scores(inputs, labels, [len(group) for group in groups.values()])
    return [Row(index, numbers) for index, numbers in enumerate(probabilities)]


def _read_samples(fields: Fields, row: Model, *, least: int) -> list[tuple[Item, str]]:
    given = fields.required("input")
    given = [given] if isinstance(given, dict) else given
    if given is None:
        return []
    if not isinstance(given, list):
        fields.report("input", "Input should be a valid list", "list_type", given)
        return []
    if not least <= len(given) <= MAX_CLASSIFY_INPUTS:
        kind = "too_short" if len(given) < least else "too_long"
        message = (
            f"List should have {least} to {MAX_CLASSIFY_INPUTS} items after validation, not {len(given)}"
        )
        fields.report("input", message, kind, given)
    samples = []
    for index, sample in enumerate(given):
        label = sample.get("label") if isinstance(sample, dict) else None
        if not isinstance(label, str) or not label.strip():
            fields.report(f"input.{index}.label", "Input should be a valid string", "string_type", label)
        samples.append((read_item(fields, f"input.{index}", sample, row), str(label)))
    return samples


def _check_classes(classifier: Classifier, samples: Sequence[tuple[Item, str]]) -> None:
    classes = {*classifier.sums, *(label for _, label in samples)}
    if len(classes) > MAX_CLASSES:
        raise too_many(f"{len(classes)} labels, at most {MAX_CLASSES} in a classifier")
