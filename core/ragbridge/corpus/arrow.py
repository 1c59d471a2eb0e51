"""Parquet files, read as they stand; and the types of columns, found out over all rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ragbridge.corpus.blocks import ROWS, Block
from ragbridge.corpus.sources import Source
from ragbridge.corpus.tables import arrow, text_of, type_of
from ragbridge.errors import ConfigurationError

FIELDS = 1000
"""Fields of an object beyond which its keys are data: such a column is written as JSON text."""


def read_parquet(source: Source) -> Iterator[Block]:
    """The rows of one file, as they stand: types are kept."""
    pa = arrow()
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source.path, memory_map=False) as file:
            first = 1
            for batch in file.iter_batches(batch_size=ROWS):
                yield Batch(source.name, first, batch)
                first += batch.num_rows
    except pa.ArrowException as error:
        raise ConfigurationError(f"{source.name} cannot be read as Parquet: {error}") from None


class Batch:
    """Rows of a Parquet file.

    Args:
        source: The file's name.
        first: The number of the first row, from 1.
        batch: The rows, a ``pyarrow.RecordBatch``.
    """

    __slots__ = ("_first", "_source", "batch")

    def __init__(self, source: str, first: int, batch: Any) -> None:
        self._source = source
        self._first = first
        self.batch = batch

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def name(self, index: int) -> str:
        """The file and the row."""
        return f"{self._source}:{self._first + index}"

    def columns(self) -> list[str]:
        """The names of all columns."""
        return list(self.batch.schema.names)

    def values(self, column: str) -> list[Any]:
        """One column; None where the file lacks it."""
        if column not in self.batch.schema.names:
            return [None] * len(self)
        return self.batch.column(column).to_pylist()  # type: ignore[no-any-return]

    def rows(self, indices: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Some rows as mappings."""
        names = [name for name in columns if name in self.batch.schema.names]
        return self.batch.select(names).take(arrow().array(indices)).to_pylist()  # type: ignore[no-any-return]

    def table(self, indices: Sequence[int], schema: Any) -> Any:
        """Some rows as a ``pyarrow.Table`` of ``schema``."""
        pa = arrow()
        taken = self.batch.take(pa.array(indices))
        columns = [
            _cast(taken.column(field.name), field.type)
            if field.name in taken.schema.names
            else pa.nulls(len(indices), field.type)
            for field in schema
        ]
        return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: Any, kind: Any) -> Any:
    pa = arrow()
    if column.type == kind:
        return column
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([text_of(value) for value in column.to_pylist()], kind)


class Types:
    """Finds out the type of each column, over all blocks of a job.

    Numbers of both kinds become floats, objects get all fields that one of them has. What has no type in common becomes
    text: strings as they are, everything else as JSON.

    Attributes:
        mixed: Columns that became text for that reason.
    """

    def __init__(self) -> None:
        self._types: dict[str, Any] = {}
        self.mixed: set[str] = set()

    def add(self, block: Block, columns: Sequence[str]) -> None:
        """Take one block into account."""
        pa = arrow()
        for name in columns:
            if name in self.mixed:
                continue
            if isinstance(block, Batch):
                names = block.batch.schema.names
                found = block.batch.schema.field(name).type if name in names else pa.null()
            else:
                try:
                    found = type_of(block.values(name))
                except (pa.ArrowException, OverflowError, ValueError, TypeError):
                    self.mixed.add(name)
                    continue
            known = self._types.get(name)
            if known is not None and known != found:
                try:
                    fields = [pa.schema([pa.field(name, kind)]) for kind in (known, found)]
                    found = pa.unify_schemas(fields, promote_options="permissive").field(0).type
                except (pa.ArrowInvalid, pa.ArrowTypeError):
                    self.mixed.add(name)
                    continue
            self._types[name] = found

    def schema(self, columns: Sequence[str]) -> Any:
        """The type of each of ``columns``."""
        pa = arrow()
        fields = []
        for name in columns:
            kind = self._types.get(name, pa.null())
            if name in self.mixed or not _can_be_written(kind):
                self.mixed.add(name)
                kind = pa.string()
            fields.append(pa.field(name, pa.string() if kind == pa.null() else kind))
        return pa.schema(fields)


def _can_be_written(kind: Any) -> bool:
    """Whether Parquet has ``kind``: no object without a field; and no object whose keys are data."""
    pa = arrow()
    if pa.types.is_struct(kind):
        return 0 < kind.num_fields <= FIELDS and all(
            _can_be_written(kind.field(index).type) for index in range(kind.num_fields)
        )
    if pa.types.is_list(kind):
        return _can_be_written(kind.value_type)
    return True
