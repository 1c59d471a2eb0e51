"""``ragbridge embed``: texts become vectors, or files become files of vectors."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ragbridge.cli import connection, corpus, vectors
from ragbridge.cli.chunk import Strategy
from ragbridge.cli.options import (
    INPUT,
    OUTPUT,
    SERVICE,
    VECTORS,
    Cache,
    ErrorColumn,
    Fails,
    Form,
    InputForm,
    OnError,
    TextColumn,
    embedders,
)
from ragbridge.cli.results import Writing
from ragbridge.cli.rows import Reading
from ragbridge.cli.service import AnswerFormat, embedder

SHARD_ROWS = 50_000


class Role(StrEnum):
    """What texts are for."""

    DOCUMENT = "document"
    QUERY = "query"


class Numbers(StrEnum):
    """What vectors are made of."""

    FLOAT = "float"
    UBINARY = "ubinary"
    BINARY = "binary"


class Format(StrEnum):
    """Of shards."""

    PARQUET = "parquet"
    JSONL = "jsonl"


def embed(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT...|FILE...",
            help="Texts; - or nothing for standard input. With --out files, folders or patterns: .jsonl[.gz], .csv, .tsv, "
            ".parquet, .txt, .md; - for JSON Lines on standard input.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="OUT",
            help="Embed files, into a folder for shards, or into one file, .parquet or .jsonl.",
        ),
    ] = None,
    text_column: TextColumn = "text",
    form: InputForm = Form.AUTO,
    id_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A column that each row must have.", rich_help_panel=INPUT),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A column to keep; any number. All unless given.", rich_help_panel=INPUT
        ),
    ] = None,
    chunk: Annotated[
        Strategy | None,
        typer.Option(
            help="Cut texts: rows become chunks, with their number and place.", rich_help_panel=INPUT
        ),
    ] = None,
    max_chunk_size: Annotated[
        int | None,
        typer.Option(metavar="WORDS", help="Most words in a chunk; 250 unless given.", rich_help_panel=INPUT),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The model; see ragbridge models.",
            rich_help_panel=VECTORS,
            autocompletion=embedders,
        ),
    ] = None,
    role: Annotated[
        Role, typer.Option(help="What the texts are for.", rich_help_panel=VECTORS)
    ] = Role.DOCUMENT,
    task: Annotated[
        str | None, typer.Option(metavar="NAME", help="Jina's own word instead.", rich_help_panel=VECTORS)
    ] = None,
    dimensions: Annotated[
        int | None, typer.Option(metavar="N", help="Numbers in a vector.", rich_help_panel=VECTORS)
    ] = None,
    embedding_type: Annotated[
        Numbers, typer.Option(help="Floats, or packed bits.", rich_help_panel=VECTORS)
    ] = Numbers.FLOAT,
    truncate: Annotated[
        bool,
        typer.Option(
            "--truncate", help="Cut texts that are too long for the model.", rich_help_panel=VECTORS
        ),
    ] = False,
    late_chunking: Annotated[
        bool,
        typer.Option(
            "--late-chunking", help="Embed each chunk in the light of its document.", rich_help_panel=VECTORS
        ),
    ] = False,
    output_format: Annotated[
        Format | None,
        typer.Option("--format", help="Of the shards; parquet unless given.", rich_help_panel=OUTPUT),
    ] = None,
    shard_rows: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help=f"Rows in a shard; {SHARD_ROWS:,} unless given.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    float16: Annotated[
        bool, typer.Option("--float16", help="Write floats with 16 bits.", rich_help_panel=OUTPUT)
    ] = False,
    vector_column: Annotated[
        str, typer.Option(metavar="NAME", help="Where vectors are written.", rich_help_panel=OUTPUT)
    ] = "embedding",
    error_column: ErrorColumn = "error",
    on_error: Fails = OnError.FAIL,
    restart: Annotated[
        bool,
        typer.Option(
            "--restart", help="Forget the job that is in OUT, and begin anew.", rich_help_panel=OUTPUT
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say how much it is: rows, tokens, time, cost. Nothing is sent."),
    ] = False,
    sample: Annotated[
        bool,
        typer.Option("--sample", help="With --dry-run: pay for one request, for a better estimate."),
    ] = False,
    price: Annotated[
        float | None, typer.Option(metavar="P", min=0, help="What a million tokens cost, to show the cost.")
    ] = None,
    cache: Cache = None,
    concurrency: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Requests at once at most.", rich_help_panel=SERVICE),
    ] = None,
    limits: Annotated[
        str | None,
        typer.Option(
            "--limits",
            metavar="TIER",
            help="Tier of the key: free (unless given, at jina.ai), paid or premium; none for no pacing. Of Elasticsearch: "
            "cluster, eis.",
            rich_help_panel=SERVICE,
        ),
    ] = None,
    local: connection.Local = False,
    base_url: connection.BaseUrl = None,
    host: connection.Host = None,
    query_prefix: Annotated[
        str | None,
        typer.Option(
            "--query-prefix",
            metavar="TEXT",
            help="Put before texts, with --role query.",
            rich_help_panel=SERVICE,
        ),
    ] = None,
    document_prefix: Annotated[
        str | None,
        typer.Option(
            "--document-prefix",
            metavar="TEXT",
            help="Put before texts, with --role document.",
            rich_help_panel=SERVICE,
        ),
    ] = None,
    inference_id: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Embed by this inference endpoint of Elasticsearch.", rich_help_panel=SERVICE
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", metavar="URL", help="Elasticsearch; else ELASTICSEARCH_URL.", rich_help_panel=SERVICE
        ),
    ] = None,
    cloud_id: Annotated[
        str | None,
        typer.Option(
            "--cloud-id", metavar="ID", help="A deployment; else ELASTIC_CLOUD_ID.", rich_help_panel=SERVICE
        ),
    ] = None,
    ca_certs: Annotated[
        Path | None,
        typer.Option("--ca-certs", exists=True, help="Certificates to trust.", rich_help_panel=SERVICE),
    ] = None,
    answer_format: Annotated[
        AnswerFormat | None,
        typer.Option(
            "--answer-format",
            help="How Elasticsearch is asked for vectors; auto is CBOR where it works, else JSON.",
            rich_help_panel=SERVICE,
        ),
    ] = None,
    as_json: connection.AsJson = False,
) -> None:
    """Turn texts into vectors; with --out, files of texts into files of vectors.

    Texts are arguments, or lines of standard input; each is answered in order when its vector is there, with --json in full.

    With --out, rows of files are written with their vectors, in order, as Parquet or JSON Lines. An interrupted job goes on
    where it was when the same command is given again, and pays nothing twice. --dry-run says beforehand how much it is.
    """
    _check(sample=sample, dry_run=dry_run, chunk=chunk, max_chunk_size=max_chunk_size, late=late_chunking)
    files = out is not None or dry_run
    if files and not inputs:
        raise typer.BadParameter(
            "files are missing: name files, folders or patterns, or - for standard input"
        )
    if files and form is not Form.AUTO:
        raise typer.BadParameter("--input belongs to the form without --out")
    if not files:
        _of_corpora(
            id_column=id_column,
            column=column,
            chunk=chunk,
            format=output_format,
            shard_rows=shard_rows,
            float16=float16,
            restart=restart,
            price=price,
        )
        vectors.refuse_files(inputs or ())
    asked: dict[str, Any] = {
        "model": model,
        "role": None if task is not None else role.value,
        "task": task,
        "dimensions": dimensions,
        "inference_id": inference_id,
    }
    more: dict[str, Any] = {"truncate": truncate or None, "embedding_type": embedding_type.value}
    client = embedder(
        local=local,
        limits=limits,
        cache=cache,
        concurrency=concurrency,
        base_url=base_url,
        host=host,
        query_prefix=query_prefix,
        document_prefix=document_prefix,
        inference_id=inference_id,
        url=url,
        cloud_id=cloud_id,
        ca_certs=ca_certs,
        answer_format=answer_format,
    )
    with client:
        if not files:
            writing = Writing(as_json, on_error, error_column)
            taken = writing.taken({vector_column: "--vector-column"})
            reading = Reading("texts", text_column, taken, form, whole=on_error is OnError.RECORD)
            vectors.run(
                inputs or (),
                client,
                {**asked, **more},
                reading=reading,
                writing=writing,
                vector_column=vector_column,
            )
            return
        asked.update(
            text_column=text_column,
            id_column=id_column,
            chunker=corpus.chunker(chunk, max_chunk_size),
            price=price,
        )
        if out is None or dry_run:
            corpus.estimate(inputs or (), client, asked, sample=sample, as_json=as_json)
            return
        written: dict[str, Any] = {
            "columns": column or None,
            "vector_column": vector_column,
            "error_column": error_column,
            "late_chunking": late_chunking,
            "format": None if output_format is None else output_format.value,
            "shard_rows": shard_rows or SHARD_ROWS,
            "float16": float16,
            "on_error": on_error.value,
            "restart": restart,
            **more,
        }
        corpus.run(inputs or (), out, client, asked, written, as_json=as_json)


def _check(
    *, sample: bool, dry_run: bool, chunk: Strategy | None, max_chunk_size: int | None, late: bool
) -> None:
    """Refuse options that go with others.

    Raises:
        typer.BadParameter: With the one that is missing.
    """
    if sample and not dry_run:
        raise typer.BadParameter("--sample belongs to --dry-run")
    if max_chunk_size is not None and chunk in {None, Strategy.NONE}:
        raise typer.BadParameter("--max-chunk-size belongs to --chunk")
    if late and chunk is None:
        raise typer.BadParameter("--late-chunking belongs to --chunk")


def _of_corpora(**given: object) -> None:
    """Refuse what texts have no use for, rather than ignore it."""
    for name, value in given.items():
        if value not in (None, False, []):
            raise typer.BadParameter(f"--{name.replace('_', '-')} belongs to --out, which embeds files")
