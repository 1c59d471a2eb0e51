"""Columns of Arrow: texts that are read from one, and vectors that become one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa


def texts_of(batch: Any, column: str, output: str, start: int = 0) -> list[Any]:
    """The texts of a batch.

    Args:
        batch: A record batch or a table.
        column: The column of texts.
        output: The column to be added.
        start: Rows before this batch, for errors.

    Raises:
        ConfigurationError: There is no such column or there are several, ``output`` is there already, or a row of
            ``column`` is no text.
    """
    names = batch.schema.names
    if column not in names:
        raise ConfigurationError(f"column={column!r}: the batch has {', '.join(map(repr, names))}")
    if output in names:
        raise ConfigurationError(
            f"output={output!r}: the batch has such a column already; choose another name"
        )
    if names.count(column) > 1:
        raise ConfigurationError(
            f"column={column!r}: the batch has {names.count(column)} columns of this name"
        )
    texts: list[Any] = batch.column(column).to_pylist()
    kinds = {type(text) for text in texts} - {str, type(None)}
    if kinds:
        place = next(place for place, text in enumerate(texts) if type(text) in kinds)
        raise ConfigurationError(
            f"column={column!r} holds {type(texts[place]).__name__} in row {start + place}, not texts"
        )
    return texts


def vector_column(
    vectors: Sequence[Any], width: int | None = None, numbers: Any = "float32"
) -> pa.FixedSizeListArray | pa.ListArray:
    """Vectors as a column of Arrow.

    Args:
        vectors: Arrays of shape (dimensions,), all alike; or None for a row without.
        width: Their dimensions; None to take them from the first that is there.
        numbers: What the numbers are, as NumPy calls it, where no vector tells.

    Returns:
        A ``fixed_size_list``; a list of no fixed size where nothing tells it.
    """
    import numpy as np
    import pyarrow as pa

    first = next((vector for vector in vectors if vector is not None), None)
    if first is not None:
        width, numbers = len(first), first.dtype
    if width is None:
        return pa.array([None] * len(vectors), pa.list_(pa.from_numpy_dtype(np.dtype(numbers))))
    rows = np.zeros((len(vectors), width), numbers)
    missing = np.zeros(len(vectors), bool)
    for place, vector in enumerate(vectors):
        if vector is None:
            missing[place] = True
        else:
            rows[place] = vector
    mask = pa.array(missing) if missing.any() else None
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), width, mask=mask)
