"""``ElasticSemanticRetriever``: documents of an Elasticsearch index by meaning, reranked on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from haystack import Document, component
from haystack.utils import Secret

import ragbridge
from haystack_integrations.common.ragbridge.elastic import KEY, TIMEOUT, ElasticComponent
from haystack_integrations.common.ragbridge.ranking import check_top_k
from ragbridge import ConfigurationError, RateLimit, Retry
from ragbridge.adapters import AnswerFormat, CacheLike, QuotasLike, TransportName

if TYPE_CHECKING:
    from ragbridge.elastic import Hit, SearchHits

Filters = dict[str, Any] | list[dict[str, Any]]


@component
class ElasticSemanticRetriever(ElasticComponent):
    """Retrieves documents from an index with a `semantic_text` field, for which Elasticsearch embeds by itself.

    ### Usage example
    ```python
    from haystack_integrations.components.retrievers.ragbridge import ElasticSemanticRetriever

    retriever = ElasticSemanticRetriever("articles", "content", rerank_inference_id=".jina-reranker-v3", top_k=5)
    print(retriever.run("What do bees collect?", filters={"term": {"lang": "en"}})["documents"])
    ```
    """

    def __init__(
        self,
        index: str | list[str],
        field: str,
        *,
        top_k: int = 10,
        filters: Filters | None = None,
        content_field: str | None = None,
        missing_text: Literal["skip", "empty"] = "skip",
        meta_fields: list[str] | None = None,
        match_field: str | None = None,
        rerank_inference_id: str | None = None,
        rerank_field: str | None = None,
        rank_window_size: int | None = None,
        url: str | None = None,
        cloud_id: str | None = None,
        api_key: Secret | None = KEY,
        username: str | None = None,
        password: Secret | None = None,
        bearer_auth: Secret | None = None,
        ca_certs: str | None = None,
        verify: bool = True,
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

        :param index: Names or patterns of indexes.
        :param field: Their `semantic_text` field.
        :param top_k: How many documents to return.
        :param filters: Queries of Elasticsearch that every document must match, such as `{"term": {"lang": "en"}}`; they
            do not score.
        :param content_field: The field that becomes the content; None for `field`. Name the one that `copy_to` fills
            `field` from: what it fills is not in the document itself.
        :param missing_text: Hits without text in that field are left out (`"skip"`) or have an empty content (`"empty"`);
            the log warns once.
        :param meta_fields: The fields that become meta; None for all others of a document, an empty list for none.
        :param match_field: A `text` field to search by words as well (hybrid search); both lists are joined by ranks.
        :param rerank_inference_id: An inference endpoint of the type `rerank`, which orders the hits.
        :param rerank_field: The field whose text it reads; None for that of the content.
        :param rank_window_size: How many documents are joined or reranked, at least `top_k`; None for `top_k`, or for 10
            where it is less.
        :param url: Elasticsearch's address, by default the environment's `ELASTICSEARCH_URL`. For development,
            the embedded engine (`"local"`) searches small indexes in memory.
        :param cloud_id: A deployment of Elastic Cloud instead, by default the environment's `ELASTIC_CLOUD_ID`.
        :param api_key: An API key, encoded; by default the environment's `ELASTIC_API_KEY`.
        :param username: A user name instead of an API key.
        :param password: The user's password.
        :param bearer_auth: A bearer token instead of an API key.
        :param ca_certs: File or folder of the certificates that are trusted, such as Elasticsearch's `http_ca.crt`.
        :param verify: False to accept any certificate, which lets anyone on the network path read the traffic.
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
        super(ElasticSemanticRetriever, self).__init__(  # noqa: UP008 - @component makes the class anew
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
        self.index = index
        self.field = field
        self.top_k = check_top_k(top_k)
        self.filters = _checked(filters)
        self.content_field = content_field
        self.missing_text: Literal["skip", "empty"] = missing_text
        self.meta_fields = meta_fields
        self.match_field = match_field
        self.rerank_inference_id = rerank_inference_id
        self.rerank_field = rerank_field
        self.rank_window_size = rank_window_size
        # Both raise now if a setting is wrong.
        self._asked("a query", None, None)
        from ragbridge.elastic import SearchHits

        self._answer(SearchHits(()))

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: Filters | None = None, top_k: int | None = None) -> dict[str, Any]:
        """Find documents.

        :param query: The query.
        :param filters: Filters instead of the component's own; None for those.
        :param top_k: How many documents to return; None for the component's own setting.
        :returns: A dictionary with `documents`, best first: `id` and `score` as Elasticsearch gives them (the
            reranker's own score, where there is one), `content`, and as `meta` the other fields and `_index`.
        :raises TypeError: `query` is not a string.
        :raises ConfigurationError: A setting is wrong.
        :raises RagbridgeError: Elasticsearch cannot be asked, or refuses.
        """
        asked = self._asked(query, filters, top_k)
        return self._answer(self._connected().search(**asked))

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, filters: Filters | None = None, top_k: int | None = None
    ) -> dict[str, Any]:
        """Find documents, as `run` does, without blocking the event loop.

        :param query: The query.
        :param filters: Filters instead of the component's own; None for those.
        :param top_k: How many documents to return; None for the component's own setting.
        :returns: The same as `run`.
        :raises TypeError: `query` is not a string.
        :raises ConfigurationError: A setting is wrong.
        :raises RagbridgeError: Elasticsearch cannot be asked, or refuses.
        """
        asked = self._asked(query, filters, top_k)
        return self._answer(await self._connected().asearch(**asked))

    def _asked(self, query: str, filters: Filters | None, top_k: int | None) -> dict[str, Any]:
        if not isinstance(query, str):
            raise TypeError("ElasticSemanticRetriever expects a string as query.")
        from ragbridge.elastic import semantic_search_body  # with the client: it imports all of its service

        body = semantic_search_body(
            self.field,
            query,
            size=self.top_k if top_k is None else check_top_k(top_k),
            filter=self.filters if filters is None else _checked(filters),
            match_field=self.match_field,
            rerank_inference_id=self.rerank_inference_id,
            rerank_field=self.rerank_field,
            rank_window_size=self.rank_window_size,
            text_field=self.content_field,
            fields=self.meta_fields,
        )
        return {"index": self.index, "body": body}

    def _answer(self, hits: SearchHits) -> dict[str, Any]:
        name = self.content_field or self.field
        found = hits.with_text(name, missing=self.missing_text)
        return {"documents": [self._document(hit, hit.without(name), text) for hit, text in found]}

    def _document(self, hit: Hit, meta: dict[str, Any], text: str) -> Document:
        score = hit.score
        if score is not None and self.rerank_inference_id is not None:
            from ragbridge.elastic import original_score

            score = original_score(score)
        return Document(id=hit.id, content=text, meta={**meta, "_index": hit.index}, score=score)


def _checked(filters: Filters | None) -> Filters | None:
    """Returns ``filters`` unless they are in Haystack's own syntax, which Elasticsearch does not understand.

    Raises:
        ConfigurationError: They are.
    """
    rows = filters if isinstance(filters, list) else [filters]
    if any(isinstance(row, dict) and "operator" in row for row in rows):
        raise ConfigurationError(
            "filters= is in Haystack's language: pass queries of Elasticsearch, such as {'term': {'lang': 'en'}} or "
            "{'bool': {'must': [...]}}"
        )
    # Nothing to filter by, as other retrievers have it.
    return filters or None
