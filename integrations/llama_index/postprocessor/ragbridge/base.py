"""``JinaRerank``: the core's reranking as LlamaIndex wants it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

try:
    from llama_index.core.callbacks import CBEventType, EventPayload
    from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
    from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from pydantic import ConfigDict, Field, SecretStr

from llama_index.embeddings.ragbridge.connection import JinaConnected, check_client
from ragbridge import ConfigurationError, Jina, Ranking, RateLimit, Retry
from ragbridge.models import DEFAULT_RERANK_MODEL, RerankModel

RETRIEVAL_SCORE = "retrieval_score"
"""Metadata key under which ``keep_retrieval_score`` puts the score that a node came with."""

dispatcher = get_dispatcher(__name__)


class JinaRerank(JinaConnected, BaseNodePostprocessor):
    """Orders nodes by relevance to the query, by Jina AI or by the embedded engine (``base_url="local"``).

    Returns new ``NodeWithScore`` objects, best first, with the reranker's score; the nodes in them are those that came
    in. Every setting is a public field, so pickles and ``to_dict`` hold them all, except for the key: what is
    unpickled or made by ``from_dict`` takes it from the environment of its own process.

    Args:
        model: The model's name.
        model_name: Another spelling of ``model``.
        top_n: Nodes to return at most.
        max_doc_length: Tokens of a node that are read, where the model has this option.
        metadata_mode: What is ranked: by default a node's text alone, which is what the other frameworks rank;
            ``MetadataMode.EMBED`` puts the metadata in front of it that embeddings see.
        keep_retrieval_score: Put the score that a node came with into ``metadata["retrieval_score"]`` of a copy of
            the node, out of the sight of embeddings and language models.
        api_key: The key; else the environment's ``JINA_API_KEY``, ``JINAAI_API_KEY`` or ``JINA_AUTH_TOKEN``.
        base_url: Where the API is, with or without ``/v1``; ``"local"`` for the embedded engine.
        limits: A published tier (``"free"``, ``"paid"``, ``"premium"``), a ``RateLimit``, or None for no limiter.
        retry: How often and how patiently failures are retried.
        timeout: Seconds to wait for an answer's data.
        concurrency: Requests in flight at most.
        client: A ready ``Jina`` instead of the settings of the connection.
        **framework: Fields of ``BaseNodePostprocessor``: ``callback_manager``.

    Raises:
        ConfigurationError: A setting is wrong, or the key is missing.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    model: str
    top_n: int = Field(ge=1)
    max_doc_length: int | None
    metadata_mode: MetadataMode
    keep_retrieval_score: bool

    def __init__(
        self,
        *,
        model: RerankModel | None = None,
        model_name: RerankModel | None = None,
        top_n: int = 2,
        max_doc_length: int | None = None,
        metadata_mode: MetadataMode | str = MetadataMode.NONE,
        keep_retrieval_score: bool = False,
        api_key: str | SecretStr | None = None,
        base_url: str = Jina.BASE_URL,
        limits: RateLimit | str | None = "free",
        retry: Retry = Retry(),  # noqa: B008 - frozen
        timeout: float = Jina.TIMEOUT,
        concurrency: int | None = None,
        client: Jina | None = None,
        **framework: Any,
    ) -> None:
        if None not in {model, model_name} and model != model_name:
            raise ConfigurationError(f"model={model!r} and model_name={model_name!r}: give one of them")
        check_client(client, "Jina")
        settings: dict[str, Any] = {
            "model": model or model_name or DEFAULT_RERANK_MODEL,
            "top_n": top_n,
            "max_doc_length": max_doc_length,
            "metadata_mode": metadata_mode,
            "keep_retrieval_score": keep_retrieval_score,
            "api_key": api_key,
            "base_url": base_url,
            "limits": limits,
            "retry": retry,
            "timeout": timeout,
            "concurrency": concurrency,
            "client": client,
        }
        super().__init__(**settings, **framework)
        # Sends nothing, refuses what the model does not have.
        self._jina().rerank("", [], **self._options())

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "JinaRerank"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._reranking(nodes, query_bundle) as (question, finish):
            return finish(self._jina().rerank(**question))

    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._reranking(nodes, query_bundle) as (question, finish):
            return finish(await self._jina().arerank(**question))

    @contextlib.contextmanager
    def _reranking(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None
    ) -> Iterator[tuple[dict[str, Any], Callable[[Ranking], list[NodeWithScore]]]]:
        """What to ask, and what to do with the answer, amid the events that LlamaIndex expects."""
        dispatcher.event(
            ReRankStartEvent(query=query_bundle, nodes=nodes, top_n=self.top_n, model_name=self.model)
        )
        if query_bundle is None:
            raise ValueError("reranking needs a query: pass query_bundle= or query_str=")
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: self.model,
            EventPayload.QUERY_STR: query_bundle.query_str,
            EventPayload.TOP_K: self.top_n,
        }
        question = {
            "query": query_bundle.query_str,
            "documents": [node.node.get_content(metadata_mode=self.metadata_mode) for node in nodes],
            **self._options(),
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:

            def finish(ranking: Ranking) -> list[NodeWithScore]:
                ranked = [self._ranked(nodes[row.index], row.score) for row in ranking]
                event.on_end(payload={EventPayload.NODES: ranked})
                dispatcher.event(ReRankEndEvent(nodes=ranked))
                return ranked

            yield question, finish

    def _ranked(self, found: NodeWithScore, score: float) -> NodeWithScore:
        node = found.node
        if self.keep_retrieval_score:
            node = node.model_copy(
                update={
                    "metadata": {**node.metadata, RETRIEVAL_SCORE: found.score},
                    "excluded_embed_metadata_keys": [*node.excluded_embed_metadata_keys, RETRIEVAL_SCORE],
                    "excluded_llm_metadata_keys": [*node.excluded_llm_metadata_keys, RETRIEVAL_SCORE],
                }
            )
        return NodeWithScore(node=node, score=score)

    def _options(self) -> dict[str, Any]:
        return {"model": self.model, "top_n": self.top_n, "max_doc_length": self.max_doc_length}
