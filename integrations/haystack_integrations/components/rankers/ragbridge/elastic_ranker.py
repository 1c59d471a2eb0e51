"""``ElasticRanker``: documents by their relevance to a query, by an inference endpoint of Elasticsearch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haystack import Document, component
from haystack.utils import Secret

import ragbridge
from haystack_integrations.common.ragbridge.component import texts_of
from haystack_integrations.common.ragbridge.elastic import KEY, TIMEOUT, ElasticComponent
from haystack_integrations.common.ragbridge.ranking import (
    candidates,
    check_threshold,
    check_top_k,
    ranked_documents,
)
from ragbridge import RateLimit, Retry
from ragbridge.adapters import AnswerFormat, CacheLike, QuotasLike, TransportName

if TYPE_CHECKING:
    from ragbridge import Ranking


@component
class ElasticRanker(ElasticComponent):
    """Ranks documents by an inference endpoint of Elasticsearch or of the embedded engine.

    ### Usage example
    ```python
    from haystack import Document
    from haystack_integrations.components.rankers.ragbridge import ElasticRanker

    ranker = ElasticRanker(".jina-reranker-v3", url="local", top_k=1)
    documents = [Document(content="Paris"), Document(content="Bees collect nectar.")]
    print(ranker.run("What do bees collect?", documents)["documents"])
    ```
    """

    def __init__(
        self,
        inference_id: str,
        *,
        url: str | None = None,
        cloud_id: str | None = None,
        api_key: Secret | None = KEY,
        username: str | None = None,
        password: Secret | None = None,
        bearer_auth: Secret | None = None,
        ca_certs: str | None = None,
        verify: bool = True,
        top_k: int | None = None,
        score_threshold: float | None = None,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        keep_retrieval_score: bool = False,
        task_settings: dict[str, Any] | None = None,
        inference_timeout: float | None = None,
        limits: RateLimit | dict[str, Any] | str | None = "cluster",
        retry: Retry | dict[str, Any] | None = None,
        timeout: float = TIMEOUT,
        deadline: float | None = None,
        concurrency: int | None = None,
        transport: TransportName = "auto",
        headers: dict[str, str | Secret | None] | None = None,
        quotas: QuotasLike | None = None,
        cache: CacheLike | None = None,
        cache_version: str = "",
        answer_format: AnswerFormat = "auto",
        client: ragbridge.Elastic | None = None,
    ) -> None:
        """Create the component. Nothing is resolved or opened before warm-up.

        :param inference_id: The inference endpoint, of the type `rerank`.
        :param url: Elasticsearch's address, by default the environment's `ELASTICSEARCH_URL`; `"local"` for the embedded
            engine.
        :param cloud_id: A deployment of Elastic Cloud instead, by default the environment's `ELASTIC_CLOUD_ID`.
        :param api_key: An API key, encoded; by default the environment's `ELASTIC_API_KEY`.
        :param username: A user name instead of an API key.
        :param password: The user's password.
        :param bearer_auth: A bearer token instead of an API key.
        :param ca_certs: File or folder of the certificates that are trusted, such as Elasticsearch's `http_ca.crt`.
        :param verify: False to accept any certificate, which lets anyone on the network path read the traffic.
        :param top_k: How many documents to return; None for all, whatever the endpoint is set to.
        :param score_threshold: Return only documents whose score is this or higher. Scores of different models, and
            of different calls to a listwise model, are not comparable.
        :param meta_fields_to_embed: Names of meta fields whose values are ranked before the content.
        :param embedding_separator: Put between the values of meta fields and the content.
        :param keep_retrieval_score: Keep the score that a document came with in `meta["retrieval_score"]`.
        :param task_settings: The service's own settings; they override the endpoint's.
        :param inference_timeout: Seconds that Elasticsearch waits for the model; None for its own default, 30.
        :param limits: `"cluster"` counts nothing and pauses where Elasticsearch asks for it; `"eis"` is what the Elastic
            Inference Service publishes; a `RateLimit` or its fields as a dictionary; or None for no limiter.
        :param retry: How failures are retried: a `Retry` or its fields as a dictionary; None for its defaults.
        :param timeout: Seconds to wait for an answer's data. Elasticsearch itself waits 30 for a model.
        :param deadline: Seconds that one request may take as a whole; None for ten times `timeout`.
        :param concurrency: Requests in flight at most; None for what the limits allow.
        :param transport: Which HTTP library sends: `"httpx"`, `"httpx2"`, `"fast"` (extra `speed`), or `"auto"` for the
            fastest that is installed and serves.
        :param headers: Headers for every request, by name. A value is a `Secret`; None for the environment's
            `RAGBRIDGE_HEADER_<NAME>`; or a text, with which the component cannot be serialized.
        :param quotas: Where quotas are kept that several processes share: `"redis://"` for the server that
            `RAGBRIDGE_REDIS_URL` names, the path of a file for the processes of one machine, or an object such as
            `RedisQuotas()`. Only a text can be serialized.
        :param cache: Where answers are kept that were paid for: the path of a file, `"redis://"` for the server that
            `RAGBRIDGE_REDIS_URL` names, or a cache. Only a text can be serialized.
        :param cache_version: Any text. With another one, nothing is found that was kept before.
        :param answer_format: In which form vectors are asked for: `"auto"` is CBOR where it works, else JSON; `"cbor"` or
            `"json"` settle it.
        :param client: A ready client instead of connection settings. Such a component cannot be serialized.
        :raises ConfigurationError: A setting is wrong.
        """
        super(ElasticRanker, self).__init__(  # noqa: UP008 - @component makes the class anew
            client=client,
            url=url,
            cloud_id=cloud_id,
            api_key=api_key,
            username=username,
            password=password,
            bearer_auth=bearer_auth,
            ca_certs=ca_certs,
            verify=verify,
            limits=limits,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            concurrency=concurrency,
            transport=transport,
            headers=headers,
            quotas=quotas,
            cache=cache,
            cache_version=cache_version,
            answer_format=answer_format,
        )
        self.inference_id = inference_id
        self.top_k = check_top_k(top_k)
        self.score_threshold = check_threshold(score_threshold)
        self.meta_fields_to_embed = list(meta_fields_to_embed or [])
        self.embedding_separator = embedding_separator
        self.keep_retrieval_score = keep_retrieval_score
        self.task_settings = task_settings
        self.inference_timeout = inference_timeout

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, Any]:
        """Rank documents.

        :param query: The query.
        :param documents: The documents to rank. Of several with one id, the one with the highest score is ranked. An empty
            list sends nothing.
        :param top_k: How many documents to return; None for the component's own setting.
        :param score_threshold: Lowest score to return; None for the component's own setting.
        :returns: A dictionary with
            - `documents`: copies, best first, with their ids, and with `score`;
            - `meta`: `model`, which is the endpoint's id. Elasticsearch does not tell what was billed.
        :raises TypeError: `query` is not a string, or `documents` is not a list of Documents.
        :raises RagbridgeError: Elasticsearch cannot be asked, or refuses.
        """
        documents, lowest = candidates(documents, "ElasticRanker"), self._lowest(score_threshold)
        asked = self._asked(query, documents, top_k)
        return self._answer(documents, self._connected().rerank(**asked), lowest)

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, Any]:
        """Rank documents, as `run` does, without blocking the event loop.

        :param query: The query.
        :param documents: The documents to rank. Of several with one id, the one with the highest score is ranked. An empty
            list sends nothing.
        :param top_k: How many documents to return; None for the component's own setting.
        :param score_threshold: Lowest score to return; None for the component's own setting.
        :returns: The same as `run`.
        :raises TypeError: `query` is not a string, or `documents` is not a list of Documents.
        :raises RagbridgeError: Elasticsearch cannot be asked, or refuses.
        """
        documents, lowest = candidates(documents, "ElasticRanker"), self._lowest(score_threshold)
        asked = self._asked(query, documents, top_k)
        return self._answer(documents, await self._connected().arerank(**asked), lowest)

    def _lowest(self, score_threshold: float | None) -> float | None:
        return self.score_threshold if score_threshold is None else check_threshold(score_threshold)

    def _asked(self, query: str, documents: list[Document], top_k: int | None) -> dict[str, Any]:
        if not isinstance(query, str):
            raise TypeError("ElasticRanker expects a string as query.")
        return {
            "query": query,
            "documents": texts_of(documents, self.meta_fields_to_embed, self.embedding_separator),
            "inference_id": self.inference_id,
            "top_n": self.top_k if top_k is None else check_top_k(top_k),
            "task_settings": self.task_settings,
            "timeout": self.inference_timeout,
        }

    def _answer(self, documents: list[Document], ranking: Ranking, lowest: float | None) -> dict[str, Any]:
        ranked = ranked_documents(
            documents, ranking, score_threshold=lowest, keep_retrieval_score=self.keep_retrieval_score
        )
        return {"documents": ranked, "meta": {"model": ranking.model}}
