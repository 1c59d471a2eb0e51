"""``JinaRerank``: the core's reranking for LlamaIndex."""

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

from llama_index.embeddings.ragbridge.connection import JinaConnected, JinaSettings
from llama_index.embeddings.ragbridge.images import contents_of
from llama_index.embeddings.ragbridge.listeners import spanned
from llama_index.postprocessor.ragbridge.reranking import NodeReranker
from ragbridge import ConfigurationError, Image, adapters
from ragbridge.models import DEFAULT_RERANK_MODEL, RerankModel

dispatcher = get_dispatcher(__name__)


class JinaRerankSettings(JinaSettings, total=False):
    """``JinaSettings``, and the field of ``BaseNodePostprocessor``."""

    callback_manager: CallbackManager


class JinaRerank(JinaConnected, NodeReranker):
    """Orders nodes by relevance to the query, by Jina AI or by the embedded engine (``base_url="local"``).

    Returns new ``NodeWithScore`` objects, best first, with the reranker's score; the nodes in them are those that came
    in. ``jina-reranker-m0`` ranks the images of nodes that have one, among the texts of the others, and takes a
    query's ``image_path`` where it has no text; the other models rank texts.

    Every setting is a public field, so pickles and ``to_dict`` hold them all, except for the key: what is
    unpickled or made by ``from_dict`` takes it from the environment of its own process.

    Args:
        model: The model's name.
        model_name: Another spelling of ``model``.
        top_n: Nodes to return at most.
        max_doc_length: Tokens of a node that are read, where the model has this option.
        max_documents_per_call: Nodes in one call at most; None for all, however many. Beyond that, models that judge
            each node by itself get several calls, and listwise ones (v3, v3.5) rank in rounds: see ``Jina.rerank``.
        normalize_scores: Map scores to 0..1 where the host gives logits, see ``Jina.rerank``.
        metadata_mode: What is ranked: by default a node's text alone, which is what the other frameworks rank;
            ``MetadataMode.EMBED`` puts the metadata in front of it that embeddings see.
        keep_retrieval_score: Put the score that a node came with into ``metadata["retrieval_score"]`` of a copy of
            the node, hidden from embeddings and language models.
        **settings: See ``JinaSettings``; and ``callback_manager`` of ``BaseNodePostprocessor``.

    Raises:
        ConfigurationError: A setting is wrong, or the key is missing.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    model: str
    max_doc_length: int | None
    max_documents_per_call: int | None
    normalize_scores: bool

    def __init__(
        self,
        *,
        model: RerankModel | None = None,
        model_name: RerankModel | None = None,
        top_n: int = 2,
        max_doc_length: int | None = None,
        max_documents_per_call: int | None = None,
        normalize_scores: bool = False,
        metadata_mode: MetadataMode | str = MetadataMode.NONE,
        keep_retrieval_score: bool = False,
        **settings: Unpack[JinaRerankSettings],
    ) -> None:
        if None not in {model, model_name} and model != model_name:
            raise ConfigurationError(f"model={model!r} and model_name={model_name!r}: give one of them")
        fields: dict[str, Any] = {
            "model": model or model_name or DEFAULT_RERANK_MODEL,
            "top_n": top_n,
            "max_doc_length": max_doc_length,
            "max_documents_per_call": max_documents_per_call,
            "normalize_scores": normalize_scores,
            "metadata_mode": metadata_mode,
            "keep_retrieval_score": keep_retrieval_score,
            **settings,
        }
        super().__init__(**fields)
        # Sends nothing; raises if the model lacks one of the options.
        self._jina().rerank("", [], **self._options())

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "JinaRerank"

    @spanned(dispatcher)
    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        nodes = adapters.listed(nodes, "nodes", of="nodes")
        with self._reranking(self.model, nodes, query_bundle) as (query, finish):
            return finish(self._jina().rerank(_asked(query), self._contents(nodes), **self._options()))

    @spanned(dispatcher)
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        nodes = adapters.listed(nodes, "nodes", of="nodes")
        with self._reranking(self.model, nodes, query_bundle) as (query, finish):
            return finish(await self._jina().arerank(_asked(query), self._contents(nodes), **self._options()))

    def _contents(self, nodes: list[NodeWithScore]) -> list[str | Image]:
        return contents_of((node.node for node in nodes), self.model, self.metadata_mode)

    def _options(self) -> dict[str, Any]:
        options = ("model", "top_n", "max_doc_length", "max_documents_per_call", "normalize_scores")
        return {name: getattr(self, name) for name in options}


def _asked(query: QueryBundle) -> str | Image:
    return Image(query.image_path) if query.image_path and not query.query_str else query.query_str
