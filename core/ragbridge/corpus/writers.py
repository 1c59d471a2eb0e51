"""Writes one shard, some thousand rows at a time: memory does not grow with the shard."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ragbridge.corpus.lines import CHUNK_COLUMNS, Layout, Line, by_block
from ragbridge.corpus.tables import arrow, plain, table_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

NULLS_IN_FIXED_LISTS = 26
"""The first major version of PyArrow that writes nulls in lists of fixed size; tried with 18 to 26 (2026-11). Before it, a
job that may leave rows without a vector writes lists of any size."""
EMBEDDING_ENDS = (".list.element", ".list.item")
"""How Parquet names the numbers of a list; the second name is an older one."""


class Writer(Protocol):
    """Writes the rows of one shard into a file."""

    def write(self, lines: Sequence[Line], width: int | None, numbers: str | None) -> None:
        """Add rows, with vectors of ``width`` numbers of a type; None where no row had any so far."""
        ...

    def close(self) -> None:
        """End the file."""
        ...


def open_writer(kind: str, path: Path, layout: Layout) -> Writer:
    """A writer of ``"parquet"`` or ``"jsonl"``."""
    return ParquetShard(path, layout) if kind == "parquet" else JsonLines(path, layout)


class ParquetShard:
    """Vectors are ``fixed_size_list``, split by bytes and compressed: 3.4 instead of 4 bytes a float (2026-11).

    Args:
        path: The file.
        layout: The columns.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        arrow()
        self._path = path
        self._layout = layout
        self._writer: Any = None

    def write(self, lines: Sequence[Line], width: int | None, numbers: str | None) -> None:
        """Add a row group."""
        table = self._table(lines, width, numbers)
        if self._writer is None:
            self._writer = self._open(table.schema)
        self._writer.write_table(table)

    def _open(self, schema: Any) -> Any:
        from pyarrow import parquet, types

        vector = schema.field(self._layout.vector)
        floats = types.is_floating(getattr(vector.type, "value_type", vector.type))
        encodings: dict[str, Any] = {  # PyArrow's own annotations know of no lists here
            "use_dictionary": [field.name for field in schema if not types.is_nested(field.type)],
            "use_byte_stream_split": [vector.name + end for end in EMBEDDING_ENDS] if floats else False,
        }
        return parquet.ParquetWriter(self._path, schema, compression="zstd", **encodings)

    def _table(self, lines: Sequence[Line], width: int | None, numbers: str | None) -> Any:
        pa, layout = arrow(), self._layout
        kept = layout.schema
        place = kept.get_field_index(layout.text) if layout.chunked else -1
        copied = kept.remove(place) if place >= 0 else kept  # of a document, no chunk needs the whole text
        parts = [block.table([line.index for line in run], copied) for block, run in by_block(lines)]
        table = pa.concat_tables(parts)
        if layout.chunked:
            chunks = table_of([_chunk_fields(line, layout.text) for line in lines], _chunk_schema(layout))
            for name in chunks.schema.names:
                table = (
                    table.add_column(place, kept.field(place), chunks.column(name))
                    if name == layout.text
                    else table.append_column(name, chunks.column(name))
                )
        table = table.append_column(layout.vector, self._vectors(lines, width, numbers))
        table = table.append_column(layout.error, pa.array([line.error for line in lines], pa.string()))
        return table.replace_schema_metadata({**(kept.metadata or {}), b"ragbridge": layout.about.encode()})

    def _vectors(self, lines: Sequence[Line], width: int | None, numbers: str | None) -> Any:
        pa = arrow()
        if width is None or numbers is None:
            return pa.nulls(len(lines), pa.list_(pa.float32()))
        matrix = self._layout.matrix(lines, width, numbers)
        missing = [line.vector is None for line in lines]
        mask = pa.array(missing) if any(missing) else None
        if self._layout.gaps and int(pa.__version__.partition(".")[0]) < NULLS_IN_FIXED_LISTS:
            there = ~np.array(missing, bool)
            ends = np.concatenate([[0], np.cumsum(there * width)]).astype(np.int32)
            return pa.ListArray.from_arrays(pa.array(ends), pa.array(matrix[there].reshape(-1)), mask=mask)
        return pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), width, mask=mask)

    def close(self) -> None:
        """Write the file's end."""
        if self._writer is not None:
            self._writer.close()


class JsonLines:
    """One object a line: the columns, the vector as a list of numbers, and the error of a row that has none.

    Args:
        path: The file.
        layout: The columns.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self._layout = layout
        self._file = path.open("wb")

    def write(self, lines: Sequence[Line], width: int | None, numbers: str | None) -> None:  # noqa: ARG002 - a line tells itself
        """Add lines."""
        layout = self._layout
        for block, run in by_block(lines):
            rows = block.rows([line.index for line in run], layout.columns)
            for row, line in zip(rows, run, strict=True):
                if layout.chunked:
                    row.update(_chunk_fields(line, layout.text))
                if line.error is not None:
                    row[layout.error] = line.error
                row.pop(layout.vector, None)
                self._file.write(_with(_encoded(row), layout.vector, self._numbers(line)) + b"\n")

    def _numbers(self, line: Line) -> bytes:
        if line.vector is None:
            return b"null"
        vector = self._layout.matrix([line], len(line.vector), line.vector.dtype.name)[0]
        return _shortest(vector)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _chunk_schema(layout: Layout) -> Any:
    """The columns that chunks have, and documents have not."""
    pa, kept = arrow(), layout.schema
    fields = [pa.field(name, pa.int64()) for name in CHUNK_COLUMNS]
    return pa.schema([*fields, *([kept.field(layout.text)] if layout.text in kept.names else [])])


def _chunk_fields(line: Line, column: str) -> dict[str, Any]:
    if line.chunk is None:
        return {}
    number, chunk = line.chunk
    return {"chunk": number, "start": chunk.start, "end": chunk.end, column: chunk.text}


def _encoded(row: dict[str, Any]) -> bytes:
    text = json.dumps(row, ensure_ascii=False, default=plain, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")  # which writes half a character as JSON does


def _with(row: bytes, name: str, value: bytes) -> bytes:
    """``row``, an object, with one field more."""
    return b"".join((row[:-1], b"," if len(row) > 2 else b"", json.dumps(name).encode(), b":", value, b"}"))


def _shortest(vector: NDArray[Any]) -> bytes:
    """A vector as a list of numbers, with no more digits than their type needs where orjson is installed."""
    try:
        import orjson
    except ImportError:
        return json.dumps(vector.tolist(), separators=(",", ":")).encode()
    return orjson.dumps(np.ascontiguousarray(vector), option=orjson.OPT_SERIALIZE_NUMPY)
