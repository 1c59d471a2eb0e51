"""``JinaReader``: the core's web reader for LlamaIndex."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

try:
    from llama_index.core.readers.base import BasePydanticReader
    from llama_index.core.schema import Document
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from llama_index.embeddings.ragbridge.connection import JinaConnected, JinaSettings
from llama_index.readers.ragbridge.documents import document_of
from ragbridge import ConfigurationError, ReaderOptions


class JinaReaderSettings(JinaSettings, total=False):
    """``JinaSettings``, and the field of ``BasePydanticReader``."""

    is_remote: bool


class JinaReader(JinaConnected, BasePydanticReader):
    """Reads pages of the web, and PDF that stand there, as clean Markdown: one document for each address.

    By Jina AI's reader, which fetches them, or by the embedded engine, which knows the pages that it was handed
    (``Engine(pages=...)``). It works without a key as well: ``JinaReader(limits="keyless")``.

    A document's id is the address that was asked for; its metadata are the page's address, title, description and what
    else was asked for. Every setting is a public field, so pickles and ``to_dict`` hold them all, except for the key:
    what is unpickled or made by ``from_dict`` takes it from the environment of its own process.

    Args:
        options: How pages are read; a cookie and a proxy of your own go to the methods instead, since pickles and dumps
            would show them.
        max_age: Seconds that a page of the ``cache`` may be old; None to read each page in any case, and to keep none.
        region: ``"eu"`` for the reader of the European Union, ``"cn"`` for its mirror in China.
        reader_url: The reader's address, if it differs.
        **settings: See ``JinaSettings``; and ``is_remote`` of ``BasePydanticReader``.

    Raises:
        ConfigurationError: A setting is wrong, or the key is missing.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    options: ReaderOptions | None
    max_age: float | None
    region: str | None
    reader_url: str | None
    is_remote: bool = True

    def __init__(
        self,
        *,
        options: ReaderOptions | None = None,
        max_age: float | None = None,
        region: str | None = None,
        reader_url: str | None = None,
        **settings: Unpack[JinaReaderSettings],
    ) -> None:
        fields: dict[str, Any] = {
            "options": options,
            "max_age": max_age,
            "region": region,
            "reader_url": reader_url,
            **settings,
        }
        super().__init__(**fields)
        secret = [name for name in ReaderOptions.SECRETS if self.options and name in self.options.given()]
        if secret:
            raise ConfigurationError(
                f"options: {' and '.join(secret)} would be shown by pickles and dumps: pass options= to load_data()"
            )
        # Sends nothing; raises if settings of the connection contradict each other.
        self._jina().read_many([], max_age=self.max_age)

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "JinaReader"

    def load_data(self, urls: Sequence[str], *, options: ReaderOptions | None = None) -> list[Document]:
        """The pages, read concurrently, in the order of their addresses.

        Args:
            urls: The pages' addresses. An empty list sends nothing.
            options: How they are read, instead of the component's own options.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            StatusError: A page cannot be read; ``index`` says which. ``lazy_load_data`` can continue after it.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        pages = self._jina().read_many(urls, options=options or self.options, max_age=self.max_age)
        return [*map(document_of, pages, urls)]

    async def aload_data(
        self, urls: Sequence[str], *, options: ReaderOptions | None = None
    ) -> list[Document]:
        """``load_data``, awaitable."""
        pages = await self._jina().aread_many(urls, options=options or self.options, max_age=self.max_age)
        return [*map(document_of, pages, urls)]

    def lazy_load_data(
        self, urls: Iterable[str], *, options: ReaderOptions | None = None
    ) -> Iterable[Document]:
        """The pages, each read when it is asked for; after one that cannot be read, ``next`` continues with the one after it."""
        if isinstance(urls, str):
            raise ConfigurationError("urls is one str: pass a list")

        def read(url: str) -> Document:
            page = self._jina().read(url, options=options or self.options, max_age=self.max_age)
            return document_of(page, url)

        return map(read, urls)

    async def alazy_load_data(
        self, urls: Sequence[str], *, options: ReaderOptions | None = None
    ) -> Iterable[Document]:
        """``aload_data``: LlamaIndex awaits them all at once."""
        return await self.aload_data(urls, options=options)
