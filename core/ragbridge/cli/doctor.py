"""``ragbridge doctor``: whether what is installed and set here can do its work, and what to do where it cannot."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from importlib import metadata
from typing import Literal, TypeAlias, TypeVar

import typer

from ragbridge import Elastic, Jina
from ragbridge.cli import terminal
from ragbridge.cli.connection import AsJson, BaseUrl
from ragbridge.cli.installed import extras
from ragbridge.client.secret import Secret, find_key
from ragbridge.errors import AuthenticationError, ConfigurationError, RagbridgeError
from ragbridge.ground.addresses import shown
from ragbridge.ground.public import __version__
from ragbridge.ground.records import dataclass
from ragbridge.limiter.tiers import TIERS
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, MODELS
from ragbridge.services.jina.session import DEFAULT_TIER

State: TypeAlias = Literal["ok", "note", "wrong"]
_Service = TypeVar("_Service", Jina, Elastic)
PREFIX = "jina_"
"""How every key of Jina's begins."""
PATIENCE = 10.0
"""Seconds that a server is given to answer. A diagnosis is asked for by somebody who waits."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        state: ``ok``, ``note`` (nothing is wrong, but it could be better) or ``wrong``.
        says: What was found, and what to do about it.
    """

    name: str
    state: State
    says: str


def doctor(*, url: BaseUrl = None, as_json: AsJson = False) -> None:
    """Check key, tier, balance, servers, versions and extras, and say what to do about what is missing.

    Asks the Jina AI API where a key or --base-url is given, the embedded engine elsewhere, and Elasticsearch where
    ELASTICSEARCH_URL is set. One text of three words is embedded; nothing else costs. No key is shown. Ends with 1 if
    something is wrong.
    """
    findings: list[Finding] = []
    for finding in examine(url):
        findings.append(finding)
        if not as_json:
            typer.echo(terminal.wrapped(f"{finding.name}: {finding.says}", f"{_MARKS[finding.state]} "))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


_MARKS = {"ok": "  ", "note": "- ", "wrong": "! "}


def examine(url: str | None) -> Iterator[Finding]:
    """Everything that is looked at, one after the other."""
    yield _versions()
    yield from _extras()
    yield from _jina(url)
    yield from _elasticsearch()


def _versions() -> Finding:
    names = ("numpy", "httpx", "httpx2", "langchain-core", "llama-index-core", "haystack-ai", "elasticsearch")
    found = [f"{name} {version}" for name in names if (version := _version(name))]
    python = f"Python {platform.python_version()} on {sys.platform} {platform.machine()}"
    return Finding("versions", "ok", f"ragbridge {__version__}, {python}, {', '.join(found)}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _extras() -> Iterator[Finding]:
    there = [extra for extra, missing in extras().items() if not missing]
    yield Finding("extras", "ok", f"installed: {', '.join(there) or 'none'}")
    for extra, missing in extras().items():
        if missing and _PURPOSES.get(extra):
            yield Finding(
                f"extra {extra}",
                "note",
                f'{_PURPOSES[extra]}: pip install "ragbridge[{extra}]" brings {", ".join(missing)}',
            )


_PURPOSES = {
    "local": "no embedded engine",
    "speed": "requests cost three times the processor time",
    "icu": "borders of words and sentences beyond ASCII are approximate",
}
"""What is missed without an extra, for those that many users want."""


def _jina(url: str | None) -> Iterator[Finding]:
    key = find_key(None, Jina.KEY_VARIABLES)
    if key is None and url is None:
        yield Finding(
            "Jina key",
            "note",
            f'none in the environment: set {Jina.KEY_VARIABLES[0]}, or use base_url="local", which needs none',
        )
        yield from _engine()
        return
    if key is not None:
        yield _key(key)
    jina = _made("Jina", lambda: Jina(base_url=url or Jina.BASE_URL, timeout=PATIENCE))
    if isinstance(jina, Finding):
        yield jina
        return
    public = jina.base_url == Jina.BASE_URL
    with jina:
        yield Finding("Jina transport", "ok", f"requests are sent by {jina.sent_by}")
        host = _asked("Jina host", lambda: f"{shown(jina.base_url)} is spoken to as {jina.find_host()!r}")
        yield host
        if host.state == "wrong":
            return
        if key is not None:
            balance = _asked(
                "Jina balance", lambda: f"the key is accepted; {jina.balance():,} tokens are left"
            )
            if public or balance.state == "ok" or "not accepted" in balance.says:
                yield balance
        if public:
            yield _tier()
        offered: list[str] = []

        def listed() -> str:
            offered.extend(model.id for model in jina.models())
            return f"{shown(jina.base_url)} lists {len(offered)}"

        yield _asked("Jina models", listed)
        yield _answered(jina, _embedding_model(offered), must=public)


def _key(key: Secret) -> Finding:
    """Where the key is, and how long: enough to tell it from another, and nothing of it but what all have."""
    named = [name for name in Jina.KEY_VARIABLES if os.environ.get(name, "").strip()]
    known = key.reveal()
    begun = PREFIX if known.startswith(PREFIX) else ""
    says = f"in {named[0]} ({begun}..., {len(known)} characters)"
    if len({os.environ[name].strip() for name in named}) > 1:
        return Finding(
            "Jina key", "note", f"{says}; {' and '.join(named[1:])} holds another, which is not used"
        )
    return Finding("Jina key", "ok", says)


def _engine() -> Iterator[Finding]:
    """The embedded engine, where it is installed: what is there without a key."""
    if extras().get("local"):
        return  # its extra was named already
    jina = _made("embedded engine", lambda: Jina(base_url=Jina.LOCAL))
    if isinstance(jina, Finding):
        yield jina
        return
    with jina:
        yield replace(_answered(jina, DEFAULT_EMBEDDING_MODEL, must=True), name="embedded engine")


def _embedding_model(offered: list[str]) -> str:
    """A model that is asked: the default where it is offered, else one that is known to embed, else the first."""
    known = (row.name for row in MODELS.values() if "embed" in row.products)
    first = next(iter(offered), DEFAULT_EMBEDDING_MODEL)
    return next((name for name in (DEFAULT_EMBEDDING_MODEL, *known) if name in offered), first)


def _answered(jina: Jina, model: str, *, must: bool) -> Finding:
    """Whether a question is answered, and how fast. A host may have no model that embeds, so that only ``must`` is wrong."""
    start = time.monotonic()

    def ask() -> str:
        found = jina.embed(["does this work?"], model=model)
        took = time.monotonic() - start
        return f"{model} answers with {found.vectors.shape[1]:,} numbers in {took:.2f} s"

    finding = _asked("Jina question", ask)
    return finding if must or finding.state != "wrong" else replace(finding, state="note")


def _tier() -> Finding:
    limit = next(tier.limit for tier in TIERS if (tier.service, tier.name) == ("jina", DEFAULT_TIER))
    requests, tokens = limit.requests_per_minute or 0, limit.tokens_per_minute or 0
    return Finding(
        "Jina tier",
        "note",
        f'"{DEFAULT_TIER}" unless limits= says otherwise: {requests:,.0f} requests and {tokens:,.0f} tokens a minute. '
        'The service does not tell a key\'s tier: with a paid one give limits="paid"',
    )


def _elasticsearch() -> Iterator[Finding]:
    url = os.environ.get("ELASTICSEARCH_URL") or os.environ.get("ELASTIC_CLOUD_ID")
    if not url:
        return
    elastic = _made("Elasticsearch", lambda: Elastic(timeout=PATIENCE))
    if isinstance(elastic, Finding):
        yield elastic
        return
    with elastic:
        yield _asked(
            "Elasticsearch",
            lambda: f"{shown(elastic.url)} has {len(elastic.endpoints.list())} inference endpoints",
        )


def _made(name: str, make: Callable[[], _Service]) -> _Service | Finding:
    try:
        return make()
    except ConfigurationError as error:
        return Finding(name, "wrong", str(error))


def _asked(name: str, ask: Callable[[], str]) -> Finding:
    """What ``ask`` found; an error is a finding too."""
    try:
        return Finding(name, "ok", ask())
    except AuthenticationError as error:
        return Finding(name, "wrong", f"the key is not accepted: {error}")
    except RagbridgeError as error:
        return Finding(name, "wrong", str(error))
