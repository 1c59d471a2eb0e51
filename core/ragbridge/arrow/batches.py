"""From one iterator of Arrow batches to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ragbridge.arrow.columns import texts_of, vector_column
from ragbridge.arrow.settings import client_of
from ragbridge.client.streams import Errors
from ragbridge.errors import ConfigurationError, RagbridgeError
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, MODELS
from ragbridge.services.jina.client import Jina

if TYPE_CHECKING:
    import pyarrow as pa

    from ragbridge.services.elastic.client import Elastic

OnRowError: TypeAlias = Literal["raise", "null"]
"""What is done about a row that cannot be embedded: end with its error, or leave its vector null."""

Batches: TypeAlias = "Iterable[pa.RecordBatch | pa.Table] | pa.RecordBatch | pa.Table"


def embed_batches(
    batches: Batches,
    *,
    client: Jina | Elastic | Mapping[str, Any],
    column: str = "text",
    output: str = "embedding",
    on_error: OnRowError = "raise",
    fixed_size: bool = True,
    **options: Any,
) -> Iterator[pa.RecordBatch]:
    """Each batch with a column of vectors, in order, while the next ones are being embedded.

    Rows are cut into requests across the borders of batches, so batches may have any size. It is what engines call in
    each of their workers: ``df.mapInArrow`` of Spark, a batch function of Daft, ``map_partitions`` of Dask.

    Args:
        batches: Record batches or tables that all have ``column``; or one of them.
        client: The client; or its settings, which travel to workers where a client of another process does not: those
            of ``Jina``, or of ``Elastic`` where they have ``url`` or ``cloud_id``. A client's key does not travel:
            workers take it from their environment. A client made of settings is closed at the end.
        column: The column of texts.
        output: The column to add, a list: of float32, or of what ``embedding_type`` packs bits into.
        on_error: ``"raise"``, or ``"null"``: a row that is refused, or has no text, has no vector.
        fixed_size: Whether the lists are ``fixed_size_list``. False for Spark, which refuses those
            (``UNSUPPORTED_ARROWTYPE``, 4.3).
        **options: What is asked of the model: those of ``Jina.embed_stream`` or ``Elastic.embed_stream``.

    Yields:
        The batches, each of its own kind, with the column ``output`` behind all others.

    Raises:
        ConfigurationError: A setting is wrong, what is given is no batch, a batch has no such column, or a row no
            text.
        RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
    """
    if on_error not in {"raise", "null"}:
        raise ConfigurationError(f"on_error={on_error!r} must be 'raise' or 'null'")
    waiting: deque[Any] = deque()

    def rows() -> Iterator[Any]:
        start = 0
        for number, batch in enumerate(_each(batches)):
            if not _is_batch(batch):
                raise ConfigurationError(_no_batch(f"batches[{number}]", batch))
            texts = texts_of(batch, column, output, start)
            waiting.append(batch)
            start += len(texts)
            yield from texts

    with ExitStack() as held:
        service: Any = client
        if not hasattr(service, "embed_stream"):
            service = held.enter_context(client_of(service))
        errors: Errors = "raise" if on_error == "raise" else "yield"
        vectors: list[Any] = []
        width: tuple[int, Any] | None = None
        for _, vector in held.enter_context(closing(service.embed_stream(rows(), errors=errors, **options))):
            failed = isinstance(vector, RagbridgeError)
            vectors.append(None if failed else vector)
            if not failed:
                width = width or (len(vector), vector.dtype)
            # Batches before the first vector wait for it, since all of them must have one type.
            while width is not None and waiting and waiting[0].num_rows <= len(vectors):
                yield _next(waiting, output, vectors, width, fixed_size)
        width = width or _asked_width(service, options)
        while waiting:
            yield _next(waiting, output, vectors, width, fixed_size)


def _each(batches: Any) -> Iterable[Any]:
    if _is_batch(batches):
        return [batches]
    if isinstance(batches, (str, bytes)) or not isinstance(batches, Iterable) or hasattr(batches, "columns"):
        raise ConfigurationError(_no_batch("batches", batches))
    return batches


def _is_batch(thing: Any) -> bool:
    import pyarrow as pa

    return isinstance(thing, (pa.RecordBatch, pa.Table))


def _no_batch(name: str, thing: Any) -> str:
    return (
        f"{name} is a {type(thing).__module__}.{type(thing).__name__}, not a batch of Arrow: "
        "pa.Table.from_pandas(frame), frame.to_arrow() or pa.table({...}) makes one"
    )


def _next(
    waiting: deque[Any], output: str, vectors: list[Any], width: tuple[int, Any] | None, fixed_size: bool
) -> Any:
    """The first of the batches with the first of the vectors, which are taken away."""
    import pyarrow as pa

    batch = waiting.popleft()
    own = vectors[: batch.num_rows]
    del vectors[: batch.num_rows]
    size, numbers = width or (None, "float32")
    column = vector_column(own, size, numbers)
    if not fixed_size:
        column = column.cast(pa.list_(column.type.value_type))
    return batch.append_column(output, column)


def _asked_width(service: Any, options: Mapping[str, Any]) -> tuple[int, Any] | None:
    """The length of the vectors that were asked for, and what their numbers are, where no vector came that tells.

    So that an empty partition has the type of the others. None where only an answer tells: an inference endpoint's, or
    those of a model that is not in the table.
    """
    model = MODELS.get(options.get("model", DEFAULT_EMBEDDING_MODEL)) if isinstance(service, Jina) else None
    width = model and (options.get("dimensions") or model.dimensions)
    if not width:
        return None
    packed = options.get("embedding_type", "float") != "float"
    return (width // 8, "uint8") if packed else (width, "float32")
