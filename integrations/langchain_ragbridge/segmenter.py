"""``JinaSegmenterSplitter``: documents cut where Jina's segmenter cuts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

try:
    from langchain_core.documents import Document
    from langchain_text_splitters import TextSplitter
except ImportError as error:
    raise ImportError(
        f"langchain_ragbridge's splitter needs langchain-text-splitters ({error}): "
        'pip install "ragbridge[langchain]"'
    ) from error

from langchain_ragbridge._chunks import check_metadatas, documents_of
from langchain_ragbridge._settings import JinaSettings
from ragbridge import ConfigurationError, adapters

if TYPE_CHECKING:
    from ragbridge import Segments


class JinaSegmenterSplitter(JinaSettings, TextSplitter):
    r"""Splits texts and documents at their structure: paragraphs, sentences, headings; by Jina's segmenter.

    One request for each text, concurrently; free of charge, and without a key with ``limits="keyless"``.
    ``metadata["start_index"]`` is where a chunk starts, never a guess: with it, each chunk is
    ``page_content == text[start_index : start_index + len(page_content)]``.

    >>> splitter = JinaSegmenterSplitter(base_url="local", max_chunk_length=40)
    >>> chunks = splitter.create_documents(["Bees collect nectar. They make honey of it.\n\nBears like it."])
    >>> [chunk.metadata["start_index"] for chunk in chunks]
    [0, 21, 45]

    Raises:
        ConfigurationError: A setting is wrong or unknown, or the key is missing.
    """

    max_chunk_length: int | None = None
    """Characters of a chunk at most; None for the service's 1,000."""
    tokenizer: str = "cl100k_base"
    """Whose vocabulary the service counts by, see ``ragbridge.Jina.segment``; chunks hardly depend on it."""
    add_start_index: bool = True
    """Whether chunks get ``metadata["start_index"]``, in characters."""

    def split_text(self, text: str) -> list[str]:
        """The chunks of a text, in order, as strings. An empty text has none, and sends nothing.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.segment_many``.
        """
        (segments,) = self._jina.segment_many([text], **self._options())
        return [chunk.text for chunk in segments if chunk.text.strip()]

    def create_documents(
        self, texts: list[str], metadatas: list[dict[Any, Any]] | None = None
    ) -> list[Document]:
        """The chunks of each text, in order; ``split_documents`` and ``transform_documents`` build on it.

        Args:
            texts: What to split. Empty texts have no chunks.
            metadatas: For each text the metadata of its chunks; each chunk gets a deep copy.

        Raises:
            ConfigurationError: ``metadatas`` are more or fewer than ``texts``.
            RagbridgeError: See ``ragbridge.Jina.segment_many``; the index that it names is one of ``texts``.
        """
        texts = adapters.listed(texts, "texts", of="texts")
        metadatas = None if metadatas is None else adapters.listed(metadatas, "metadatas", of="dicts")
        check_metadatas(texts, metadatas)
        return self._documents(self._jina.segment_many(texts, **self._options()), metadatas)

    async def atransform_documents(self, documents: Sequence[Document], **kwargs: Any) -> list[Document]:
        """``transform_documents`` on the running event loop."""
        if kwargs:
            raise ConfigurationError(f"{', '.join(kwargs)}: there is no such option")
        documents = adapters.listed(documents, "documents")
        texts = [document.page_content for document in documents]
        metadatas = [document.metadata for document in documents]
        return self._documents(await self._jina.asegment_many(texts, **self._options()), metadatas)

    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> list[Document]:
        """The chunks of each document, in order, with its metadata.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.segment_many``; the index that it names is one of ``documents``.
        """
        if kwargs:
            raise ConfigurationError(f"{', '.join(kwargs)}: there is no such option")
        return self.split_documents(documents)

    def _documents(
        self, segments: Sequence[Segments], metadatas: list[dict[Any, Any]] | None
    ) -> list[Document]:
        return documents_of(
            (each.chunks for each in segments), metadatas, add_start_index=self.add_start_index
        )

    def _options(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer, "max_chunk_length": self.max_chunk_length}

    def _check_options(self) -> None:
        self._jina.segment_many([], **self._options())
