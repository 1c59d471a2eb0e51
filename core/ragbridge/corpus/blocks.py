"""Some rows of one file, read together: what a text is picked from, and what its columns are written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

ROWS = 1000
"""Rows in a block at most."""
BYTES = 4 << 20
"""What a block holds at most, unless one row is longer."""


class Block(Protocol):
    """Some rows of one file."""

    def __len__(self) -> int:
        """How many."""
        ...

    def name(self, index: int) -> str:
        """What messages call a row: the file and the line, from 1."""
        ...

    def columns(self) -> Sequence[str]:
        """The names of all columns, in order."""
        ...

    def values(self, column: str) -> Sequence[Any]:
        """One column; None where a row lacks it."""
        ...

    def rows(self, indices: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Some rows as mappings, without what they lack."""
        ...

    def table(self, indices: Sequence[int], schema: Any) -> Any:
        """Some rows as a ``pyarrow.Table`` of ``schema``."""
        ...


class Records:
    """Rows that are mappings.

    Args:
        source: The file's name.
        lines: The line of each row, from 1; None where the file is one row.
        records: The rows.
    """

    __slots__ = ("_lines", "_records", "_source")

    def __init__(
        self, source: str, lines: Sequence[int] | None, records: Sequence[Mapping[str, Any]]
    ) -> None:
        self._source = source
        self._lines = lines
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    def name(self, index: int) -> str:
        """The file and the line."""
        return self._source if self._lines is None else f"{self._source}:{self._lines[index]}"

    def columns(self) -> list[str]:
        """Every name that a row has, in the order in which they come."""
        return list(dict.fromkeys(name for record in self._records for name in record))

    def values(self, column: str) -> list[Any]:
        """One column; None where a row lacks it."""
        return [record.get(column) for record in self._records]

    def rows(self, indices: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Some rows, without what they lack."""
        records = self._records
        return [
            {name: records[index][name] for name in columns if name in records[index]} for index in indices
        ]

    def table(self, indices: Sequence[int], schema: Any) -> Any:
        """Some rows as a ``pyarrow.Table`` of ``schema``."""
        from ragbridge.corpus.tables import table_of

        return table_of([self._records[index] for index in indices], schema)
