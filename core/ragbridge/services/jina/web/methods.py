"""Methods that read the web."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Literal

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.errors import RagbridgeError
from ragbridge.flow import Plan
from ragbridge.services.jina.session import JinaMethods
from ragbridge.services.jina.web import grounding, reader, search
from ragbridge.services.jina.web.options import Engine, ReaderOptions, ReturnFormat, merged
from ragbridge.values.web import Grounding, Page, SearchResults


class WebMethods(JinaMethods):
    """Reader, search and grounding."""

    def _read(
        self,
        url: str | None = None,
        *,
        html: str | None = None,
        pdf: bytes | None = None,
        return_format: ReturnFormat | Sequence[ReturnFormat] | None = None,
        engine: Engine | None = None,
        timeout: int | None = None,
        target_selector: str | Sequence[str] | None = None,
        remove_selector: str | Sequence[str] | None = None,
        links_summary: bool | Literal["all"] | None = None,
        images_summary: bool | Literal["all"] | None = None,
        no_cache: bool | None = None,
        max_tokens: int | None = None,
        options: ReaderOptions | None = None,
    ) -> Plan[Page]:
        """A page of the web, or a document, as clean Markdown.

        Billed by the tokens of the content. It works without a key as well: ``Jina(limits="keyless")``.

        Args:
            url: The page's address, ``#`` and what follows included; with ``html``, what its links are relative to.
            html: The page itself, where you have it.
            pdf: A PDF's bytes.
            return_format: What the content is, by default Markdown of the main part: see ``ReaderOptions``, as for all that
                follows.
            engine: What fetches: ``"browser"`` for quality, ``"direct"`` for speed.
            timeout: Seconds that the page may take to load, 1 to 180; the answer gets half a minute more.
            target_selector: CSS selector of what to return, or several.
            remove_selector: CSS selector of what to leave out, or several.
            links_summary: Whether the page's links are listed.
            images_summary: Whether the page's images are listed.
            no_cache: Whether the page is fetched anew, whatever the service's cache has.
            max_tokens: Tokens to which the page is cut, 500 or more.
            options: All the others.

        Returns:
            ``Page``: its ``warning`` says where the page itself answered with an error.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            InvalidRequestError: There is no such page, or it needs more than ``token_budget``.
            QuotaExhaustedError: The account's balance is used up.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        found = merged(
            options,
            {
                "return_format": return_format,
                "engine": engine,
                "timeout": timeout,
                "target_selector": target_selector,
                "remove_selector": remove_selector,
                "links_summary": links_summary,
                "images_summary": images_summary,
                "no_cache": no_cache,
                "max_tokens": max_tokens,
            },
        )
        return reader.read(self._channel, reader.source(url, html, pdf), found)

    read = Blocking(_read)
    aread = Awaitable(_read)

    def _read_many(
        self,
        urls: Sequence[str],
        *,
        options: ReaderOptions | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> Plan[tuple[Page, ...]]:
        """Pages of the web, read side by side as far as the quota allows, in the order of their addresses.

        The first page that cannot be read ends the job, as everywhere; use ``read_each`` where some may be missing.

        Args:
            urls: The pages' addresses. An empty list sends nothing.
            options: How all of them are read.
            progress: Called with 1 for each page that is done, from whichever thread did it.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            StatusError: A page cannot be read; ``index`` says which.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return reader.read_many(self._channel, reader.check_urls(urls), merged(options, {}), progress)

    read_many = Blocking(_read_many)
    aread_many = Awaitable(_read_many)

    def read_each(
        self, urls: Sequence[str], *, options: ReaderOptions | None = None
    ) -> Generator[Page | RagbridgeError, None, None]:
        """Pages of the web one by one, in the order of their addresses, while the next ones are being read.

        As many are under way as the quota and ``concurrency`` allow, and no more are read than that before they are
        asked for. A page that cannot be read gives its error in its place, so that the others are read all the same.

        Args:
            urls: The pages' addresses.
            options: How all of them are read.

        Yields:
            ``Page``, or the error: raise it or go on.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is not accepted; nor will it be for the other pages.
            QuotaExhaustedError: The account's balance is used up.
        """
        return self._stream(reader.read_each(self._channel, reader.check_urls(urls), merged(options, {})))

    def aread_each(
        self, urls: Sequence[str], *, options: ReaderOptions | None = None
    ) -> AsyncGenerator[Page | RagbridgeError, None]:
        """``read_each`` on the running event loop; for ``async for``."""
        return self._stream_async(
            reader.read_each(self._channel, reader.check_urls(urls), merged(options, {}))
        )

    def _search(
        self,
        query: str,
        *,
        num: int | None = None,
        page: int | None = None,
        country: str | None = None,
        language: str | None = None,
        location: str | None = None,
        site: str | None = None,
        content: bool = True,
        options: ReaderOptions | None = None,
    ) -> Plan[SearchResults]:
        """What the web says to a query: pages found and, unless told otherwise, read.

        Dear: 10,000 tokens a call or more, whatever it finds (jina.ai/reader, May 2026). Needs a key.

        Args:
            query: What is looked for.
            num: Results at most; None for what the service thinks right.
            page: Which page of results, from 1.
            country: Two letters: from where it is searched.
            language: Two letters: in which language.
            location: A city from which it is searched.
            site: The only domain to search, such as ``"jina.ai"``.
            content: Whether the pages found are read; else each result has title, address and description.
            options: How they are read.

        Returns:
            ``SearchResults``: pages, best first. ``usage`` has what the answer says of its cost, which may be less than
            what is billed where it counts its rows alone.

        Raises:
            ConfigurationError: An argument is wrong, or there is no key; nothing was sent.
            InvalidRequestError: The service refuses the query, or finds nothing.
            QuotaExhaustedError: The account's balance is used up.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        found = search.check_options(
            query,
            num=num,
            page=page,
            country=country,
            language=language,
            location=location,
            site=site,
            content=content,
            pages=merged(options, {}),
        )
        return search.search(self._channel, found)

    search = Blocking(_search)
    asearch = Awaitable(_search)

    def _ground(
        self, statement: str, *, sites: Sequence[str] = (), no_cache: bool = False
    ) -> Plan[Grounding]:
        """Whether a statement holds, with references. Deprecated: the service no longer documents it; use DeepSearch.

        Takes a minute or more, and is billed for the whole process, searches included.

        Args:
            statement: What is claimed.
            sites: The only sites to rely on; none for the whole web.
            no_cache: Whether pages are fetched anew.

        Raises:
            ConfigurationError: An argument is wrong, or there is no key; nothing was sent.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        warnings.warn(grounding.DEPRECATED, DeprecationWarning, stacklevel=3)
        found = grounding.check_options(statement, sites=sites, no_cache=no_cache)
        return grounding.ground(self._channel, found)

    ground = Blocking(_ground)
    aground = Awaitable(_ground)
