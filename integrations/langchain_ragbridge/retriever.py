"""``JinaSearchRetriever``: results of a web search, as documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from langchain_ragbridge._pages import metadata_of
from langchain_ragbridge._search import JinaSearchSettings

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun

    from ragbridge import SearchResults


class JinaSearchRetriever(JinaSearchSettings, BaseRetriever):
    """Finds pages by Jina's search of the web: a document for each, with its content, or its description without one.

    Metadata has ``source`` (the address), and as far as the page has them ``title``, ``description`` and what ``options``
    ask for besides.

    ::

        retriever = JinaSearchRetriever(k=5, site="jina.ai")
        documents = retriever.invoke("what is late chunking?")      # k=... holds for one call

    Raises:
        ConfigurationError: A setting is wrong or unknown, or the key is missing.
        RagbridgeError: See ``ragbridge.Jina.search``; so too where nothing is found.
    """

    model_config = JinaSearchSettings.model_config

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
    ) -> list[Document]:
        return _documents(self._jina.search(query, **self._search_options(k)))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
    ) -> list[Document]:
        return _documents(await self._jina.asearch(query, **self._search_options(k)))


def _documents(results: SearchResults) -> list[Document]:
    return [
        Document(
            page_content=page.content or page.description, metadata={"source": page.url, **metadata_of(page)}
        )
        for page in results
    ]
