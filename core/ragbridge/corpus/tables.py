"""Arrow tables of rows that are mappings. Only here is pyarrow imported."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ragbridge.chunking.texts import without_surrogates
from ragbridge.errors import ConfigurationError


def arrow() -> Any:
    """The module ``pyarrow``.

    Raises:
        ConfigurationError: The extra ``parquet`` is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise ConfigurationError(
            'Parquet needs pyarrow: pip install "ragbridge[parquet]"; JSON Lines need nothing more '
            '(-o out.jsonl, or format="jsonl")'
        ) from None
    return pa


def table_of(records: Sequence[Mapping[str, Any]], schema: Any) -> Any:
    """Rows that are mappings as a table of ``schema``."""
    pa = arrow()
    columns = []
    for field in schema:
        values = [record.get(field.name) for record in records]
        try:
            if pa.types.is_string(field.type):
                values = [text_of(value) for value in values]
            columns.append(pa.array(values, field.type))
        except UnicodeEncodeError:
            columns.append(pa.array([_plain(value) for value in values], field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def type_of(values: Sequence[Any]) -> Any:
    """The Arrow type of some values. Only making the array tells whether they have one: inference overlooks mixtures.

    Raises:
        ValueError: They have none in common, or something like it.
    """
    pa = arrow()
    try:
        return pa.array(values).type
    except UnicodeEncodeError:
        return pa.array([_plain(value) for value in values]).type


def text_of(value: Any) -> str | None:
    """A string as it is, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=plain)


def _plain(value: Any) -> Any:
    """``value`` without lone surrogates, which UTF-8 cannot write."""
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {_plain(name): _plain(part) for name, part in value.items()}
    return value


def plain(value: Any) -> Any:
    """What JSON has no form for, as text: bytes in base64, dates and decimals as they are written."""
    return base64.b64encode(value).decode() if isinstance(value, (bytes, bytearray)) else str(value)


def packed_schema(schema: Any) -> str:
    """``schema`` as a text for the manifest."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def read_schema(text: str) -> Any:
    """What ``packed_schema`` wrote."""
    pa = arrow()
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
