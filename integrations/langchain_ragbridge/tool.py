"""``JinaSearch``: a tool by which models search the web."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

try:
    from langchain_core.tools import ArgsSchema, BaseTool, ToolException
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from pydantic import BaseModel, Field

from langchain_ragbridge._search import JinaSearchSettings
from ragbridge import InvalidRequestError

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun

    from ragbridge import SearchResults


class JinaSearchInput(BaseModel):
    """The tool's arguments, filled in by a model."""

    query: str = Field(description="search query to look up", min_length=1)


class JinaSearch(JinaSearchSettings, BaseTool):
    """Searches the web by Jina's search, and reads the pages found: a JSON list of title, link, snippet and content.

    ::

        tool = JinaSearch(k=3, content=False)     # titles, links and snippets alone: fewer tokens for the model
        agent = create_agent("some-model", tools=[tool])

    Raises:
        ConfigurationError: A setting is wrong or unknown, or the key is missing.
    """

    model_config = JinaSearchSettings.model_config

    name: str = "jina_search"
    description: str = (
        "Searches the web for up-to-date information. Returns a JSON list of pages, best first, each with its title, "
        "link, snippet, and its content as clean text; an empty list where nothing was found."
    )
    args_schema: ArgsSchema | None = JinaSearchInput

    def _run(self, query: str, run_manager: CallbackManagerForToolRun | None = None) -> str:  # noqa: ARG002
        try:
            return _json(self._jina.search(query, **self._search_options()))
        except InvalidRequestError as error:
            raise _for_model(error) from error

    async def _arun(self, query: str, run_manager: AsyncCallbackManagerForToolRun | None = None) -> str:  # noqa: ARG002
        try:
            return _json(await self._jina.asearch(query, **self._search_options()))
        except InvalidRequestError as error:
            raise _for_model(error) from error


def _json(results: SearchResults) -> str:
    rows = [
        {"title": page.title, "link": page.url, "snippet": page.description, "content": page.content}
        for page in results
    ]
    return json.dumps(rows, ensure_ascii=False)


def _for_model(error: InvalidRequestError) -> ToolException:
    """An error that a model can correct by another query; ``handle_tool_error=True`` shows it to the model."""
    return ToolException(f"The search refused the query: {error.message}")
