"""``ElasticRerank``: documents by their relevance to a query, by an inference endpoint of Elasticsearch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

try:
    from langchain_core.documents import Document
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from langchain_ragbridge._elastic_settings import ElasticSettings
from langchain_ragbridge._reranking import Reranker, rows_of, texts_of

if TYPE_CHECKING:
    from ragbridge import Ranking


class ElasticRerank(ElasticSettings, Reranker):
    """An inference endpoint of Elasticsearch for reranking, or the embedded engine's with ``url="local"``.

    Works wherever LangChain takes a document compressor, such as in ``ContextualCompressionRetriever``; in chains, see
    ``as_runnable``. All documents of a call go in one request, since scores of different ones are not comparable.
    ``ElasticSemanticRetriever`` has Elasticsearch rerank what it found itself, so that no documents are transferred.

    >>> rerank = ElasticRerank(inference_id=".jina-reranker-v3", url="local", top_n=1)
    >>> found = rerank.compress_documents([Document("bread"), Document("the sea")], "ocean")
    >>> found[0].page_content, sorted(found[0].metadata)
    ('the sea', ['relevance_score'])

    Raises:
        ConfigurationError: A setting is wrong or unknown, or there is no address.
    """

    inference_id: str
    """The inference endpoint, of the type ``rerank``; one that exists in every cluster, such as
    ``.rerank-v1-elasticsearch``, or one of your own."""
    top_n: int | None = 3
    """Documents to return; None for all."""
    task_settings: dict[str, Any] | None = None
    """The service's own settings; they override the endpoint's."""
    inference_timeout: float | None = None
    """Seconds that Elasticsearch waits for the model, such as one that has to be started first; its own default is 30."""

    def rerank(
        self,
        documents: Sequence[str | Document | Mapping[str, str]],
        query: str,
        *,
        inference_id: str | None = None,
        top_n: int | None = -1,
    ) -> list[dict[str, Any]]:
        """Indices and scores instead of documents, best first.

        Args:
            documents: Texts, documents, or objects with ``text``.
            query: The query.
            inference_id: Another endpoint than the object's own.
            top_n: How many to return; None for all, -1 for the object's own ``top_n``.

        Returns:
            ``{"index", "relevance_score"}`` for each, ``index`` being the position in ``documents``.

        Raises:
            RagbridgeError: See ``ragbridge.Elastic.rerank``.
        """
        options = self._options(self.top_n if top_n == -1 else top_n)
        if inference_id is not None:
            options["inference_id"] = inference_id
        return rows_of(self._elastic.rerank(query, texts_of(documents), **options))

    def _rank(self, query: str, documents: Sequence[Document]) -> Ranking:
        return self._elastic.rerank(query, texts_of(documents), **self._options(self.top_n))

    async def _arank(self, query: str, documents: Sequence[Document]) -> Ranking:
        return await self._elastic.arerank(query, texts_of(documents), **self._options(self.top_n))

    def _options(self, top_n: int | None) -> dict[str, Any]:
        return {
            "inference_id": self.inference_id,
            "top_n": top_n,
            "task_settings": self.task_settings,
            "timeout": self.inference_timeout,
        }

    def _check_options(self) -> None:
        self._elastic.rerank("a query", [], **self._options(self.top_n))
