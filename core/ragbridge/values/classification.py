"""Results of classification and of managing classifiers: frozen values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.values.embeddings import Usage, billed
from ragbridge.values.partial import Failure
from ragbridge.values.tables import counted, first, table


@dataclass(frozen=True, slots=True)
class Classification:
    """The label of one input.

    Attributes:
        index: Position of the input in the caller's list.
        label: The label that fits best.
        score: Its score, 0 to 1: a softmax over the labels, so that scores lie close together where labels are many.
        scores: The score of each label, best first; of ``label`` alone if the service gives no others.
        group: The group that the label belongs to, where labels were given in groups; else None.
    """

    index: int
    label: str
    score: float
    scores: Mapping[str, float] = field(repr=False)
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Classifications:
    """The labels of several inputs, in the order of the inputs.

    Attributes:
        results: One row for each input; with groups of labels, one for each input and group.
        model: The model's name; None where a classifier was used, which has its own.
        usage: What the call cost.
        failed: The inputs that have no label, of a call with ``on_error="report"``. They have no row.
    """

    results: tuple[Classification, ...]
    model: str | None
    usage: Usage = field(default_factory=Usage)
    failed: tuple[Failure, ...] = ()

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Classification]:
        return iter(self.results)

    def __repr__(self) -> str:
        failed = f", failed={len(self.failed)}" if self.failed else ""
        labels = first(row.label for row in self.results)
        return f"Classifications(rows={len(self)}{failed}, labels={labels}, model={self.model!r}, usage={self.usage!r})"

    def _repr_html_(self) -> str:
        grouped = any(row.group is not None for row in self.results)
        return table(
            f"{counted(len(self), 'label')}, {self.model or 'a trained classifier'}, {billed(self.usage)}",
            ["input", *(["group"] if grouped else []), "label", "score"],
            ([row.index, *([row.group] if grouped else []), row.label, row.score] for row in self.results),
            total=len(self),
            unit="rows",
            failed=self.failed,
        )

    def group(self, name: str) -> tuple[Classification, ...]:
        """The rows of one group of labels, one for each input."""
        return tuple(row for row in self.results if row.group == name)


@dataclass(frozen=True, slots=True)
class Training:
    """A classifier that was trained, or trained further.

    Attributes:
        classifier_id: Its id, which ``classify`` takes as ``classifier=``. Keep it.
        samples: Examples that this request used.
        usage: What the call cost: the examples' tokens, times the iterations.
    """

    classifier_id: str
    samples: int
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Classifier:
    """A classifier that the service keeps. Times are ISO 8601, as the service writes them; None if it gives none.

    Attributes:
        classifier_id: Its id.
        model: The model that its inputs are embedded by.
        labels: Its labels.
        access: Who may use it: ``"private"`` or ``"public"``.
        user_id: Its owner.
        created_at: When it was made.
        updated_at: When it was last trained.
        used_at: When it was last used.
        updated_number: Times that it was trained further.
        used_number: Times that it was used.
        is_active: Whether it can be used.
        is_latest: Whether this is its newest version.
        metadata: What else the service keeps with it.
    """

    classifier_id: str
    model: str
    labels: tuple[str, ...]
    access: str
    user_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    used_at: str | None = None
    updated_number: int | None = None
    used_number: int | None = None
    is_active: bool = True
    is_latest: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False)


publish("ragbridge", [Classification, Classifications, Classifier, Training])
