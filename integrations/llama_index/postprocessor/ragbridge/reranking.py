"""What LlamaIndex expects of a reranker for any service: events, scores, unchanged nodes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

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

from pydantic import Field

from llama_index.embeddings.ragbridge.listeners import is_called_back, is_heard

if TYPE_CHECKING:
    from ragbridge import Ranking


RETRIEVAL_SCORE = "retrieval_score"
"""Metadata key under which ``keep_retrieval_score`` puts the score that a node came with."""

dispatcher = get_dispatcher(__name__)


class NodeReranker(BaseNodePostprocessor):
    """Orders nodes by relevance to the query; a subclass asks a service."""

    top_n: int = Field(default=2, ge=1)
    metadata_mode: MetadataMode = MetadataMode.NONE
    keep_retrieval_score: bool = False

    @contextlib.contextmanager
    def _reranking(
        self, model: str, nodes: list[NodeWithScore], query: QueryBundle | None
    ) -> Iterator[tuple[QueryBundle, Callable[[Ranking], list[NodeWithScore]]]]:
        """The query, which is required, and a function for the answer, between the events that LlamaIndex expects.

        Where nobody listens there are no events: they would check each node again.
        """
        heard = is_heard(dispatcher)
        if heard:
            dispatcher.event(ReRankStartEvent(query=query, nodes=nodes, top_n=self.top_n, model_name=model))
        if query is None:
            raise ValueError("reranking needs a query: pass query_bundle= or query_str=")
        if not heard and not is_called_back(self.callback_manager):
            yield query, lambda ranking: self._by(ranking, nodes)
            return
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: model,
            EventPayload.QUERY_STR: query.query_str,
            EventPayload.TOP_K: self.top_n,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:

            def finish(ranking: Ranking) -> list[NodeWithScore]:
                ranked = self._by(ranking, nodes)
                event.on_end(payload={EventPayload.NODES: ranked})
                dispatcher.event(ReRankEndEvent(nodes=ranked))
                return ranked

            yield query, finish

    def _by(self, ranking: Ranking, nodes: list[NodeWithScore]) -> list[NodeWithScore]:
        return [self._ranked(nodes[row.index], row.score) for row in ranking]

    def _ranked(self, scored: NodeWithScore, score: float) -> NodeWithScore:
        node = scored.node
        if self.keep_retrieval_score:
            node = node.model_copy(
                update={
                    "metadata": {**node.metadata, RETRIEVAL_SCORE: scored.score},
                    "excluded_embed_metadata_keys": [*node.excluded_embed_metadata_keys, RETRIEVAL_SCORE],
                    "excluded_llm_metadata_keys": [*node.excluded_llm_metadata_keys, RETRIEVAL_SCORE],
                }
            )
        return NodeWithScore(node=node, score=score)
