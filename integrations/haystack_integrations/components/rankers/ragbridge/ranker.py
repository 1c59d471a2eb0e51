"""``JinaRanker``: documents by their relevance to a query."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from haystack import Document, component
from haystack.utils import Secret

from haystack_integrations.common.ragbridge.component import check_documents, texts_of
from haystack_integrations.common.ragbridge.jina import BASE_URL, KEY, TIMEOUT, JinaComponent
from ragbridge import ConfigurationError, Jina, RateLimit, Retry
from ragbridge.models import DEFAULT_RERANK_MODEL

if TYPE_CHECKING:
    from ragbridge import RankedDocument, Ranking


@component
class JinaRanker(JinaComponent):
    """Ranks documents by their relevance to a query with Jina AI or with the embedded engine.

    ### Usage example
    ```python
    from haystack import Document
    from haystack_integrations.components.rankers.ragbridge import JinaRanker

    ranker = JinaRanker(base_url="local", top_k=1)
    documents = [Document(content="Paris"), Document(content="Bees collect nectar.")]
    print(ranker.run("What do bees collect?", documents)["documents"])
    ```
    """

    def __init__(
        self,
        model: str = DEFAULT_RERANK_MODEL,
        api_key: Secret | None = KEY,
        top_k: int | None = None,
        score_threshold: float | None = None,
        *,
        base_url: str = BASE_URL,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        max_doc_length: int | None = None,
        keep_retrieval_score: bool = False,
        limits: RateLimit | dict[str, Any] | str | None = "free",
        retry: Retry | dict[str, Any] | None = None,
        timeout: float = TIMEOUT,
        concurrency: int | None = None,
        client: Jina | None = None,
    ) -> None:
        """Create the component. Nothing is resolved or opened before warm-up.

        :param model: The model's name.
        :param api_key: The key, resolved at warm-up: by default the environment's `JINA_API_KEY`, `JINAAI_API_KEY` or
            `JINA_AUTH_TOKEN`. Needed at `api.jina.ai`, optional elsewhere.
        :param top_k: How many documents to return; None for all.
        :param score_threshold: Return only documents whose score is this or higher. Scores of different models, and
            of different calls to a listwise model, are not comparable.
        :param base_url: Where the API is, with or without `/v1`; `"local"` for the embedded engine.
        :param meta_fields_to_embed: Names of meta fields whose values are ranked before the content.
        :param embedding_separator: Put between the values of meta fields and the content.
        :param max_doc_length: Tokens of a document that are read, 1 to 8192, where the model has this option.
        :param keep_retrieval_score: Keep the score that a document came with in `meta["retrieval_score"]`.
        :param limits: The account's quota: a tier (`"free"`, `"paid"`, `"premium"`), a `RateLimit` or its fields as a
            dictionary, or None for no limiter. Components with the same key share one quota.
        :param retry: How failures are retried: a `Retry` or its fields as a dictionary; None for its defaults.
        :param timeout: Seconds to wait for an answer's data.
        :param concurrency: Requests in flight at most; None for what the quota allows.
        :param client: A ready client instead of the settings of a connection. Such a component cannot be serialized.
        :raises ConfigurationError: A setting is wrong; it is a `ValueError`.
        """
        super(JinaRanker, self).__init__(  # noqa: UP008 - @component makes the class anew
            client=client,
            api_key=api_key,
            base_url=base_url,
            limits=limits,
            retry=retry,
            timeout=timeout,
            concurrency=concurrency,
        )
        self.model = model
        self.top_k = _checked(top_k)
        self.score_threshold = score_threshold
        self.meta_fields_to_embed = list(meta_fields_to_embed or [])
        self.embedding_separator = embedding_separator
        self.max_doc_length = max_doc_length
        self.keep_retrieval_score = keep_retrieval_score

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, Any]:
        """Rank documents.

        :param query: What is asked.
        :param documents: What to rank. An empty list sends nothing.
        :param top_k: How many documents to return; None for the component's own setting.
        :param score_threshold: Lowest score to return; None for the component's own setting.
        :returns: A dictionary with
            - `documents`: copies, best first, with their ids, and with `score`;
            - `meta`: `model` and `usage` (`total_tokens`, as billed).
        :raises TypeError: `query` is no string, or `documents` no list of Documents.
        :raises RagbridgeError: The service cannot be asked, or refuses.
        """
        asked = self._asked(query, documents, top_k)
        return self._answer(documents, self._connected().rerank(**asked), score_threshold)

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, Any]:
        """Rank documents, as `run` does, without blocking the event loop.

        :param query: What is asked.
        :param documents: What to rank. An empty list sends nothing.
        :param top_k: How many documents to return; None for the component's own setting.
        :param score_threshold: Lowest score to return; None for the component's own setting.
        :returns: What `run` returns.
        :raises TypeError: `query` is no string, or `documents` no list of Documents.
        :raises RagbridgeError: The service cannot be asked, or refuses.
        """
        asked = self._asked(query, documents, top_k)
        return self._answer(documents, await self._connected().arerank(**asked), score_threshold)

    def _asked(self, query: str, documents: list[Document], top_k: int | None) -> dict[str, Any]:
        if not isinstance(query, str):
            raise TypeError("JinaRanker expects a string as query.")
        check_documents(documents, "JinaRanker expects a list of Documents as input.")
        return {
            "query": query,
            "documents": texts_of(documents, self.meta_fields_to_embed, self.embedding_separator),
            "model": self.model,
            "top_n": self.top_k if top_k is None else _checked(top_k),
            "max_doc_length": self.max_doc_length,
        }

    def _answer(
        self, documents: list[Document], ranking: Ranking, score_threshold: float | None
    ) -> dict[str, Any]:
        lowest = self.score_threshold if score_threshold is None else score_threshold
        rows = [row for row in ranking if lowest is None or row.score >= lowest]
        meta = {"model": ranking.model, "usage": {"total_tokens": ranking.usage.tokens}}
        return {"documents": [self._scored(documents[row.index], row) for row in rows], "meta": meta}

    def _scored(self, document: Document, row: RankedDocument) -> Document:
        if not self.keep_retrieval_score or document.score is None:
            return replace(document, score=row.score)
        return replace(document, score=row.score, meta={**document.meta, "retrieval_score": document.score})


def _checked(top_k: int | None) -> int | None:
    if top_k is not None and (type(top_k) is not int or top_k < 1):
        raise ConfigurationError(f"top_k must be > 0, but got {top_k!r}")
    return top_k
