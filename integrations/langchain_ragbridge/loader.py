"""``JinaReaderLoader``: pages of the web as documents."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextlib import aclosing, closing

try:
    from langchain_core.document_loaders import BaseLoader
    from langchain_core.documents import Document
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from langchain_ragbridge._pages import Options, metadata_of
from langchain_ragbridge._settings import JinaSettings
from ragbridge import Page, RagbridgeError

logger = logging.getLogger("ragbridge")


class JinaReaderLoader(JinaSettings, BaseLoader):
    """Loads pages of the web, PDF files among them, as Markdown by Jina's reader: one document for each address.

    Works without a key as well, with ``limits="keyless"``. Metadata: ``source`` (the address as you gave it), ``url``
    (as the reader gave it), and as far as the page has them ``title``, ``description``, ``published`` and ``warning``;
    what ``options`` ask for besides comes as ``html``, ``text``, ``screenshot_url``, ``pageshot_url``, ``links``,
    ``images``.

    ::

        loader = JinaReaderLoader(urls=["https://example.com"], options=ReaderOptions(target_selector="main"))
        for document in loader.lazy_load():     # or: async for document in loader.alazy_load()
            ...

    Raises:
        ConfigurationError: A setting is wrong or unknown, or the key is missing.
    """

    urls: str | Sequence[str]
    """The pages' addresses, or one of them."""
    options: Options = None
    """How all of them are read. Cookies and the proxy's address are in no repr or dump."""
    continue_on_failure: bool = False
    """Whether a page that cannot be read is left out, with a warning in the log, instead of ending the load."""
    max_age: float | None = None
    """Seconds that a page of the ``cache`` may be old; None to read each page in any case, and to keep none."""
    region: str | None = None
    """``"eu"`` for the reader of the European Union, ``"cn"`` for its mirror in China."""
    reader_url: str | None = None
    """The reader's address, if it differs; None for Jina's own host, or for ``/r`` beside the ``/v1`` of ``base_url``."""

    def lazy_load(self) -> Iterator[Document]:
        """The pages one by one, in the order of ``urls``, while the next ones are being read.

        No more are read ahead than may be under way at once, see ``concurrency`` and ``limits``.

        Raises:
            RagbridgeError: A page cannot be read; the message names its address. See ``ragbridge.Jina.read_each``.
        """
        with closing(self._pages()) as pages:
            for url, page in zip(self._urls, pages, strict=True):
                if isinstance(page, Page):
                    yield _document(url, page)
                else:
                    self._failed(page)

    async def alazy_load(self) -> AsyncIterator[Document]:
        """``lazy_load`` on the running event loop."""
        urls = iter(self._urls)
        async with aclosing(self._apages()) as pages:
            async for page in pages:
                url = next(urls)
                if isinstance(page, Page):
                    yield _document(url, page)
                else:
                    self._failed(page)

    @property
    def _urls(self) -> Sequence[str]:
        return [self.urls] if isinstance(self.urls, str) else self.urls

    def _failed(self, error: RagbridgeError) -> None:
        if not self.continue_on_failure:
            raise error
        logger.warning("a page is left out: %s", error)

    def _pages(self) -> Generator[Page | RagbridgeError, None, None]:
        return self._jina.read_each(self._urls, options=self.options, max_age=self.max_age)

    def _apages(self) -> AsyncGenerator[Page | RagbridgeError, None]:
        return self._jina.aread_each(self._urls, options=self.options, max_age=self.max_age)

    def _check_options(self) -> None:
        self._pages()  # sends nothing until it is iterated


def _document(url: str, page: Page) -> Document:
    return Document(page_content=page.content, metadata={"source": url, "url": page.url, **metadata_of(page)})
