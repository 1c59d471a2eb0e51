"""From one iterator of Arrow batches to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ragbridge.client.streams import Errors
from ragbridge.errors import ConfigurationError, RagbridgeError
from ragbridge.services.jina.client import Jina

if TYPE_CHECKING:
    import pyarrow as pa

    from ragbridge.services.elastic.client import Elastic

OnRowError: TypeAlias = Literal["raise", "null"]
"""What is done about a row that cannot be embedded: end with its error, or leave its vector null."""


def embed_batches(
    batches: Iterable[pa.RecordBatch],
    *,
    client: Jina | Elastic | Mapping[str, Any],
    column: str = "text",
    output: str = "embedding",
    on_error: OnRowError = "raise",
    **options: Any,
) -> Iterator[pa.RecordBatch]:
    """Each batch with a column of vectors, in order, while the next ones are being embedded.

    Rows are cut into requests across the borders of batches, so batches may have any size. It is what engines call in
    each of their workers: ``df.mapInArrow`` of Spark, a batch function of Daft, ``map_partitions`` of Dask.

    Args:
        batches: Record batches (or tables) that all have ``column``.
        client: The client; or its settings, which travel to workers where a client of another process does not. A
            client's key does not travel: workers take it from their environment.
        column: The column of texts.
        output: The column to add, a ``fixed_size_list``: of float32, or of what ``embedding_type`` packs bits into.
        on_error: ``"raise"``, or ``"null"``: a row that is refused, or has no text, has no vector.
        **options: What is asked of the model: those of ``Jina.embed_stream`` or ``Elastic.embed_stream``.

    Yields:
        The batches, with the column ``output`` behind all others.

    Raises:
        ConfigurationError: A setting is wrong, a batch has no such column, or a row no text.
        RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
    """
    if on_error not in {"raise", "null"}:
        raise ConfigurationError(f"on_error={on_error!r} must be 'raise' or 'null'")
    waiting: deque[pa.RecordBatch] = deque()

    def rows() -> Iterator[Any]:
        start = 0
        for batch in batches:
            texts = texts_of(batch, column, output, start)
            waiting.append(batch)
            start += len(texts)
            yield from texts

    service = Jina(**client) if isinstance(client, Mapping) else client
    vectors: list[Any] = []
    width: tuple[int, Any] | None = None
    errors: Errors = "raise" if on_error == "raise" else "yield"
    with closing(service.embed_stream(rows(), errors=errors, **options)) as pairs:
        for _, vector in pairs:
            if not isinstance(vector, RagbridgeError):
                width = width or (len(vector), vector.dtype)
            vectors.append(None if isinstance(vector, RagbridgeError) else vector)
            # Until the first vector tells the width, batches of rows without one wait.
            while width is not None and waiting and waiting[0].num_rows <= len(vectors):
                batch = waiting.popleft()
                yield _with(batch, output, vectors[: batch.num_rows], width)
                vectors = vectors[batch.num_rows :]
    for batch in waiting:
        yield _with(batch, output, vectors[: batch.num_rows], width)
        vectors = vectors[batch.num_rows :]


def texts_of(batch: Any, column: str, output: str, start: int = 0) -> list[Any]:
    """The texts of a batch.

    Args:
        batch: A record batch or a table.
        column: The column of texts.
        output: The column to be added.
        start: Rows before this batch, for errors.

    Raises:
        ConfigurationError: There is no such column, ``output`` is there already, or a row of ``column`` is no text.
    """
    names = batch.schema.names
    if column not in names:
        raise ConfigurationError(f"column={column!r}: the batch has {', '.join(map(repr, names))}")
    if output in names:
        raise ConfigurationError(
            f"output={output!r}: the batch has such a column already; choose another name"
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


def _with(batch: Any, output: str, vectors: list[Any], width: tuple[int, Any] | None) -> Any:
    size, numbers = width or (None, "float32")
    return batch.append_column(output, vector_column(vectors, size, numbers))
