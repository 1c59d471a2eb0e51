"""``JinaEmbeddings``: texts to vectors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

try:
    from langchain_core.embeddings import Embeddings
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from pydantic import AliasChoices, Field

from langchain_ragbridge._settings import JinaSettings
from ragbridge.models import DEFAULT_EMBEDDING_MODEL

if TYPE_CHECKING:
    from ragbridge.models import Role


class JinaEmbeddings(JinaSettings, Embeddings):
    """Jina AI's embedding models, or the embedded engine with ``base_url="local"``.

    Documents and queries are embedded with the task that the model has for each, in batches that fit the quota and
    side by side, synchronously as well as asynchronously. One object serves any number of threads and event loops.

    >>> embeddings = JinaEmbeddings(base_url="local", dimensions=256)
    >>> len(embeddings.embed_query("what is late interaction?"))
    256

    Raises:
        ConfigurationError: A setting is wrong or unknown, or the key is missing.
    """

    model: str = Field(default=DEFAULT_EMBEDDING_MODEL, validation_alias=AliasChoices("model", "model_name"))
    """The model's name. Also accepted as ``model_name``."""
    task: str | None = None
    """The service's own task for documents and queries alike; None for the one that fits each of them."""
    dimensions: int | None = None
    """Width of the vectors, where the model lets it be chosen."""
    truncate: bool | None = None
    """Cut texts that are longer than the model's context; else the service refuses them."""
    normalized: bool | None = None
    """Whether vectors get unit length; the service's default is True."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text, in the order of the texts. An empty list sends nothing.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.embed``; the index that it names is one of ``texts``.
        """
        return self._jina.embed(texts, **self._options("document")).tolist()

    def embed_query(self, text: str) -> list[float]:
        """The vector of a query.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.embed``.
        """
        return self._jina.embed([text], **self._options("query")).tolist()[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """``embed_documents`` on the running event loop."""
        return (await self._jina.aembed(texts, **self._options("document"))).tolist()

    async def aembed_query(self, text: str) -> list[float]:
        """``embed_query`` on the running event loop."""
        return (await self._jina.aembed([text], **self._options("query"))).tolist()[0]

    @property
    def cache_namespace(self) -> str:
        """Names everything that a document's vector depends on besides its text: for ``CacheBackedEmbeddings``.

        ``CacheBackedEmbeddings.from_bytes_store(embeddings, store, namespace=embeddings.cache_namespace)``. It has only
        characters that ``LocalFileStore`` takes. To cache queries as well, give them a store of their own
        (``query_embedding_cache=another_store``): ``True`` would look them up among the documents, whose vectors for
        the same text are different.
        """
        parts = {
            "at": self._address,
            "model": self.model,
            "task": self.task or "document",
            "dimensions": self.dimensions,
            "type": "float",
            "normalized": self.normalized,
            "truncate": self.truncate,
        }
        words = (f"{name}-{'default' if value is None else value}" for name, value in parts.items())
        return "".join(re.sub(r"[^A-Za-z0-9_.-]+", "-", word) + "/" for word in words)

    def _options(self, role: Role) -> dict[str, Any]:
        return {
            "model": self.model,
            "role": role if self.task is None else None,
            "task": self.task,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
            "normalized": self.normalized,
        }

    def _check_options(self) -> None:
        self._jina.embed([], **self._options("document"))
