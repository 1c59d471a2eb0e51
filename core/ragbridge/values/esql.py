"""Results of ES|QL: frozen values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from ragbridge.ground.records import dataclass
from ragbridge.values.tables import counted, first, table


@dataclass(frozen=True, slots=True)
class EsqlColumn:
    """A column of a result.

    Attributes:
        name: Its name.
        type: Its type in ES|QL: ``keyword``, ``double``, ``dense_vector``, ...
    """

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class EsqlResult:
    """The rows of an ES|QL query.

    Attributes:
        columns: Name and type of each column.
        rows: The values of each row, in the order of the columns. A column with several values has a list of them.
        took: Milliseconds that Elasticsearch took.
        partial: Whether rows may be missing, since a shard or a cluster did not answer.
        raw: The whole answer.
    """

    columns: tuple[EsqlColumn, ...]
    rows: tuple[tuple[Any, ...], ...] = field(repr=False)
    took: int = 0
    partial: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = [column.name for column in self.columns]
        for row in self.rows:
            yield dict(zip(names, row, strict=True))

    def __repr__(self) -> str:
        columns = first(column.name for column in self.columns)
        return f"EsqlResult(rows={len(self)}, columns={columns}, took={self.took}, partial={self.partial})"

    def _repr_html_(self) -> str:
        partial = ", rows may be missing" if self.partial else ""
        return table(
            f"{counted(len(self), 'row')} in {self.took:,} ms{partial}",
            [column.name for column in self.columns],
            self.rows,
            total=len(self),
            unit="rows",
        )

    def column(self, name: str) -> list[Any]:
        """The values of one column.

        Raises:
            KeyError: There is none of that name.
        """
        names = [column.name for column in self.columns]
        if name not in names:
            raise KeyError(name)
        place = names.index(name)
        return [row[place] for row in self.rows]
