"""``ElasticSemanticRetriever``: nodes from a semantic search by Elasticsearch."""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.constants import DEFAULT_SIMILARITY_TOP_K
    from llama_index.core.schema import IndexNode, NodeWithScore, QueryBundle, TextNode
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from llama_index.embeddings.ragbridge.connection import ElasticConnected, ElasticSettings
from ragbridge import adapters

if TYPE_CHECKING:
    from ragbridge.elastic import Hit, SearchHits

INDEX = "_index"
"""Metadata key of the index that a node is from, hidden from embeddings and language models."""


class ElasticSemanticRetriever(BaseRetriever):
    """Searches a ``semantic_text`` field by meaning, on request also by words, and has Elasticsearch rerank the hits.

    Models run in Elasticsearch or in the services of its endpoints, so no vectors and no other keys are needed here. For
    development, the embedded engine (``url="local"``) and ``ragbridge serve`` search small indexes in memory.

    ::

        retriever = ElasticSemanticRetriever(
            "articles", "content", similarity_top_k=5, rerank_inference_id=".jina-reranker-v3",
            url="https://localhost:9200", api_key="...",
        )
        retriever.retrieve("who inspired taking care of the sea?")

    Nodes have the documents' ids; where documents of several indexes have the same, ``index/id`` of each, since
    LlamaIndex takes nodes of one id for one node. A node's score is the search's own, or the reranker's own measure.
    Only a query's text is used; vectors and further texts that come with it are ignored.

    Args:
        index: Names or patterns.
        field: The ``semantic_text`` field.
        similarity_top_k: Nodes to return; may be set later.
        filter: Queries of Elasticsearch that every document must match, such as ``{"term": {"lang": "en"}}``.
        match_field: A ``text`` field to search by words as well (hybrid search): both lists are joined by their ranks.
        rerank_inference_id: An endpoint that reranks the hits, such as ``.rerank-v1-elasticsearch``.
        rerank_field: The field whose text it reads; None for ``text_field``.
        rank_window_size: How many hits are joined or reranked, at least ``similarity_top_k``; None for that many, or
            for 10 where it is less.
        text_field: The field that becomes the node's text; None for ``field``. Name the one that ``copy_to`` fills
            ``field`` from.
        missing_text: Hits without text in that field are left out (``"skip"``) or have an empty text (``"empty"``); the
            log warns once.
        metadata_fields: The fields that become metadata, which language models see; None for all others of a document,
            an empty list for none.
        callback_manager: LlamaIndex's.
        object_map: LlamaIndex's, for nodes that stand for other objects.
        objects: The same as nodes.
        verbose: LlamaIndex's.
        **settings: See ``ElasticSettings``.

    Raises:
        ConfigurationError: A setting is wrong, or there is no address.
        pydantic.ValidationError: A setting of the connection is unknown or of the wrong type.
    """

    def __init__(
        self,
        index: str | Sequence[str],
        field: str,
        *,
        similarity_top_k: int = DEFAULT_SIMILARITY_TOP_K,
        filter: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        match_field: str | None = None,
        rerank_inference_id: str | None = None,
        rerank_field: str | None = None,
        rank_window_size: int | None = None,
        text_field: str | None = None,
        missing_text: Literal["skip", "empty"] = "skip",
        metadata_fields: Sequence[str] | None = None,
        callback_manager: CallbackManager | None = None,
        object_map: dict[str, Any] | None = None,
        objects: list[IndexNode] | None = None,
        verbose: bool = False,
        **settings: Unpack[ElasticSettings],
    ) -> None:
        self.index = index
        self.field = field
        self.similarity_top_k = adapters.plain(similarity_top_k)
        self.filter = filter
        self.match_field = match_field
        self.rerank_inference_id = rerank_inference_id
        self.rerank_field = rerank_field
        self.rank_window_size = adapters.plain(rank_window_size)
        self.text_field = field if text_field is None else text_field
        self.missing_text: Literal["skip", "empty"] = missing_text
        self.metadata_fields = metadata_fields
        self._elastic = ElasticConnected(**settings)._elastic  # noqa: SLF001 - of the same kind
        # They send nothing; they raise now, rather than at the first query, if a setting is wrong.
        self._elastic()
        self._options("a query")
        from ragbridge.elastic import SearchHits

        self._nodes(SearchHits(()))
        super().__init__(
            callback_manager=callback_manager, object_map=object_map, objects=objects, verbose=verbose
        )

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self._nodes(self._elastic().search(**self._options(query_bundle.query_str)))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self._nodes(await self._elastic().asearch(**self._options(query_bundle.query_str)))

    def _options(self, query: str) -> dict[str, Any]:
        from ragbridge.elastic import semantic_search_body  # with the client: it imports all of its service

        body = semantic_search_body(
            self.field,
            query,
            size=self.similarity_top_k,
            filter=self.filter,
            match_field=self.match_field,
            rerank_inference_id=self.rerank_inference_id,
            rerank_field=self.rerank_field,
            rank_window_size=self.rank_window_size,
            text_field=self.text_field,
            fields=self.metadata_fields,
        )
        return {"index": self.index, "body": body}

    def _nodes(self, hits: SearchHits) -> list[NodeWithScore]:
        found = hits.with_text(self.text_field, missing=self.missing_text)
        alike = Counter(hit.id for hit, _ in found)
        return [
            self._node(hit, text, hit.id if alike[hit.id] == 1 else f"{hit.index}/{hit.id}")
            for hit, text in found
        ]

    def _node(self, hit: Hit, text: str, id_: str) -> NodeWithScore:
        node = TextNode(
            id_=id_,
            text=text,
            metadata={**hit.without(self.text_field), INDEX: hit.index},
            excluded_embed_metadata_keys=[INDEX],
            excluded_llm_metadata_keys=[INDEX],
        )
        if self.rerank_inference_id is None or hit.score is None:
            return NodeWithScore(node=node, score=hit.score)
        from ragbridge.elastic import original_score

        return NodeWithScore(node=node, score=original_score(hit.score))
