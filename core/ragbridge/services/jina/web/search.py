"""Search at ``s.jina.ai``: builds the request and reads the results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError, InvalidRequestError, ResponseError
from ragbridge.flow import Flow, Plan, single
from ragbridge.ground.numbers import check_whole
from ragbridge.services.jina.web.requests import header, post, read_page
from ragbridge.values.embeddings import Usage
from ragbridge.values.web import SearchResults

if TYPE_CHECKING:
    from ragbridge.services.jina.session import JinaChannel
    from ragbridge.services.jina.web.options import ReaderOptions

PRODUCT = "search"
NOTHING_FOUND = "No search results available"
"""The message of the 422 that stands for an empty result (source: jina-ai/reader, searcher)."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """The validated arguments of one search."""

    query: str
    num: int | None
    page: int | None
    country: str | None
    language: str | None
    location: str | None
    site: str | None
    content: bool
    pages: ReaderOptions

    def payload(self) -> dict[str, Any]:
        """The request's body."""
        payload = {
            "q": self.query,
            "gl": self.country,
            "hl": self.language,
            "location": self.location,
            "num": self.num,
            "page": self.page,
        }
        return {name: value for name, value in payload.items() if value is not None}

    def headers(self) -> dict[str, str]:
        """The request's headers, without the key."""
        headers = {"x-site": header("site", self.site)}
        if not self.content:
            headers["x-respond-with"] = "no-content"
        return {**self.pages.headers(), **{name: text for name, text in headers.items() if text is not None}}


def check_options(
    query: str,
    *,
    num: int | None,
    page: int | None,
    country: str | None,
    language: str | None,
    location: str | None,
    site: str | None,
    content: bool,
    pages: ReaderOptions,
) -> SearchOptions:
    """Validates the arguments against what the service accepts.

    Raises:
        ConfigurationError: An argument is invalid; the message names it.
    """
    if not isinstance(query, str) or not query.strip():
        raise ConfigurationError("query must be a non-empty string")
    num, page = (
        None if count is None else check_whole(name, count, "a positive int, or None")
        for name, count in (("num", num), ("page", page))
    )
    for name, text in {"country": country, "language": language, "location": location, "site": site}.items():
        if text is not None and (not isinstance(text, str) or not text.strip()):
            raise ConfigurationError(f"{name}={text!r} must be a non-empty string, or None")
    if not isinstance(content, bool):
        raise ConfigurationError(f"content={content!r} must be True or False")
    if not content and pages.return_format is not None:
        raise ConfigurationError("content=False and return_format: give one of them")
    if pages.body():
        raise ConfigurationError(
            f"options: a search does not support {' or '.join(pages.body())}; pass them to read() for the pages found"
        )
    options = SearchOptions(query, num, page, country, language, location, site, content, pages)
    options.headers()  # raises on values that a header cannot carry
    return options


def search(channel: JinaChannel, options: SearchOptions) -> Plan[SearchResults]:
    """Searches the web, in one request."""
    return single(_flow(channel, options))


def _flow(channel: JinaChannel, options: SearchOptions) -> Flow[SearchResults]:
    try:
        results, _ = yield from post(
            channel,
            channel.hosts.search,
            options.payload(),
            product=PRODUCT,
            read=_read,
            headers=options.headers(),
            timeout=options.pages.patience,
        )
    except InvalidRequestError as error:
        if NOTHING_FOUND not in error.message:
            raise
        return SearchResults((), Usage(0, 1))
    return results


def _read(data: object, tokens: int | None) -> SearchResults:
    if not isinstance(data, list):
        raise ResponseError("'data' is not a list of results")
    pages = tuple(read_page(row, content=False) for row in data)
    if not all(page.url for page in pages):
        raise ResponseError("a result has no 'url'")
    return SearchResults(pages, Usage(tokens or 0, 1))
