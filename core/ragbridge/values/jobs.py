"""States and results of batch and bulk jobs: frozen values."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal, TypeAlias

from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.values.embeddings import Usage, billed
from ragbridge.values.tables import counted, numbers, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ragbridge.values.embeddings import Vectors

BatchState: TypeAlias = str | Literal["pending", "processing", "completed", "failed", "expired", "cancelled"]
"""State of a batch job. Unknown words count as "not done": the service has used ``submitted`` as well."""

BulkState: TypeAlias = str | Literal["waiting", "in-progress", "completed", "failed"]
"""State of a bulk job."""

_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})


@dataclass(frozen=True, slots=True)
class BatchStats:
    """Progress of a batch job.

    Attributes:
        total: Items.
        completed: Items that are done.
        failed: Items that failed.
        tokens: Tokens used.
    """

    total: int
    completed: int = 0
    failed: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """What the service says of a batch job. Times are as it gives them.

    Attributes:
        id: The job's id, by which any process finds it again.
        status: Where it stands.
        model: The model's name; empty where it did not say.
        created_at: When it was submitted.
        completed_at: When it ended.
        expires_at: When its results are deleted, a day after it was submitted.
        error: Why it failed.
        stats: Its progress; None if the service did not say.
        output_url: Address of its results. It may be signed, and then gives access to them: no representation shows it.
        error_file_url: Address of its errors; the same holds.
    """

    id: str
    status: BatchState
    model: str = ""
    created_at: str | None = None
    completed_at: str | None = None
    expires_at: str | None = None
    error: str | None = None
    stats: BatchStats | None = None
    output_url: str | None = field(default=None, repr=False)
    error_file_url: str | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen, for better or worse."""
        return self.status in _ENDED


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item of a batch job that has no vector.

    Attributes:
        status: HTTP status that it would have had in a request of its own; None where the service did not say.
        message: What the service said.
    """

    status: int | None
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class BatchResults:
    """The vectors of a batch job, in the caller's order.

    Attributes:
        vectors: float32 array of shape (number of items, dimensions). Rows of failed items are NaN.
        ids: The id of each row.
        errors: What failed, by id; empty unless ``partial=True`` allowed it.
        model: The model's name as the service gave it.
        usage: What the job cost.
    """

    vectors: Vectors = field(repr=False)
    ids: tuple[str, ...] = field(repr=False)
    errors: Mapping[str, FailedItem] = field(repr=False)
    model: str
    usage: Usage = field(default_factory=Usage)

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return iter(self.vectors)

    def __repr__(self) -> str:
        failed = f", failed={len(self.errors)}" if self.errors else ""
        return f"BatchResults(shape={self.vectors.shape}{failed}, model={self.model!r}, usage={self.usage!r})"

    def _repr_html_(self) -> str:
        width = self.vectors.shape[-1]
        failed = f", {len(self.errors):,} failed" if self.errors else ""
        return table(
            f"{counted(len(self), 'item')} of a batch job{failed}, {self.model}, {billed(self.usage)}",
            ["id", "vector"],
            (
                [name, self.errors[name].message if name in self.errors else numbers(vector, width)]
                for name, vector in zip(self.ids, self.vectors, strict=True)
            ),
            total=len(self),
            unit="items",
        )


@dataclass(frozen=True, slots=True)
class BulkStatus:
    """What the service says of a bulk job. Times are as it gives them.

    Attributes:
        id: The job's id.
        status: Where it stands.
        model: The model's name; empty where it did not say.
        file_name: The file that was submitted.
        created_at: When it was submitted.
        completed_at: When it ended.
        tokens: Tokens used; None where it did not say.
        error: Why it failed.
    """

    id: str
    status: BulkState
    model: str = ""
    file_name: str | None = None
    created_at: str | None = None
    completed_at: str | None = None
    tokens: int | None = None
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen, for better or worse."""
        return self.status in _ENDED


publish("ragbridge", [BatchResults, BatchStats, BatchStatus, BulkStatus, FailedItem])
