"""Options that select the service of a command, and the client that they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ragbridge import Jina
from ragbridge.cli import streams
from ragbridge.cli.options import SERVICE
from ragbridge.client.secret import find_key
from ragbridge.services.jina.session import AUTO, default_tier

if TYPE_CHECKING:
    from ragbridge.local import Engine

Local: TypeAlias = Annotated[
    bool, typer.Option("--local", help="Use the embedded engine even with a key.", rich_help_panel=SERVICE)
]
BaseUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        help="Where the API is; else Jina AI with a key, the embedded engine without.",
        rich_help_panel=SERVICE,
    ),
]
Host: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="NAME",
        help="What kind of server is at --base-url: vllm, tei, infinity, ...; else it is asked once.",
        rich_help_panel=SERVICE,
    ),
]
Limits: TypeAlias = Annotated[
    str,
    typer.Option(
        "--limits",
        metavar="TIER",
        help="Tier of the key: free, paid or premium; none for no pacing; auto: free at jina.ai, none elsewhere.",
        rich_help_panel=SERVICE,
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]

NOTICE = (
    "no key in the environment: using the embedded engine, made for development. "
    f"For the service set {Jina.KEY_VARIABLES[0]} (https://jina.ai/embeddings)."
)

KEYLESS = (
    "no key in the environment: reading without one, 20 pages a minute. "
    f"For more set {Jina.KEY_VARIABLES[0]} (https://jina.ai/reader)."
)


def base_url(url: str | None, *, local: bool) -> str:
    """Where a command's requests go; without a key, the embedded engine, which standard error names unless it was asked for.

    Raises:
        typer.BadParameter: Both options were given.
    """
    if local and url not in {None, Jina.LOCAL}:
        raise typer.BadParameter("--local and --base-url exclude each other")
    key = find_key(None, Jina.KEY_VARIABLES)
    if local or url == Jina.LOCAL:
        return Jina.LOCAL
    if url is None and key is None:
        streams.say(NOTICE)
        return Jina.LOCAL
    return url or Jina.BASE_URL


def tier(limits: str) -> str | None:
    """The ``limits=`` argument for ``--limits``."""
    return None if limits == "none" else limits


def kept(limits: str, url: str) -> str | None:
    """The tier that a client at ``url`` keeps to for ``--limits``; None for none."""
    return default_tier(url) if limits == AUTO else tier(limits)


def client(
    url: str,
    limits: str,
    cache: Path | None = None,
    host: str | None = None,
    engine: Engine | None = None,
) -> Jina:
    """A client for ``url``, or for an engine. The embedded engine and other hosts than Jina's are paced only if a tier is named."""
    return Jina(base_url=url, limits=tier(limits), cache=cache, host=host, transport=engine or "auto")
