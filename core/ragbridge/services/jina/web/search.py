"""Search at ``s.jina.ai``: builds the request and reads the results."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from ragbridge.errors import ConfigurationError, InvalidRequestError, ResponseError
from ragbridge.flow import Flow, Plan, single
from ragbridge.ground.numbers import check_whole
from ragbridge.ground.records import dataclass
from ragbridge.services.jina.web.option_names import PAGES_ONLY
from ragbridge.services.jina.web.requests import header, post, read_page
from ragbridge.values.embeddings import Usage
from ragbridge.values.web import SearchResults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ragbridge.services.jina.session import JinaChannel
    from ragbridge.services.jina.web.options import ReaderOptions

Kind: TypeAlias = Literal["web", "images", "news"]
Provider: TypeAlias = Literal["google", "bing", "reader"]

PRODUCT = "search"
MAX_RESULTS = 20
"""Results in one answer (jina-ai/reader, ``searcher.ts``, May 2026)."""
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
    sites: tuple[str, ...]
    content: bool
    kind: str | None
    provider: str | None
    operators: Mapping[str, tuple[str, ...]]
    fallback: bool | None
    nfpr: bool | None
    favicons: bool | None
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
            "type": self.kind,
            "provider": self.provider,
            "fallback": self.fallback or None,
            "nfpr": self.nfpr or None,
            **{name: list(words) or None for name, words in self.operators.items()},
            **self.pages.body(),
        }
        return {name: value for name, value in payload.items() if value is not None}

    def headers(self) -> dict[str, str]:
        """The request's headers, without the key."""
        headers = {
            "x-site": header("site", ", ".join(self.sites) or None),
            "x-with-favicons": header("favicons", self.favicons),
        }
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
    site: str | Sequence[str] | None,
    content: bool,
    kind: Kind | None,
    provider: Provider | None,
    operators: Mapping[str, str | Sequence[str] | None],
    fallback: bool | None,
    nfpr: bool | None,
    favicons: bool | None,
    pages: ReaderOptions,
) -> SearchOptions:
    """Validates the arguments against what the service accepts.

    Raises:
        ConfigurationError: An argument is invalid; the message names it.
    """
    if not isinstance(query, str) or not query.strip():
        raise ConfigurationError("query must be a non-empty string")
    if num is not None:
        num = check_whole("num", num, f"an int from 0 to {MAX_RESULTS}, or None", least=0, most=MAX_RESULTS)
    if page is not None:
        page = check_whole("page", page, "a positive int, or None")
    for name, text in {"country": country, "language": language, "location": location}.items():
        if text is not None and (not isinstance(text, str) or not text.strip()):
            raise ConfigurationError(f"{name}={text!r} must be a non-empty string, or None")
    _check_switches(content=content, fallback=fallback, nfpr=nfpr, favicons=favicons)
    _check_word("kind", kind, get_args(Kind))
    _check_word("provider", provider, get_args(Provider))
    if not content and pages.return_format is not None:
        raise ConfigurationError("content=False and return_format: give one of them")
    unfit = [name for name in pages.given() if name in PAGES_ONLY]
    if unfit:
        raise ConfigurationError(
            f"options: a search does not support {' or '.join(unfit)}; pass them to read() for the pages found"
        )
    options = SearchOptions(
        query=query,
        num=num,
        page=page,
        country=country,
        language=language,
        location=location,
        sites=_words("site", site),
        content=content,
        kind=kind,
        provider=provider,
        operators={name: _words(name, words) for name, words in operators.items()},
        fallback=fallback,
        nfpr=nfpr,
        favicons=favicons,
        pages=pages,
    )
    options.headers()  # raises on values that a header cannot carry
    return options


def _check_switches(*, content: bool, **switches: bool | None) -> None:
    for name, switch in {"content": content, **switches}.items():
        if not isinstance(switch, bool) and (switch is not None or name == "content"):
            raise ConfigurationError(f"{name}={switch!r} must be True or False")


def _check_word(name: str, word: str | None, words: tuple[str, ...]) -> None:
    if word is not None and word not in words:
        raise ConfigurationError(f"{name}={word!r} must be one of {', '.join(words)}")


def _words(name: str, given: str | Sequence[str] | None) -> tuple[str, ...]:
    """One word or several, as a tuple."""
    words = () if given is None else (given,) if isinstance(given, str) else given
    if not isinstance(words, (list, tuple)) or not all(
        isinstance(word, str) and word.strip() for word in words
    ):
        raise ConfigurationError(f"{name}={given!r} must be a non-empty string, a list of them, or None")
    return tuple(words)


def search(channel: JinaChannel, options: SearchOptions) -> Plan[SearchResults]:
    """Searches the web, in one request."""
    return single(_flow(channel, options))


def _flow(channel: JinaChannel, options: SearchOptions) -> Flow[SearchResults]:
    try:
        results, usage = yield from post(
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
        return SearchResults((), Usage(0, 1, retries=error.retries, waited=error.waited))
    return replace(results, usage=usage)


def _read(data: object) -> SearchResults:
    if not isinstance(data, list):
        raise ResponseError("'data' is not a list of results")
    pages = tuple(read_page(row, content=False) for row in data)
    if not all(page.url for page in pages):
        raise ResponseError("a result has no 'url'")
    return SearchResults(pages)
