"""The two functions that users call: ``embed`` and ``estimate``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from ragbridge.corpus.asked import Asked, Client
from ragbridge.corpus.estimates import estimate as _estimate
from ragbridge.corpus.folder import Folder
from ragbridge.corpus.job import Job
from ragbridge.corpus.progress import Progress
from ragbridge.corpus.report import Estimate, Report
from ragbridge.corpus.settings import OnError, Settings
from ragbridge.corpus.sources import paths_of
from ragbridge.models import EmbeddingModel, Role
from ragbridge.services.elastic.inference.options import DenseTask
from ragbridge.values.embeddings import EmbeddingType

if TYPE_CHECKING:
    from ragbridge.chunking import Chunker


def embed(
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    client: Client,
    text_column: str = "text",
    id_column: str | None = None,
    columns: Sequence[str] | None = None,
    vector_column: str = "embedding",
    error_column: str = "error",
    model: EmbeddingModel | None = None,
    role: Role | None = "document",
    task: str | None = None,
    dimensions: int | None = None,
    truncate: bool | None = None,
    normalized: bool | None = None,
    embedding_type: EmbeddingType = "float",
    inference_id: str | None = None,
    task_type: DenseTask = "text_embedding",
    chunker: Chunker | None = None,
    late_chunking: bool = False,
    format: Literal["parquet", "jsonl"] | None = None,  # noqa: A002 - the field's word
    shard_rows: int = 50_000,
    float16: bool = False,
    on_error: OnError = "fail",
    restart: bool = False,
    price: float | None = None,
    watch: Callable[[Progress], object] | None = None,
) -> Report:
    """Embed the texts of files, and write them with their vectors, in order, as Parquet or JSON Lines.

    All input is read before anything is sent, so that what is wrong is found before it costs anything. The job may be
    interrupted at any time, be it by ``kill -9``: the same call goes on where it was, and pays for nothing twice that was
    answered. Of a job that is done it does nothing but return its report.

    Args:
        inputs: Files, folders, patterns (``**`` too); of ``.jsonl``, ``.jsonl.gz``, ``.csv``, ``.tsv`` and ``.parquet`` the
            rows, of ``.txt`` and ``.md`` each file as one row; ``"-"`` for JSON Lines on standard input.
        out: A folder for shards ``part-00000.parquet``, ...; or a file that ends with ``.parquet`` or ``.jsonl``.
        client: A ``Jina`` or an ``Elastic``. With a cache it is the journal, and keeps every answer; without, the folder
            has a journal that forgets what is in finished shards.
        text_column: The column of texts; of chunks, their own text is written there.
        id_column: A column that each row must have. Of text files, the column of their path, ``"id"`` unless given.
        columns: The columns to keep; None for all.
        vector_column: Where vectors are written.
        error_column: Where it is written why a row has no vector.
        model: Of Jina; see ``Jina.embed`` for this and the next.
        role: What the texts are for; with ``task``, without effect.
        task: Jina's own word instead.
        dimensions: Width of the vectors.
        truncate: Cut texts that are longer than the model's context.
        normalized: Whether vectors get unit length.
        embedding_type: ``"float"``, ``"ubinary"`` or ``"binary"``; the latter two give packed bits (uint8).
        inference_id: The inference endpoint, of an ``Elastic``.
        task_type: Its type.
        chunker: Cuts texts: rows become chunks, with the columns ``chunk`` (its number), ``start`` and ``end`` (code points).
        late_chunking: Embed each chunk in the light of its document.
        format: Of the shards in a folder; Parquet unless given, which needs the extra ``parquet``.
        shard_rows: Rows in a shard, about: it ends with a row of the input.
        float16: Write floats with 16 bits.
        on_error: ``"fail"`` ends the job at a row that has no text or is refused. ``"record"`` writes it without a vector, and
            why. A bad key, an empty account and an outage end the job in any case.
        restart: Forget the job whose shards are in ``out``, and begin anew.
        price: What a million tokens cost, for ``Report.cost``.
        watch: Called once, when the work begins, with what tells at any time how far it is.

    Raises:
        ConfigurationError: A setting or a row is wrong, ``out`` holds another job (the message says what differs), or
            another process writes to it.
        RagbridgeError: The job cannot go on. What was answered is kept.
    """
    asked = Asked(
        model=model,
        role=role if task is None else None,
        task=task,
        dimensions=dimensions,
        truncate=truncate,
        normalized=normalized,
        embedding_type=embedding_type,
        inference_id=inference_id,
        task_type=task_type,
        chunker=chunker,
        late_chunking=late_chunking,
    )
    settings = Settings(
        text_column=text_column,
        id_column=id_column,
        columns=None if columns is None else tuple(columns),
        vector_column=vector_column,
        error_column=error_column,
        shard_rows=shard_rows,
        float16=float16,
        on_error=on_error,
        price=price,
    )
    settings.check(asked)
    asked.check(client)
    folder = Folder(out, format)
    with folder.held():
        return Job(paths_of(inputs), folder, client, asked=asked, settings=settings, watch=watch).run(
            restart=restart
        )


def estimate(
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    client: Client,
    text_column: str = "text",
    id_column: str | None = None,
    model: EmbeddingModel | None = None,
    role: Role | None = "document",
    task: str | None = None,
    dimensions: int | None = None,
    inference_id: str | None = None,
    chunker: Chunker | None = None,
    price: float | None = None,
    sample: bool = False,
) -> Estimate:
    """What ``embed`` would do: rows, tokens, time at the client's quota, cost. Everything is read, nothing is written.

    Args:
        inputs: See ``embed``, as the other options are.
        client: Whose quota and whose estimates count.
        text_column: The column of texts.
        id_column: A column that each row must have.
        model: Whose tokens are estimated.
        role: What the texts are for.
        task: Jina's own word instead.
        dimensions: Width of the vectors.
        inference_id: The inference endpoint, of an ``Elastic``.
        chunker: Cuts texts.
        price: What a million tokens cost.
        sample: Pay for one request of at most 100 of the texts, which makes the estimate better, and ask for the account's
            balance.

    Raises:
        ConfigurationError: A setting is wrong, or a file cannot be read.
        RagbridgeError: The sample failed.
    """
    asked = Asked(
        model=model,
        role=role if task is None else None,
        task=task,
        dimensions=dimensions,
        inference_id=inference_id,
        chunker=chunker,
    )
    settings = Settings(text_column=text_column, id_column=id_column, price=price)
    settings.check(asked)
    asked.check(client)
    return _estimate(paths_of(inputs), client, asked, settings, sample=sample)
