"""``JinaRanker``: documents by their relevance to a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haystack import Document, component
from haystack.utils import Secret

import ragbridge
from haystack_integrations.common.ragbridge.component import texts_of
from haystack_integrations.common.ragbridge.jina import BASE_URL, KEY, TIMEOUT, JinaComponent
from haystack_integrations.common.ragbridge.pictures import Pictures, check_size
from haystack_integrations.common.ragbridge.ranking import (
    candidates,
    check_threshold,
    check_top_k,
    ranked_documents,
)
from ragbridge import RateLimit, Retry
from ragbridge.adapters import CacheLike, QuotasLike, TransportName
from ragbridge.models import DEFAULT_RERANK_MODEL

if TYPE_CHECKING:
    from ragbridge import Image, Ranking


@component
class JinaRanker(JinaComponent):
    """Ranks documents by their relevance to a query with Jina AI or with the embedded engine.

    `jina-reranker-m0` ranks pictures among texts: those of documents that have no text.

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
        api_key: Secret | list[Secret] | None = KEY,
        top_k: int | None = None,
        score_threshold: float | None = None,
        *,
        base_url: str = BASE_URL,
        host: str | None = None,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        max_doc_length: int | None = None,
        max_documents_per_call: int | None = None,
        normalize_scores: bool = False,
        file_path_meta_field: str | None = None,
        root_path: str | None = None,
        image_size: tuple[int, int] | None = None,
        keep_retrieval_score: bool = False,
        limits: RateLimit | dict[str, Any] | str | None = "auto",
        retry: Retry | dict[str, Any] | None = None,
        timeout: float = TIMEOUT,
        deadline: float | None = None,
        concurrency: int | None = None,
        transport: TransportName = "auto",
        headers: dict[str, str | Secret | None] | None = None,
        quotas: QuotasLike | None = None,
        cache: CacheLike | None = None,
        cache_version: str = "",
        client: ragbridge.Jina | None = None,
    ) -> None:
        """Create the component. Nothing is resolved or opened before warm-up.

        :param model: The model's name.
        :param api_key: The key, resolved at warm-up, or a list of keys, each with a quota of its own: by default the environment's `JINA_API_KEY`, `JINAAI_API_KEY` or
            `JINA_AUTH_TOKEN`. Needed at `api.jina.ai`, optional elsewhere.
        :param top_k: How many documents to return; None for all.
        :param score_threshold: Return only documents whose score is this or higher. Scores of different models, and
            of different calls to a listwise model, are not comparable.
        :param base_url: The API's address, with or without `/v1`; `"local"` for the embedded engine.
        :param host: What kind of server is there, such as `"vllm"` or `"tei"`; None: known by its address, or found by
            asking it once.
        :param meta_fields_to_embed: Names of meta fields whose values are ranked before the content.
        :param embedding_separator: Put between the values of meta fields and the content.
        :param max_doc_length: Tokens of a document that are read, 1 to 8192, where the model has this option.
        :param max_documents_per_call: Documents in one call at most; None for all. Models that judge each document by
            itself then get several calls; listwise ones (v3, v3.5) rank in rounds, see `met` of `run`.
        :param normalize_scores: Map scores to 0..1 where the host gives logits (llama.cpp, SGLang).
        :param file_path_meta_field: The meta field that names the file of the image, or of the PDF whose `page_number`
            it is, by which a document without text is ranked; None where files are left alone. The image in a
            document's `blob` needs no setting.
        :param root_path: The folder that such files are in, which they cannot leave; None to open no file.
        :param image_size: Width and height into which larger pictures are fitted. Needs pillow.
        :param keep_retrieval_score: Keep the score that a document came with in `meta["retrieval_score"]`.
        :param limits: The account's quota: a tier (`"free"`, `"paid"`, `"premium"`), a `RateLimit` or its fields as a
            dictionary, or None for no limiter; `"auto"` is the free tier at `*.jina.ai` and none elsewhere. Components with the same key share one quota.
        :param retry: How failures are retried: a `Retry` or its fields as a dictionary; None for its defaults.
        :param timeout: Seconds to wait for an answer's data.
        :param deadline: Seconds that one request may take as a whole; None for ten times `timeout`.
        :param concurrency: Requests in flight at most; None for what the quota allows.
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
        :param client: A ready client instead of connection settings. Such a component cannot be serialized.
        :raises ConfigurationError: A setting is wrong; it is a `ValueError`.
        """
        super(JinaRanker, self).__init__(  # noqa: UP008 - @component makes the class anew
            client=client,
            api_key=api_key,
            base_url=base_url,
            host=host,
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
        )
        self.model = model
        self.top_k = check_top_k(top_k)
        self.score_threshold = check_threshold(score_threshold)
        self.meta_fields_to_embed = list(meta_fields_to_embed or [])
        self.embedding_separator = embedding_separator
        self.max_doc_length = max_doc_length
        self.max_documents_per_call = max_documents_per_call
        self.normalize_scores = normalize_scores
        self.file_path_meta_field = file_path_meta_field
        self.root_path = root_path
        self.image_size = check_size(image_size)
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

        :param query: The query.
        :param documents: The documents to rank. Of several with one id, the one with the highest score is ranked. An empty
            list sends nothing.
        :param top_k: How many documents to return; None for the component's own setting.
        :param score_threshold: Lowest score to return; None for the component's own setting.
        :returns: A dictionary with
            - `documents`: copies, best first, with their ids, and with `score`;
            - `meta`: `model` and `usage` (`total_tokens`, as billed); and, where a listwise model ranked in rounds,
              `met`, the ids of the documents of the last call: only their scores may be compared, and they stand first.
        :raises TypeError: `query` is not a string, or `documents` is not a list of Documents.
        :raises ConfigurationError: A setting is wrong, or a document's picture cannot be read or is not accepted by the model.
        :raises RagbridgeError: The service cannot be asked, or refuses.
        """
        documents, lowest = candidates(documents, "JinaRanker"), self._lowest(score_threshold)
        texts = self._texts(query, documents)
        asked = self._asked(query, texts, self._pictures().of_textless(documents, texts), top_k)
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
        :raises ConfigurationError: A setting is wrong, or a document's picture cannot be read or is not accepted by the model.
        :raises RagbridgeError: The service cannot be asked, or refuses.
        """
        documents, lowest = candidates(documents, "JinaRanker"), self._lowest(score_threshold)
        texts = self._texts(query, documents)
        images = await self._pictures().of_textless_async(documents, texts)
        asked = self._asked(query, texts, images, top_k)
        return self._answer(documents, await self._connected().arerank(**asked), lowest)

    def _lowest(self, score_threshold: float | None) -> float | None:
        return self.score_threshold if score_threshold is None else check_threshold(score_threshold)

    def _texts(self, query: str, documents: list[Document]) -> list[str]:
        if not isinstance(query, str):
            raise TypeError("JinaRanker expects a string as query.")
        return texts_of(documents, self.meta_fields_to_embed, self.embedding_separator)

    def _pictures(self) -> Pictures:
        return Pictures(self.file_path_meta_field, self.root_path, self.image_size)

    def _asked(
        self, query: str, texts: list[str], images: dict[int, Image], top_k: int | None
    ) -> dict[str, Any]:
        return {
            "query": query,
            "documents": [images.get(place, text) for place, text in enumerate(texts)] if images else texts,
            "model": self.model,
            "top_n": self.top_k if top_k is None else check_top_k(top_k),
            "max_doc_length": self.max_doc_length,
            "max_documents_per_call": self.max_documents_per_call,
            "normalize_scores": self.normalize_scores,
        }

    def _answer(self, documents: list[Document], ranking: Ranking, lowest: float | None) -> dict[str, Any]:
        ranked = ranked_documents(
            documents, ranking, score_threshold=lowest, keep_retrieval_score=self.keep_retrieval_score
        )
        meta: dict[str, Any] = {
            "model": ranking.model,
            "usage": {"total_tokens": ranking.usage.tokens},
        }
        if len(ranking.met) < len(documents):
            meta["met"] = [documents[place].id for place in sorted(ranking.met)]
        return {"documents": ranked, "meta": meta}
