"""Embedders that take any iterable: LlamaIndex reads what it is given more than once, which a generator cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

try:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.schema import BaseNode
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from ragbridge import adapters


def listed_nodes(nodes: Iterable[BaseNode]) -> list[BaseNode]:
    """The nodes as a list; a list is left as it is, for the framework's embedders return the very one."""
    return nodes if isinstance(nodes, list) else adapters.listed(nodes, "nodes", of="nodes")


class ListedEmbedding(BaseEmbedding):
    """Makes lists of texts and nodes before anything is sent."""

    def get_text_embedding_batch(
        self, texts: Iterable[str], show_progress: bool = False, **kwargs: Any
    ) -> list[list[float]]:
        """The vectors of texts, in order."""
        return super().get_text_embedding_batch(
            adapters.listed(texts, "texts", of="texts"), show_progress, **kwargs
        )

    async def aget_text_embedding_batch(
        self, texts: Iterable[str], show_progress: bool = False, **kwargs: Any
    ) -> list[list[float]]:
        """The vectors of texts, in order."""
        listed = adapters.listed(texts, "texts", of="texts")
        return await super().aget_text_embedding_batch(listed, show_progress, **kwargs)

    def __call__(self, nodes: Iterable[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """Gives each node its vector, and returns the nodes."""
        return super().__call__(listed_nodes(nodes), **kwargs)

    async def acall(self, nodes: Iterable[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """Gives each node its vector, and returns the nodes."""
        return await super().acall(listed_nodes(nodes), **kwargs)
