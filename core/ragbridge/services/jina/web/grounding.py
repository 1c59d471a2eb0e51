"""Grounding at ``g.jina.ai``: builds the request and reads the verdict.

Jina's documentation of 2026 no longer lists the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragbridge.client.arguments import listed
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.flow import Flow, Plan, single
from ragbridge.ground.records import dataclass
from ragbridge.services.jina.web.requests import header, post
from ragbridge.values.web import Grounding, Reference

if TYPE_CHECKING:
    from ragbridge.services.jina.session import JinaChannel

PRODUCT = "grounding"
TIMEOUT = 180.0
"""Minimum read timeout in seconds. Answers have been seen to take more than 90."""

DEPRECATED = (
    "Jina no longer documents grounding (g.jina.ai). Its successor is DeepSearch, at "
    "https://deepsearch.jina.ai/v1/chat/completions, which any OpenAI client speaks to"
)


@dataclass(frozen=True, slots=True)
class GroundingOptions:
    """The validated arguments of one grounding request."""

    statement: str
    sites: tuple[str, ...]
    no_cache: bool

    def headers(self) -> dict[str, str]:
        """The request's headers, without the key."""
        sites = ",".join(str(header(f"sites[{index}]", site)) for index, site in enumerate(self.sites))
        headers = {"x-site": header("sites", sites or None), "x-no-cache": header("no_cache", self.no_cache)}
        return {name: text for name, text in headers.items() if text is not None}


def check_options(statement: str, *, sites: Sequence[str], no_cache: bool) -> GroundingOptions:
    """Validates the arguments against what the service accepts.

    Raises:
        ConfigurationError: An argument is invalid; the message names it.
    """
    if not isinstance(statement, str) or not statement.strip():
        raise ConfigurationError("statement must be a non-empty string")
    site_list = listed(sites, "sites")
    if not all(isinstance(site, str) and site for site in site_list):
        raise ConfigurationError("sites must be a list of non-empty strings, each a site's address")
    if not isinstance(no_cache, bool):
        raise ConfigurationError(f"no_cache={no_cache!r} must be True or False")
    options = GroundingOptions(statement, tuple(site_list), no_cache)
    options.headers()  # raises on values that a header cannot carry
    return options


def ground(channel: JinaChannel, options: GroundingOptions) -> Plan[Grounding]:
    """Checks one statement, in one request."""
    return single(_flow(channel, options))


def _flow(channel: JinaChannel, options: GroundingOptions) -> Flow[Grounding]:
    verdict, usage = yield from post(
        channel,
        channel.hosts.grounding,
        {"statement": options.statement},
        product=PRODUCT,
        read=_read,
        headers=options.headers(),
        timeout=TIMEOUT,
    )
    return replace(verdict, usage=usage)


def _read(data: Any) -> Grounding:
    if not isinstance(data, dict):
        raise ResponseError("'data' is not an object")
    factuality, result, reason = data.get("factuality"), data.get("result"), data.get("reason")
    if not isinstance(factuality, (int, float)) or isinstance(factuality, bool) or not 0 <= factuality <= 1:
        raise ResponseError(f"'factuality' is {factuality!r}, not a number from 0 to 1")
    if not isinstance(result, bool) or not isinstance(reason, str):
        raise ResponseError("'result' is not a boolean, or 'reason' is not a string")
    references = data.get("references", [])
    if not isinstance(references, list):
        raise ResponseError("'references' is not a list")
    return Grounding(float(factuality), result, reason, tuple(map(_reference, references)))


def _reference(row: object) -> Reference:
    match row:
        case {"url": str(url), "keyQuote": str(quote), "isSupportive": bool(supportive)}:
            return Reference(url, quote, supportive)
    raise ResponseError("a reference has no 'url', 'keyQuote' or 'isSupportive'")
