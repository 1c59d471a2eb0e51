"""Methods that read the web."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import TYPE_CHECKING, Literal

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.services.jina import web
from ragbridge.services.jina.session import JinaMethods

if TYPE_CHECKING:
    from ragbridge.errors import RagbridgeError
    from ragbridge.flow import Plan
    from ragbridge.services.jina.web.option_names import Engine, Preset, ReturnFormat
    from ragbridge.services.jina.web.options import ReaderOptions
    from ragbridge.services.jina.web.search import Kind, Provider
    from ragbridge.values.web import Grounding, Page, SearchResults


class WebMethods(JinaMethods):
    """Reader, search and grounding."""

    def _read(
        self,
        url: str | None = None,
        *,
        html: str | None = None,
        pdf: bytes | None = None,
        file: bytes | None = None,
        page: int | None = None,
        preset: Preset | None = None,
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
        max_age: float | None = None,
    ) -> Plan[Page]:
        """Reads a web page or a document as clean Markdown.

        Billed by the tokens of the content. Also works without a key: ``Jina(limits="keyless")``.

        Args:
            url: The page's address, including any fragment (``#...``). With ``html``, the base address of its links.
            html: The page's HTML, if you already have it.
            pdf: A PDF's bytes.
            file: The bytes of a Word, Excel or PowerPoint file, or of a PDF.
            page: The page of the file to read, from 1; None for all. ``Page.page_count`` says how many there are.
            preset: Options for a common purpose, such as ``"index"`` for embedding; those that are given go before them.
            return_format: Format of the content; Markdown of the main content by default. ``ReaderOptions`` describes this
                option and those that follow.
            engine: How the page is fetched: ``"browser"`` for quality, ``"direct"`` for speed.
            timeout: Seconds the page may take to load, 1 to 180. The client waits 30 seconds longer for the answer.
            target_selector: CSS selector, or several, of the elements to return.
            remove_selector: CSS selector, or several, of the elements to remove.
            links_summary: Whether to list the page's links.
            images_summary: Whether to list the page's images.
            no_cache: Whether to bypass the service's cache.
            max_tokens: Tokens after which the content is truncated; 500 or more.
            options: Any other options.
            max_age: Seconds that a page of the client's ``cache`` may be old; what is read is kept there. None to read the
                page in any case, and not to keep it.

        Returns:
            ``Page``. Its ``warning`` is set if the page itself answered with an error.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            InvalidRequestError: The page does not exist, or costs more than ``token_budget``.
            QuotaExhaustedError: The account's balance is used up.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        reader_options = web.options.merged(
            options,
            {
                "page": page,
                "preset": preset,
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
        return web.reader.read(
            self._channel, web.reader.source(url, html, pdf, file), reader_options, max_age
        )

    read = Blocking(_read)
    aread = Awaitable(_read)

    def _read_many(
        self,
        urls: Sequence[str],
        *,
        options: ReaderOptions | None = None,
        progress: Callable[[int], object] | None = None,
        max_age: float | None = None,
    ) -> Plan[tuple[Page, ...]]:
        """Reads web pages, in as many concurrent requests as the quota allows.

        The first page that cannot be read fails the whole call. Use ``read_each`` to get the other pages all the same.

        Args:
            urls: The pages' addresses. An empty list sends nothing.
            options: Options for all pages.
            progress: Called with 1 after each page, from the thread that read it.
            max_age: Seconds that a page of the ``cache`` may be old, see ``read``.

        Returns:
            One ``Page`` per address, in the order of ``urls``.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            StatusError: A page cannot be read; ``index`` is its position in ``urls``.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return web.reader.read_many(
            self._channel,
            web.reader.check_urls(urls),
            web.options.merged(options, {}),
            progress,
            max_age=max_age,
        )

    read_many = Blocking(_read_many)
    aread_many = Awaitable(_read_many)

    def read_each(
        self, urls: Sequence[str], *, options: ReaderOptions | None = None, max_age: float | None = None
    ) -> Generator[Page | RagbridgeError, None, None]:
        """Reads web pages and yields them one by one, in the order of their addresses, while the next ones are being read.

        The quota and ``concurrency`` bound how many requests are in flight, and how many pages are read ahead of the
        consumer. A page that cannot be read yields its error in its place; the others are still read.

        Args:
            urls: The pages' addresses.
            options: Options for all pages.
            max_age: Seconds that a page of the ``cache`` may be old, see ``read``.

        Yields:
            A ``Page``, or the error that reading it caused.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is not accepted, for any page.
            QuotaExhaustedError: The account's balance is used up.
        """
        return self._stream(
            web.reader.read_each(
                self._channel, web.reader.check_urls(urls), web.options.merged(options, {}), max_age
            ),
            "read_each",
        )

    def aread_each(
        self, urls: Sequence[str], *, options: ReaderOptions | None = None, max_age: float | None = None
    ) -> AsyncGenerator[Page | RagbridgeError, None]:
        """Like ``read_each``, on the running event loop, for ``async for``."""
        return self._stream_async(
            web.reader.read_each(
                self._channel, web.reader.check_urls(urls), web.options.merged(options, {}), max_age
            ),
            "read_each",
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
        site: str | Sequence[str] | None = None,
        content: bool = True,
        kind: Kind | None = None,
        provider: Provider | None = None,
        filetype: str | Sequence[str] | None = None,
        ext: str | Sequence[str] | None = None,
        intitle: str | Sequence[str] | None = None,
        loc: str | Sequence[str] | None = None,
        fallback: bool | None = None,
        nfpr: bool | None = None,
        favicons: bool | None = None,
        options: ReaderOptions | None = None,
    ) -> Plan[SearchResults]:
        """Searches the web and, by default, reads the pages found.

        A call costs at least 10,000 tokens, even if it finds nothing (jina.ai/reader, May 2026). Needs a key.

        Args:
            query: The search query.
            num: Maximum number of results, 0 to 20; None for the service's default.
            page: Page of the results, from 1.
            country: Two-letter code of the country to search from.
            language: Two-letter code of the language to search in.
            location: City to search from.
            site: Domain, or several, to restrict the search to, such as ``"jina.ai"``.
            content: Whether to read the pages found. If False, each result has title, address and description only.
            kind: ``"web"`` (the default), ``"news"`` or ``"images"``; the last two cost five times as much (jina-ai/reader,
                ``searcher.ts``, May 2026). Pictures have an ``image_url``.
            provider: The search engine: ``"google"``, ``"bing"`` (three times the price, same source) or ``"reader"``, which
                searches the pages that the service has read before.
            filetype: Only files of this type, or one of several, such as ``"pdf"``.
            ext: Only addresses with this extension, or one of several.
            intitle: Only pages with this word in their title, or one of several.
            loc: Only pages in this language, or one of several: two letters of ISO 639-1.
            fallback: Whether the pages that the service has read before are searched if nothing is found.
            nfpr: Whether to search for exactly these words, without the search engine's corrections.
            favicons: Whether each result brings its site's icon.
            options: How the pages found are read.

        Returns:
            ``SearchResults``: pages, best first. ``usage`` is the cost that the answer states. If the answer counts the
            tokens of its pages only, more may be billed.

        Raises:
            ConfigurationError: An argument is wrong, or there is no key; nothing was sent.
            InvalidRequestError: The service refuses the query.
            QuotaExhaustedError: The account's balance is used up.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        search_options = web.search.check_options(
            query,
            num=num,
            page=page,
            country=country,
            language=language,
            location=location,
            site=site,
            content=content,
            kind=kind,
            provider=provider,
            operators={"filetype": filetype, "ext": ext, "intitle": intitle, "loc": loc},
            fallback=fallback,
            nfpr=nfpr,
            favicons=favicons,
            pages=web.options.merged(options, {}),
        )
        return web.search.search(self._channel, search_options)

    search = Blocking(_search)
    asearch = Awaitable(_search)

    def _ground(
        self, statement: str, *, sites: Sequence[str] = (), no_cache: bool = False
    ) -> Plan[Grounding]:
        """Checks a statement against the web, with references.

        Deprecated: the service no longer documents it; use DeepSearch. An answer takes a minute or more. The whole process
        is billed, including its searches.

        Args:
            statement: The claim to check.
            sites: Sites to restrict the check to; empty for the whole web.
            no_cache: Whether to bypass the service's cache.

        Returns:
            ``Grounding``: the verdict, its factuality from 0 to 1, and the references.

        Raises:
            ConfigurationError: An argument is wrong, or there is no key; nothing was sent.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        warnings.warn(web.grounding.DEPRECATED, DeprecationWarning, stacklevel=3)
        grounding_options = web.grounding.check_options(statement, sites=sites, no_cache=no_cache)
        return web.grounding.ground(self._channel, grounding_options)

    ground = Blocking(_ground)
    aground = Awaitable(_ground)
