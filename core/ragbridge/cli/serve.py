"""``ragbridge serve``: the embedded engine over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ragbridge.cli import files, streams
from ragbridge.errors import ConfigurationError

KEY_VARIABLE = "RAGBRIDGE_SERVE_KEY"
MAX_KEYS = 2**20
"""Bytes of a file of keys."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 for a free one.")] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Answer requests for this host too; * for any. On loopback no others than localhost are answered, "
            "so that no web page can reach it by a name of its own. May be repeated.",
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"Demand one of the keys in this file, one a line. Or set {KEY_VARIABLE}. "
            "Not an option's value: everybody on the machine could read it.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="minilm for a sentence model (extra minilm), or a folder with a model2vec model or an ONNX sentence model.",
        ),
    ] = None,
    pages: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON object of address -> HTML, Markdown or plain text: the web that reader, search and grounding "
            "know. They open nothing else.",
        ),
    ] = None,
    requests: Annotated[int | None, typer.Option(min=1, help="Requests a minute for each key.")] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Tokens a minute for each key.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests at once for each key.")] = None,
    window: Annotated[float, typer.Option(help="Seconds over which the quota is counted.")] = 60.0,
    retry_after: Annotated[
        bool, typer.Option("--retry-after", help="Let a 429 say how long to wait.")
    ] = False,
    fault_rate: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the requests that go wrong.")
    ] = 0.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND", help="What goes wrong: status503, upstream503, reset, ...; may be repeated."
        ),
    ] = None,
    latency: Annotated[float, typer.Option(help="Seconds that the fault 'latency' takes.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the faults.")] = 0,
) -> None:
    """Serve the embedded engine as Jina's API and Elasticsearch's inference API, for development and tests.

    Give Jina the printed address as its base_url, Elastic as its url. SIGTERM or ctrl-C ends it.
    """
    keys = _keys(key_file)
    from ragbridge import server  # imported here, so that other commands do not need the extra
    from ragbridge.local import Engine, Faults, Quota

    quota = Quota(
        requests_per_minute=requests,
        tokens_per_minute=tokens,
        concurrency=concurrency,
        window=window,
        retry_after=retry_after,
    )
    defaults = Faults()
    faults = Faults(rate=fault_rate, kinds=tuple(fault) if fault else defaults.kinds, latency=latency)
    if host not in LOOPBACK and keys is None:
        streams.say(f"listening at {host} without a key: anybody who reaches it can use it")
    web = None if pages is None else files.pages(pages)
    engine = Engine(model=model, quota=quota, faults=faults, api_keys=keys, pages=web, seed=seed)
    server.serve(engine, host=host, port=port, hosts=allow_host, on_started=_announce)


def _announce(address: str) -> None:
    typer.echo(f"ragbridge: the embedded engine is at {address} (ctrl-C ends it)")


def _keys(path: Path | None) -> list[str] | None:
    """The accepted keys: from the file, else from the environment. None: no key is needed.

    Raises:
        ConfigurationError: A key is required, but none is given. The server would be open to everybody.
    """
    if path is not None:
        found = files.content(path, option="--key-file", most=MAX_KEYS)
        try:
            text = found.decode()
        except UnicodeDecodeError:
            raise ConfigurationError(
                f"--key-file {path}: it is not in UTF-8"
            ) from None  # the error holds the keys
        source = f"--key-file {path}"
    elif KEY_VARIABLE in os.environ:
        text, source = os.environ[KEY_VARIABLE], KEY_VARIABLE
    else:
        return None
    keys = text.split()
    if not keys:
        raise ConfigurationError(f"{source} holds no key")
    return keys
