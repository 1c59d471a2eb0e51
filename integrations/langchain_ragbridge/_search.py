"""The settings of a web search, shared by a tool and a retriever."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from langchain_ragbridge._pages import Options
from langchain_ragbridge._settings import JinaSettings

Word = Annotated[str, Field(min_length=1)]


class JinaSearchSettings(JinaSettings):
    """The options of ``ragbridge.Jina.search`` as fields. A search is expensive: it is billed 10,000 tokens or more."""

    k: Annotated[int, Field(ge=1)] | None = None
    """Results at most; None for what the service thinks right."""
    site: Word | None = None
    """The only domain to search, such as ``"jina.ai"``."""
    country: Word | None = None
    """Two letters: from where it is searched."""
    language: Word | None = None
    """Two letters: in which language."""
    location: Word | None = None
    """A city from which it is searched."""
    content: bool = True
    """Whether the pages found are read; else each result has title, address and description."""
    options: Options = None
    """How they are read. Cookies and the proxy's address are in no repr or dump."""
    region: str | None = None
    """``"eu"`` for the search of the European Union, ``"cn"`` for its mirror in China."""
    search_url: str | None = None
    """The search's address, if it differs; None for Jina's own host, or for ``/s`` beside the ``/v1`` of ``base_url``."""

    def _search_options(self, k: int | None = None) -> dict[str, Any]:
        return {
            "num": self.k if k is None else k,
            "site": self.site,
            "country": self.country,
            "language": self.language,
            "location": self.location,
            "content": self.content,
            "options": self.options,
        }

    def _check_options(self) -> None:
        # Every search is billed, so only the key and the connection are checked here; the rest is checked by the first search.
        self._jina  # noqa: B018
