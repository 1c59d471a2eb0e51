"""``ragbridge embed``: files become files of vectors."""

from __future__ import annotations

import dataclasses
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragbridge.cli import connection, terminal
from ragbridge.cli.chunk import Strategy
from ragbridge.cli.following import following

if TYPE_CHECKING:
    from ragbridge import Jina
    from ragbridge.chunking import Chunker
    from ragbridge.corpus import Estimate, Report
    from ragbridge.elastic import Elastic

ROWS_FAILED = 3
"""Exit code of a job that is done, but for rows that failed."""


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


class AnswerFormat(StrEnum):
    """In which form vectors are asked for."""

    AUTO = "auto"
    CBOR = "cbor"
    JSON = "json"


class OnError(StrEnum):
    """What is done about a row that fails."""

    FAIL = "fail"
    RECORD = "record"


INPUT = "Input"
MODEL = "Vectors"
OUTPUT = "Output"
SERVICE = "Service"


def embed(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders or patterns: .jsonl[.gz], .csv, .tsv, .parquet, .txt, .md; - for JSON Lines on standard input.",
            show_default=False,
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="OUT", help="A folder for shards; or one file, .parquet or .jsonl."
        ),
    ] = None,
    text_column: Annotated[
        str, typer.Option(metavar="NAME", help="The column of texts.", rich_help_panel=INPUT)
    ] = "text",
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
        str | None, typer.Option(metavar="NAME", help="The model.", rich_help_panel=MODEL)
    ] = None,
    role: Annotated[
        Role, typer.Option(help="What the texts are for.", rich_help_panel=MODEL)
    ] = Role.DOCUMENT,
    task: Annotated[
        str | None, typer.Option(metavar="NAME", help="Jina's own word instead.", rich_help_panel=MODEL)
    ] = None,
    dimensions: Annotated[
        int | None, typer.Option(metavar="N", help="Numbers in a vector.", rich_help_panel=MODEL)
    ] = None,
    embedding_type: Annotated[
        Numbers, typer.Option(help="Floats, or packed bits.", rich_help_panel=MODEL)
    ] = Numbers.FLOAT,
    truncate: Annotated[
        bool,
        typer.Option("--truncate", help="Cut texts that are too long for the model.", rich_help_panel=MODEL),
    ] = False,
    late_chunking: Annotated[
        bool,
        typer.Option(
            "--late-chunking", help="Embed each chunk in the light of its document.", rich_help_panel=MODEL
        ),
    ] = False,
    output_format: Annotated[
        Format | None,
        typer.Option("--format", help="Of the shards; parquet unless given.", rich_help_panel=OUTPUT),
    ] = None,
    shard_rows: Annotated[
        int, typer.Option(metavar="N", min=1, help="Rows in a shard.", rich_help_panel=OUTPUT)
    ] = 50_000,
    float16: Annotated[
        bool, typer.Option("--float16", help="Write floats with 16 bits.", rich_help_panel=OUTPUT)
    ] = False,
    vector_column: Annotated[
        str, typer.Option(metavar="NAME", help="Where vectors are written.", rich_help_panel=OUTPUT)
    ] = "embedding",
    error_column: Annotated[
        str,
        typer.Option(metavar="NAME", help="Where it is written why a row failed.", rich_help_panel=OUTPUT),
    ] = "error",
    on_error: Annotated[
        OnError,
        typer.Option(
            help="What a row does that fails: end the job, or be written without a vector (exit code 3).",
            rich_help_panel=OUTPUT,
        ),
    ] = OnError.FAIL,
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
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep every answer there for good, for other jobs too.",
            rich_help_panel=SERVICE,
        ),
    ] = None,
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
        typer.Option("--query-prefix", metavar="TEXT", help="Put before texts, with --role query."),
    ] = None,
    document_prefix: Annotated[
        str | None,
        typer.Option("--document-prefix", metavar="TEXT", help="Put before texts, with --role document."),
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
    """Embed the texts of files and write them with their vectors, in order, as Parquet or JSON Lines.

    An interrupted job goes on where it was when the same command is given again, and pays nothing twice.
    """
    if sample and not dry_run:
        raise typer.BadParameter("--sample belongs to --dry-run")
    if max_chunk_size is not None and chunk in {None, Strategy.NONE}:
        raise typer.BadParameter("--max-chunk-size belongs to --chunk")
    if late_chunking and chunk is None:
        raise typer.BadParameter("--late-chunking belongs to --chunk")
    from ragbridge import corpus

    asked: dict[str, Any] = {
        "text_column": text_column,
        "id_column": id_column,
        "model": model,
        "role": None if task is not None else role.value,
        "task": task,
        "dimensions": dimensions,
        "inference_id": inference_id,
        "chunker": _chunker(chunk, max_chunk_size),
        "price": price,
    }
    options: dict[str, Any] = {"cache": cache, "concurrency": concurrency}
    if inference_id is None:
        _elastics_own(url, cloud_id, ca_certs, answer_format)
        options.update(host=host, query_prefix=query_prefix, document_prefix=document_prefix)
        client: Jina | Elastic = _jina(connection.base_url(base_url, local=local), limits, options)
    else:
        _jinas_own(base_url, host, query_prefix, document_prefix)
        if local and (url is not None or cloud_id is not None):
            raise typer.BadParameter("--local and --url exclude each other")
        form = (answer_format or AnswerFormat.AUTO).value
        options.update(cloud_id=cloud_id, ca_certs=ca_certs, answer_format=form)
        client = _elastic("local" if local else url, limits, options)
    with client:
        if dry_run:
            _say(corpus.estimate(inputs, client=client, sample=sample, **asked), as_json=as_json)
            return
        if out is None:
            raise typer.BadParameter(
                "--out is missing: a folder, or a file that ends with .parquet or .jsonl"
            )
        with following() as watch:
            report = corpus.embed(
                inputs,
                out,
                client=client,
                columns=column or None,
                vector_column=vector_column,
                error_column=error_column,
                truncate=truncate or None,
                embedding_type=embedding_type.value,
                late_chunking=late_chunking,
                format=None if output_format is None else output_format.value,
                shard_rows=shard_rows,
                float16=float16,
                on_error=on_error.value,
                restart=restart,
                watch=watch,
                **asked,
            )
    _say(report, as_json=as_json)
    if report.failed:
        raise typer.Exit(ROWS_FAILED)


def _chunker(strategy: Strategy | None, max_chunk_size: int | None) -> Chunker | None:
    if strategy is None:
        return None
    from ragbridge.chunking import Chunker
    from ragbridge.cli.chunk import defaults

    settings = {"strategy": strategy.value, **defaults(strategy)}
    if max_chunk_size is not None:
        settings["max_chunk_size"] = max_chunk_size
        if "overlap" in settings:
            settings["overlap"] = min(settings["overlap"], max_chunk_size // 2)
    return Chunker.from_settings(settings)


def _elastics_own(
    url: str | None, cloud_id: str | None, ca_certs: Path | None, answer_format: AnswerFormat | None
) -> None:
    given = {"--url": url, "--cloud-id": cloud_id, "--ca-certs": ca_certs, "--answer-format": answer_format}
    for name, value in given.items():
        if value is not None:
            raise typer.BadParameter(f"{name} belongs to --inference-id")


def _jinas_own(base_url: str | None, *settings: str | None) -> None:
    if base_url is not None:
        raise typer.BadParameter("--base-url is Jina's; with --inference-id say --url")
    if any(setting is not None for setting in settings):
        raise typer.BadParameter("--host, --query-prefix and --document-prefix are Jina's; leave them out")


def _jina(address: str, limits: str | None, options: dict[str, Any]) -> Jina:
    from ragbridge import Jina

    return Jina(base_url=address, limits=connection.tier(limits or "auto"), **options)


def _elastic(url: str | None, limits: str | None, options: dict[str, Any]) -> Elastic:
    from ragbridge.elastic import Elastic

    if limits is not None:
        options["limits"] = connection.tier(limits)
    return Elastic(url, **options)


def _say(found: Report | Estimate, *, as_json: bool) -> None:
    """The result: on standard output, as JSON or as a small table."""
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), indent=2, default=str))
        return
    lines = found.lines()
    width = max(len(name) for name, _ in lines)
    for name, figure in lines:
        typer.echo(f"{name:<{width}}  {terminal.printable(figure)}")
    sys.stdout.flush()
