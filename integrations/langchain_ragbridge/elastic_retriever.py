"""``ElasticSemanticRetriever``: documents of an index of Elasticsearch that says itself what is similar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

try:
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from pydantic import Field

from langchain_ragbridge._elastic_settings import ElasticSettings

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun

    from ragbridge.elastic import Hit, SearchHits


class ElasticSemanticRetriever(ElasticSettings, BaseRetriever):
    """Searches a ``semantic_text`` field by meaning, on request also by words, and has Elasticsearch rerank the hits.

    Models run in Elasticsearch or in the services of its endpoints, so no vectors and no other keys are needed here. For
    development, the embedded engine (``url="local"``) and ``ragbridge serve`` search small indexes in memory.

    ::

        retriever = ElasticSemanticRetriever(
            url="https://localhost:9200", api_key="...", index="articles", field="content",
            rerank_inference_id=".jina-reranker-v3", k=5,
        )
        retriever.invoke("who inspired taking care of the sea?", k=3)

    Documents have their ``id``; of their metadata, ``_index`` and ``_score`` are Elasticsearch's. After a reranker
    ``relevance_score`` is its own measure, from which Elasticsearch makes positive scores.

    Raises:
        ConfigurationError: A setting is wrong or unknown, or there is no address.
    """

    model_config = ElasticSettings.model_config  # LangChain's own would have unknown settings ignored

    index: str | list[str] = Field(min_length=1)
    """Names or patterns."""
    field: str
    """The ``semantic_text`` field."""
    k: int = 4
    """Documents to return; ``invoke(query, k=...)`` for one call."""
    filter: dict[str, Any] | list[dict[str, Any]] | None = None
    """Queries of Elasticsearch that every document must match, such as ``{"term": {"lang": "en"}}``."""
    match_field: str | None = None
    """A ``text`` field to search by words as well (hybrid search): both lists are joined by their ranks."""
    rerank_inference_id: str | None = None
    """An endpoint that reranks the hits, such as ``.rerank-v1-elasticsearch``."""
    rerank_field: str | None = None
    """The field whose text it reads; None for ``text_field``."""
    rank_window_size: int | None = None
    """How many hits are joined or reranked, at least ``k``; None for ``k``, or for 10 where it is less."""
    text_field: str | None = Field(default=None, min_length=1)
    """The field that becomes ``page_content``; None for ``field``. Name the one that ``copy_to`` fills ``field`` from."""
    missing_text: Literal["skip", "empty"] = "skip"
    """Hits without text in that field are left out (``"skip"``) or have an empty ``page_content``; the log warns once."""
    metadata_fields: list[str] | None = None
    """The fields that become ``metadata``; None for all others of a document, an empty list for none."""

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's
        k: int | None = None,
    ) -> list[Document]:
        return self._documents(self._elastic.search(**self._options(query, k)))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's
        k: int | None = None,
    ) -> list[Document]:
        return self._documents(await self._elastic.asearch(**self._options(query, k)))

    def _options(self, query: str, k: int | None) -> dict[str, Any]:
        from ragbridge.elastic import semantic_search_body  # with the client: it imports all of its service

        body = semantic_search_body(
            self.field,
            query,
            size=self.k if k is None else k,
            filter=self.filter,
            match_field=self.match_field,
            rerank_inference_id=self.rerank_inference_id,
            rerank_field=self.rerank_field,
            rank_window_size=self.rank_window_size,
            text_field=self.text_field,
            fields=self.metadata_fields,
        )
        return {"index": self.index, "body": body}

    @property
    def _text_field(self) -> str:
        return self.field if self.text_field is None else self.text_field

    def _documents(self, hits: SearchHits) -> list[Document]:
        found = hits.with_text(self._text_field, missing=self.missing_text)
        return [self._document(hit, text) for hit, text in found]

    def _document(self, hit: Hit, text: str) -> Document:
        metadata = {**hit.without(self._text_field), "_index": hit.index, "_score": hit.score}
        if self.rerank_inference_id is not None and hit.score is not None:
            from ragbridge.elastic import original_score

            metadata["relevance_score"] = original_score(hit.score)
        return Document(page_content=text, id=hit.id, metadata=metadata)

    def _check_options(self) -> None:
        self._options("a query", None)
        self._elastic  # noqa: B018 - made now, so that wrong settings are told now
