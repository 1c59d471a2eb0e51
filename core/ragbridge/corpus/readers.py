"""Rows out of files, a block at a time: a bad line is named, and memory does not grow with the file."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast

from ragbridge.corpus.blocks import BYTES, ROWS, Block, Records
from ragbridge.corpus.sources import Source
from ragbridge.errors import ConfigurationError


def read(sources: Iterable[Source], *, text_column: str, id_column: str) -> Iterator[Block]:
    """The rows of all files, in order.

    Args:
        sources: The files.
        text_column: The column of a file that is one text.
        id_column: The column of such a file's path.

    Raises:
        ConfigurationError: A file cannot be read, or a line is not what it should be; the message names it.
    """
    for kind, files in itertools.groupby(sources, lambda source: source.format):
        if kind == "text":
            yield from _texts(files, text_column, id_column)
            continue
        for source in files:
            yield from _rows(source)


def _rows(source: Source) -> Iterator[Block]:
    try:
        if source.format == "parquet":
            from ragbridge.corpus.arrow import read_parquet

            yield from read_parquet(source)
        elif source.format == "csv":
            yield from _blocks(source, _csv(source))
        else:
            yield from _blocks(source, _jsonl(source))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{source.name} is not UTF-8 text") from None
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"{source.name} cannot be read: {error}") from None


def _blocks(source: Source, rows: Iterator[tuple[int, int, dict[str, Any]]]) -> Iterator[Block]:
    lines: list[int] = []
    records: list[dict[str, Any]] = []
    held = 0
    for line, size, record in rows:
        lines.append(line)
        records.append(record)
        held += size
        if len(lines) == ROWS or held > BYTES:
            yield Records(source.name, lines, records)
            lines, records, held = [], [], 0
    if lines:
        yield Records(source.name, lines, records)


def _open(source: Source) -> IO[bytes]:
    if source.path.name.lower().endswith(".gz"):
        return cast("IO[bytes]", gzip.open(source.path, "rb"))
    return source.path.open("rb")


def _jsonl(source: Source) -> Iterator[tuple[int, int, dict[str, Any]]]:
    with _open(source) as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.isspace() or not text:
                continue
            try:
                row = json.loads(text)
            except UnicodeDecodeError:
                raise ConfigurationError(f"{source.name}:{number} is not UTF-8 text") from None
            except (ValueError, RecursionError) as error:
                raise ConfigurationError(f"{source.name}:{number} is no JSON: {error}") from None
            if not isinstance(row, dict):
                raise ConfigurationError(
                    f"{source.name}:{number} is {type(row).__name__}, not an object: one object a line is wanted"
                )
            yield number, len(line), row


def _csv(source: Source) -> Iterator[tuple[int, int, dict[str, Any]]]:
    # The module's own bound, 131,072 characters in a field, is for the whole process: documents are longer.
    csv.field_size_limit(max(csv.field_size_limit(), min(sys.maxsize, 2**31 - 1)))
    with source.path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter="\t" if source.path.suffix.lower() == ".tsv" else ",", strict=True)
        try:
            names = next(rows, None)
            if names is None:
                return
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise ConfigurationError(f"{source.name}:1 names the column {twice!r} twice")
            line = rows.line_num + 1
            for row in rows:
                if row:
                    if len(row) != len(names):
                        raise ConfigurationError(
                            f"{source.name}:{line} has {len(row)} fields, and the first line names {len(names)} columns"
                        )
                    yield line, sum(map(len, row)), dict(zip(names, row, strict=True))
                line = rows.line_num + 1
        except csv.Error as error:
            raise ConfigurationError(f"{source.name}:{rows.line_num} is no CSV: {error}") from None


def _texts(sources: Iterable[Source], text_column: str, id_column: str) -> Iterator[Block]:
    for source in sources:
        try:
            content = source.path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{source.name} cannot be read: {error.strerror}") from None
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigurationError(
                f"{source.name} is not UTF-8 text: byte {error.start} is in the way"
            ) from None
        if "\0" in text:
            raise ConfigurationError(f"{source.name} is binary, not text")
        yield Records(source.name, None, [{id_column: source.name, text_column: text}])
