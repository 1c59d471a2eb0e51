"""``JinaClassificationExtractor``: the core's classification for LlamaIndex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

try:
    from llama_index.core.extractors import BaseExtractor
    from llama_index.core.schema import BaseNode, MetadataMode, TextNode
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from pydantic import Field, PrivateAttr

from llama_index.embeddings.ragbridge.connection import JinaConnected, JinaSettings
from llama_index.embeddings.ragbridge.images import contents_of
from ragbridge import adapters
from ragbridge.adapters import jina_defaults
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, EmbeddingModel

if TYPE_CHECKING:
    from ragbridge import Classifications, Image


class JinaExtractorSettings(JinaSettings, total=False):
    """``JinaSettings``, and the fields of ``BaseExtractor``."""

    is_text_node_only: bool
    show_progress: bool
    node_text_template: str
    disable_template_rewrite: bool
    in_place: bool
    num_workers: int
    max_retries: int
    retry_backoff: float
    raise_on_error: bool


class JinaClassificationExtractor(JinaConnected, BaseExtractor):
    """Gives nodes the label that fits them best, by Jina AI or by the embedded engine (``base_url="local"``).

    A node's metadata get ``label`` and ``label_score``; with groups of labels, for each group its name and its name
    with ``_score``. Scores are kept hidden from embeddings and language models. Images are classified by models
    that take them (CLIP, ``jina-embeddings-v4``), among the texts of other nodes.

    Every setting is a public field, so pickles, ``to_dict`` and the cache of an ``IngestionPipeline`` hold them all,
    except for the key: what is unpickled or made by ``from_dict`` takes it from the environment of its own process.

    Args:
        labels: Up to 256 labels; or up to 8 groups of up to 64 labels by their names. Labels that say what they mean
            ("a complaint about delivery") do better than bare words.
        classifier: The id of a trained classifier instead, see ``Jina.classifiers``.
        model: The model's name, with ``labels``; None for ``jina-embeddings-v5-text-small``.
        label_key: Where labels go in the metadata; with groups, their names take its place.
        metadata_mode: What is classified: by default a node's text alone.
        batch_size: Nodes in one request at most. All of them are handed over at once, whatever ``num_workers`` says.
        **settings: See ``JinaSettings``; and fields of ``BaseExtractor``: ``in_place``, ``node_text_template``,
            ``is_text_node_only``, ``max_retries`` (of a whole call, beside ``retry``), ``raise_on_error`` and others.

    Raises:
        ConfigurationError: A setting is wrong, or the key is missing.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    labels: list[str] | dict[str, list[str]] | None
    classifier: str | None
    model: str | None
    label_key: str = Field(min_length=1)
    batch_size: int
    is_text_node_only: bool = False
    show_progress: bool = False

    _blocking: bool = PrivateAttr(default=False)

    def __init__(
        self,
        *,
        labels: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        classifier: str | None = None,
        model: EmbeddingModel | None = None,
        label_key: str = "label",
        metadata_mode: MetadataMode | str = MetadataMode.NONE,
        batch_size: int = jina_defaults.BATCH_SIZE,
        **settings: Unpack[JinaExtractorSettings],
    ) -> None:
        fields: dict[str, Any] = {
            "labels": labels,
            "classifier": classifier,
            "model": model,
            "label_key": label_key,
            "metadata_mode": metadata_mode,
            "batch_size": batch_size,
            **settings,
        }
        super().__init__(**fields)
        # Sends nothing; raises for what the service would refuse.
        self._jina().classify([], **self._options())

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "JinaClassificationExtractor"

    def extract(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        """The labels of each node, and their scores, as metadata."""
        nodes = adapters.listed(nodes, "nodes", of="nodes")
        places, inputs = self._inputs(nodes)
        return self._metadata(nodes, places, self._jina().classify(inputs, **self._options()))

    async def aextract(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        """The labels of each node, and their scores, as metadata."""
        if self._blocking:
            return self.extract(nodes)
        nodes = adapters.listed(nodes, "nodes", of="nodes")
        places, inputs = self._inputs(nodes)
        return self._metadata(nodes, places, await self._jina().aclassify(inputs, **self._options()))

    def process_nodes(
        self, nodes: Sequence[BaseNode], *excluded: list[str] | None, **kwargs: Any
    ) -> list[BaseNode]:
        """The nodes with their labels; the scores are hidden from embeddings and language models."""
        # The framework runs the asynchronous way in an event loop and leaves open what was opened in it.
        blocking = self.model_copy()
        blocking._blocking = True  # noqa: SLF001 - of its own kind
        nodes = adapters.listed(nodes, "nodes", of="nodes")
        return super(JinaClassificationExtractor, blocking).process_nodes(nodes, *excluded, **kwargs)

    async def aprocess_nodes(
        self,
        nodes: Sequence[BaseNode],
        excluded_embed_metadata_keys: list[str] | None = None,
        excluded_llm_metadata_keys: list[str] | None = None,
        **kwargs: Any,
    ) -> list[BaseNode]:
        """The nodes with their labels; the scores are hidden from embeddings and language models."""
        groups = self.labels if isinstance(self.labels, dict) else [self.label_key]
        scores = [_score(group) for group in groups]
        nodes = adapters.listed(nodes, "nodes", of="nodes")
        return await super().aprocess_nodes(
            nodes,
            [*(excluded_embed_metadata_keys or ()), *scores],
            [*(excluded_llm_metadata_keys or ()), *scores],
            **kwargs,
        )

    def _inputs(self, nodes: Sequence[BaseNode]) -> tuple[list[int], list[str | Image]]:
        """The places of the nodes that are classified, and what is read of each."""
        places = [
            place
            for place, node in enumerate(nodes)
            if isinstance(node, TextNode) or not self.is_text_node_only
        ]
        model = None if self.classifier else self.model or DEFAULT_EMBEDDING_MODEL
        return places, contents_of((nodes[place] for place in places), model, self.metadata_mode)

    def _metadata(
        self, nodes: Sequence[BaseNode], places: list[int], classifications: Classifications
    ) -> list[dict[str, Any]]:
        metadata: list[dict[str, Any]] = [{} for _ in nodes]
        for row in classifications:
            key = row.group or self.label_key
            metadata[places[row.index]] |= {key: row.label, _score(key): row.score}
        return metadata

    def _options(self) -> dict[str, Any]:
        return {"labels": self.labels, "classifier": self.classifier, "model": self.model}


def _score(key: str) -> str:
    return f"{key}_score"
