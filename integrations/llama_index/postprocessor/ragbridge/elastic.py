"""``ElasticRerank``: reranking by an inference endpoint of Elasticsearch, for LlamaIndex."""

from __future__ import annotations

from typing import Any, Unpack

try:
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
    from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from llama_index.embeddings.ragbridge.connection import ElasticConnected, ElasticSettings
from llama_index.embeddings.ragbridge.listeners import spanned
from llama_index.postprocessor.ragbridge.reranking import NodeReranker
from ragbridge import adapters

dispatcher = get_dispatcher(__name__)


class ElasticRerankSettings(ElasticSettings, total=False):
    """``ElasticSettings``, and the field of ``BaseNodePostprocessor``."""

    callback_manager: CallbackManager


class ElasticRerank(ElasticConnected, NodeReranker):
    """Orders nodes by relevance to the query, by an inference endpoint or by the embedded engine (``url="local"``).

    Returns new ``NodeWithScore`` objects, best first, with the reranker's score; the nodes in them are those that came
    in. All nodes go in one request, since scores of different ones need not be comparable. ``ElasticSemanticRetriever``
    has Elasticsearch rerank what it found itself, so that no texts are transferred.

    Every setting is a public field, so pickles and ``to_dict`` hold them all. Credentials are in none of these: what is
    unpickled or made by ``from_dict`` takes the environment's ``ELASTIC_API_KEY``.

    Args:
        inference_id: The inference endpoint: one that exists in every cluster, such as ``.rerank-v1-elasticsearch``, or
            one of your own.
        top_n: Nodes to return at most.
        metadata_mode: What is ranked: by default a node's text alone; ``MetadataMode.EMBED`` puts the metadata in front
            of it that embeddings see.
        keep_retrieval_score: Put the score that a node came with into ``metadata["retrieval_score"]`` of a copy of
            the node, hidden from embeddings and language models.
        task_settings: The service's own settings; they override the endpoint's.
        inference_timeout: Seconds that Elasticsearch waits for the model; its own default is 30.
        **settings: See ``ElasticSettings``; and ``callback_manager`` of ``BaseNodePostprocessor``.

    Raises:
        ConfigurationError: A setting is wrong, or there is no address.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    inference_id: str
    task_settings: dict[str, Any] | None
    inference_timeout: float | None

    def __init__(
        self,
        *,
        inference_id: str,
        top_n: int = 2,
        metadata_mode: MetadataMode | str = MetadataMode.NONE,
        keep_retrieval_score: bool = False,
        task_settings: dict[str, Any] | None = None,
        inference_timeout: float | None = None,
        **settings: Unpack[ElasticRerankSettings],
    ) -> None:
        fields: dict[str, Any] = {
            "inference_id": inference_id,
            "top_n": top_n,
            "metadata_mode": metadata_mode,
            "keep_retrieval_score": keep_retrieval_score,
            "task_settings": task_settings,
            "inference_timeout": inference_timeout,
            **settings,
        }
        super().__init__(**fields)
        # Sends nothing; raises for what Elasticsearch would refuse.
        self._elastic().rerank("a query", [], **self._options())

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "ElasticRerank"

    @spanned(dispatcher)
    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        nodes = adapters.listed(nodes, "nodes", of="nodes")
        with self._reranking(self.inference_id, nodes, query_bundle) as (query, finish):
            return finish(self._elastic().rerank(query.query_str, self._texts(nodes), **self._options()))

    @spanned(dispatcher)
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        nodes = adapters.listed(nodes, "nodes", of="nodes")
        with self._reranking(self.inference_id, nodes, query_bundle) as (query, finish):
            return finish(
                await self._elastic().arerank(query.query_str, self._texts(nodes), **self._options())
            )

    def _texts(self, nodes: list[NodeWithScore]) -> list[str]:
        return [node.node.get_content(metadata_mode=self.metadata_mode) for node in nodes]

    def _options(self) -> dict[str, Any]:
        return {
            "inference_id": self.inference_id,
            "top_n": self.top_n,
            "task_settings": self.task_settings,
            "timeout": self.inference_timeout,
        }
