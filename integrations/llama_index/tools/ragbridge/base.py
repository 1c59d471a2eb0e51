"""``JinaToolSpec``: the core's search and reader as tools of LlamaIndex's agents."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

try:
    from llama_index.core.schema import Document
    from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from pydantic import Field

from llama_index.embeddings.ragbridge.connection import JinaConnected, JinaSettings
from llama_index.readers.ragbridge.documents import document_of
from ragbridge import Page


class JinaToolSpec(JinaConnected, BaseToolSpec):
    """Two tools: ``jina_search`` searches the web, ``jina_read`` reads a page of it.

    By Jina AI, or by the embedded engine, whose web is the pages that it was handed (``Engine(pages=...)``). A search
    is billed 10,000 tokens or more and needs a key; reading works without one as well (``limits="keyless"``).
    ``to_tool_list(["jina_search"])`` leaves one out. Pickles and dumps hold every setting except for the key.

    Args:
        num: Results of a search at most; None for what the service thinks right.
        country: Two letters: from where it is searched.
        language: Two letters: in which language.
        location: A city from which it is searched.
        site: The only domain to search, such as ``"jina.ai"``.
        content: Whether the pages found are read; else a result has title, address and description.
        max_age: Seconds that a page of the ``cache`` may be old, for ``jina_read``; None to read each page in any case, and to
            keep none.
        region: ``"eu"`` for the hosts of the European Union, ``"cn"`` for the mirrors in China.
        reader_url: The reader's address, if it differs.
        search_url: The search's address, if it differs.
        **settings: See ``JinaSettings``.

    Raises:
        ConfigurationError: A setting is wrong, or the key is missing.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    spec_functions: ClassVar[list[SPEC_FUNCTION_TYPE]] = [  # type: ignore[misc]  # there of a class that has no fields
        ("jina_search", "ajina_search"),
        ("jina_read", "ajina_read"),
    ]

    num: int | None = Field(ge=1)
    country: str | None
    language: str | None
    location: str | None
    site: str | None
    content: bool
    max_age: float | None
    region: str | None
    reader_url: str | None
    search_url: str | None

    def __init__(
        self,
        *,
        num: int | None = None,
        country: str | None = None,
        language: str | None = None,
        location: str | None = None,
        site: str | None = None,
        content: bool = True,
        max_age: float | None = None,
        region: str | None = None,
        reader_url: str | None = None,
        search_url: str | None = None,
        **settings: Unpack[JinaSettings],
    ) -> None:
        fields: dict[str, Any] = {
            "num": num,
            "country": country,
            "language": language,
            "location": location,
            "site": site,
            "content": content,
            "max_age": max_age,
            "region": region,
            "reader_url": reader_url,
            "search_url": search_url,
            **settings,
        }
        super().__init__(**fields)
        # Sends nothing; raises if settings of the connection contradict each other.
        self._jina().read_many([], max_age=self.max_age)

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "JinaToolSpec"

    # Agents see the docstrings below as the tools' descriptions.

    def jina_search(self, query: str) -> list[Document]:
        """Search the web and return the pages found, best first: title, address, and content as Markdown.

        Args:
            query (str): What to search for.
        """
        return [*map(_result, self._jina().search(query, **self._options()))]

    async def ajina_search(self, query: str) -> list[Document]:
        """Search the web and return the pages found, best first: title, address, and content as Markdown.

        Args:
            query (str): What to search for.
        """
        return [*map(_result, await self._jina().asearch(query, **self._options()))]

    def jina_read(self, url: str) -> list[Document]:
        """Read a page of the web, or a PDF that stands there, and return its content as Markdown.

        Args:
            url (str): The address of the page.
        """
        return [document_of(self._jina().read(url, max_age=self.max_age), url)]

    async def ajina_read(self, url: str) -> list[Document]:
        """Read a page of the web, or a PDF that stands there, and return its content as Markdown.

        Args:
            url (str): The address of the page.
        """
        return [document_of(await self._jina().aread(url, max_age=self.max_age), url)]

    def _options(self) -> dict[str, Any]:
        options = ("num", "country", "language", "location", "site", "content")
        return {name: getattr(self, name) for name in options}


def _result(page: Page) -> Document:
    """A search result. LlamaIndex shows agents only a document's text, so the text begins with title and address."""
    document = document_of(page)
    heading = [part for part in (page.title, page.url) if part]
    document.set_content("\n".join([*heading, "", page.content or page.description]))
    return document
