"""The grounding at ``g.jina.ai``: build the request, read the verdict. Gone from Jina's documentation of 2026."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragbridge.client.arguments import listed
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.flow import Flow, Plan, single
from ragbridge.services.jina.web.requests import header, post
from ragbridge.values.embeddings import Usage
from ragbridge.values.web import Grounding, Reference

if TYPE_CHECKING:
    from ragbridge.services.jina.session import JinaChannel

PRODUCT = "grounding"
TIMEOUT = 180.0
"""Seconds that an answer may take at least: more than 90 were seen."""

DEPRECATED = (
    "Jina no longer documents grounding (g.jina.ai). Its successor is DeepSearch, at "
    "https://deepsearch.jina.ai/v1/chat/completions, which any OpenAI client speaks to"
)


@dataclass(frozen=True, slots=True)
class GroundingOptions:
    """What is asked of the grounding, checked."""

    statement: str
    sites: tuple[str, ...]
    no_cache: bool

    def headers(self) -> dict[str, str]:
        """The request's headers beside the key."""
        sites = ",".join(str(header(f"sites[{index}]", site)) for index, site in enumerate(self.sites))
        found = {"x-site": header("sites", sites or None), "x-no-cache": header("no_cache", self.no_cache)}
        return {name: text for name, text in found.items() if text is not None}


def check_options(statement: str, *, sites: Sequence[str], no_cache: bool) -> GroundingOptions:
    """The options, where the service takes them all.

    Raises:
        ConfigurationError: An argument is not what it should be.
    """
    if not isinstance(statement, str) or not statement.strip():
        raise ConfigurationError("statement must be a string that is not empty")
    found_sites = listed(sites, "sites")
    if not all(isinstance(site, str) and site for site in found_sites):
        raise ConfigurationError("sites must be a list of addresses, each a string that is not empty")
    if not isinstance(no_cache, bool):
        raise ConfigurationError(f"no_cache={no_cache!r} must be True or False")
    found = GroundingOptions(statement, tuple(found_sites), no_cache)
    found.headers()  # refuses what a header cannot hold
    return found


def ground(channel: JinaChannel, options: GroundingOptions) -> Plan[Grounding]:
    """One request."""
    return single(_flow(channel, options))


def _flow(channel: JinaChannel, options: GroundingOptions) -> Flow[Grounding]:
    found, _ = yield from post(
        channel,
        channel.hosts.grounding,
        {"statement": options.statement},
        product=PRODUCT,
        read=_read,
        headers=options.headers(),
        timeout=TIMEOUT,
    )
    return found


def _read(data: Any, tokens: int | None) -> Grounding:
    if not isinstance(data, dict):
        raise ResponseError("'data' is no object")
    factuality, result, reason = data.get("factuality"), data.get("result"), data.get("reason")
    if not isinstance(factuality, (int, float)) or isinstance(factuality, bool) or not 0 <= factuality <= 1:
        raise ResponseError(f"'factuality' is {factuality!r}, no number from 0 to 1")
    if not isinstance(result, bool) or not isinstance(reason, str):
        raise ResponseError("'result' is no true or false, or 'reason' is no text")
    references = data.get("references", [])
    if not isinstance(references, list):
        raise ResponseError("'references' is no list")
    return Grounding(
        float(factuality), result, reason, tuple(map(_reference, references)), Usage(tokens or 0, 1)
    )


def _reference(row: object) -> Reference:
    match row:
        case {"url": str(url), "keyQuote": str(quote), "isSupportive": bool(supportive)}:
            return Reference(url, quote, supportive)
    raise ResponseError("a reference has no 'url', 'keyQuote' or 'isSupportive'")
