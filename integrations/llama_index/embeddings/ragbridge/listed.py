"""What embedders of every service are: they take any iterable, and make no events that nobody would see.

LlamaIndex reads what it is given more than once, which a generator cannot be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

try:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
    from llama_index.core.schema import BaseNode
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from llama_index.embeddings.ragbridge.listeners import is_called_back, is_heard, spanned, without_span
from ragbridge import adapters

dispatcher, framework = get_dispatcher(__name__), get_dispatcher(BaseEmbedding.__module__)


def listed_nodes(nodes: Iterable[BaseNode]) -> list[BaseNode]:
    """The nodes as a list; a list is left as it is, for the framework's embedders return the very one."""
    return nodes if isinstance(nodes, list) else adapters.listed(nodes, "nodes", of="nodes")


class ListedEmbedding(BaseEmbedding):
    """Makes lists of texts and nodes before anything is sent, and asks its service straight where nobody listens.

    What else LlamaIndex does in its own methods, such as waiting for a rate limiter, is left to them.
    """

    def _is_plain(self) -> bool:
        """Whether a call is nothing but its question and its answer."""
        return (
            self.rate_limiter is None
            and self.embeddings_cache is None
            and not is_called_back(self.callback_manager)
            and not is_heard(framework)
        )

    @without_span
    def get_query_embedding(self, query: str) -> list[float]:
        """The vector of a query."""
        return self._get_query_embedding(query) if self._is_plain() else super().get_query_embedding(query)

    @without_span
    async def aget_query_embedding(self, query: str) -> list[float]:
        """The vector of a query."""
        if self._is_plain():
            return await self._aget_query_embedding(query)
        return await super().aget_query_embedding(query)

    @without_span
    def get_text_embedding(self, text: str) -> list[float]:
        """The vector of a text."""
        return self._get_text_embedding(text) if self._is_plain() else super().get_text_embedding(text)

    @without_span
    async def aget_text_embedding(self, text: str) -> list[float]:
        """The vector of a text."""
        if self._is_plain():
            return await self._aget_text_embedding(text)
        return await super().aget_text_embedding(text)

    @spanned(dispatcher)
    def get_text_embedding_batch(
        self, texts: Iterable[str], show_progress: bool = False, **kwargs: Any
    ) -> list[list[float]]:
        """The vectors of texts, in order."""
        listed: list[str] = adapters.listed(texts, "texts", of="texts")
        if show_progress or not self._is_plain():
            return super().get_text_embedding_batch(listed, show_progress, **kwargs)
        return [vector for batch in self._batches(listed) for vector in self._get_text_embeddings(batch)]

    @spanned(dispatcher)
    async def aget_text_embedding_batch(
        self, texts: Iterable[str], show_progress: bool = False, **kwargs: Any
    ) -> list[list[float]]:
        """The vectors of texts, in order."""
        listed: list[str] = adapters.listed(texts, "texts", of="texts")
        if show_progress or (self.num_workers or 0) > 1 or not self._is_plain():
            return await super().aget_text_embedding_batch(listed, show_progress, **kwargs)
        answers = await asyncio.gather(*map(self._aget_text_embeddings, self._batches(listed)))
        return [vector for vectors in answers for vector in vectors]

    def _batches(self, texts: list[str]) -> Iterator[list[str]]:
        """What LlamaIndex hands over at once, as its own methods divide texts."""
        size = self.embed_batch_size
        return (texts[start : start + size] for start in range(0, len(texts), size))

    def __call__(self, nodes: Iterable[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """Gives each node its vector, and returns the nodes."""
        return super().__call__(listed_nodes(nodes), **kwargs)

    async def acall(self, nodes: Iterable[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """Gives each node its vector, and returns the nodes."""
        return await super().acall(listed_nodes(nodes), **kwargs)
