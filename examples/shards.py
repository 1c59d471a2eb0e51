"""Rows of the shards that ``ragbridge embed`` wrote, a batch at a time, whatever their number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.dataset as ds


def read(
    out: str | os.PathLike[str], rows: int = 1000
) -> Iterator[tuple[list[int], np.ndarray, list[dict[str, Any]]]]:
    """Batches: the number of each row in the whole corpus, its vector, and its other columns.

    Args:
        out: What ``ragbridge embed -o`` named: a folder of Parquet shards, or one file.
        rows: Rows in a batch at most.
    """
    first = 0
    for batch in ds.dataset(out, format="parquet").to_batches(batch_size=rows):
        numbers = np.arange(first, first + batch.num_rows)
        first += batch.num_rows
        there = batch.column("embedding").is_valid()
        whole = batch.filter(there)
        if whole.num_rows:
            vectors = whole.column("embedding").flatten().to_numpy().reshape(whole.num_rows, -1)
            others = [name for name in whole.schema.names if name not in {"embedding", "error"}]
            numbers = numbers[there.to_numpy(zero_copy_only=False)]
            yield numbers.tolist(), vectors, whole.select(others).to_pylist()
