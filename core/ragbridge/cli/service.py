"""Who embeds: the Jina AI API or a host of its models, the embedded engine, or an inference endpoint of Elasticsearch."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ragbridge.cli import connection

if TYPE_CHECKING:
    from ragbridge import Jina
    from ragbridge.elastic import Elastic


class AnswerFormat(StrEnum):
    """In which form vectors are asked for."""

    AUTO = "auto"
    CBOR = "cbor"
    JSON = "json"


def embedder(
    *,
    local: bool,
    limits: str | None,
    cache: Path | None,
    concurrency: int | None,
    base_url: str | None,
    host: str | None,
    query_prefix: str | None,
    document_prefix: str | None,
    inference_id: str | None,
    url: str | None,
    cloud_id: str | None,
    ca_certs: Path | None,
    answer_format: AnswerFormat | None,
) -> Jina | Elastic:
    """The client for a command's options.

    Raises:
        typer.BadParameter: An option belongs to the other service.
    """
    options: dict[str, Any] = {"cache": cache, "concurrency": concurrency}
    if inference_id is None:
        _elastics_own(url, cloud_id, ca_certs, answer_format)
        options.update(host=host, query_prefix=query_prefix, document_prefix=document_prefix)
        return _jina(connection.base_url(base_url, local=local), limits, options)
    _jinas_own(base_url, host, query_prefix, document_prefix)
    if local and (url is not None or cloud_id is not None):
        raise typer.BadParameter("--local and --url exclude each other")
    form = (answer_format or AnswerFormat.AUTO).value
    options.update(cloud_id=cloud_id, ca_certs=ca_certs, answer_format=form)
    return _elastic("local" if local else url, limits, options)


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
