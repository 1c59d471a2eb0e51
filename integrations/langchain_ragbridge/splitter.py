"""``RagbridgeTextSplitter``: documents cut where Elasticsearch would cut them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from langchain_text_splitters import TextSplitter
except ImportError as error:
    raise ImportError(
        f"langchain_ragbridge's splitter needs langchain-text-splitters ({error}): "
        'pip install "ragbridge[langchain]"'
    ) from error

from langchain_ragbridge._chunks import check_metadatas, documents_of
from ragbridge import ConfigurationError, adapters
from ragbridge.chunking import Chunker

if TYPE_CHECKING:
    from langchain_core.documents import Document


class RagbridgeTextSplitter(TextSplitter):
    """Splits texts and documents into the chunks that Elasticsearch makes of them, to the character.

    The settings are Elasticsearch's ``chunking_settings``, under its rules: without any, sentences of 250 words together
    with one sentence of overlap. ``metadata["start_index"]`` is where a chunk starts, never a guess: with it, each
    chunk is ``page_content == text[start_index : start_index + len(page_content)]``.

    >>> splitter = RagbridgeTextSplitter("sentence", 20, sentence_overlap=0)
    >>> chunks = splitter.create_documents(["Bees collect nectar. They make honey of it. " * 5])
    >>> [chunk.metadata["start_index"] for chunk in chunks]
    [0, 109, 197]

    Args:
        strategy: ``"none"``, ``"word"``, ``"sentence"`` or ``"recursive"``.
        max_chunk_size: Most words in a chunk.
        overlap: Words that a chunk repeats of the one before; of strategy ``"word"``, which needs it.
        sentence_overlap: 0, or 1 to repeat the last sentence of the chunk before; of strategy ``"sentence"``.
        separators: Regular expressions from coarse to fine; of strategy ``"recursive"``.
        separator_group: ``"plaintext"`` or ``"markdown"`` instead of ``separators``.
        strict: Refuse text beyond ASCII where the extra ``icu`` is missing, instead of cutting it approximately.
        chunker: A ready chunker of ``ragbridge.chunking`` instead of the settings above.
        add_start_index: Whether chunks get ``metadata["start_index"]``, in characters.

    Raises:
        ConfigurationError: Elasticsearch would refuse the settings, or there are settings beside a chunker.
    """

    def __init__(
        self,
        strategy: str | None = None,
        max_chunk_size: int | None = None,
        *,
        overlap: int | None = None,
        sentence_overlap: int | None = None,
        separators: list[str] | None = None,
        separator_group: str | None = None,
        strict: bool = True,
        chunker: Chunker | None = None,
        add_start_index: bool = True,
    ) -> None:
        super().__init__(add_start_index=add_start_index)
        settings = {
            "strategy": strategy,
            "max_chunk_size": max_chunk_size,
            "overlap": overlap,
            "sentence_overlap": sentence_overlap,
            "separators": separators,
            "separator_group": separator_group,
        }
        given = {name: value for name, value in settings.items() if value is not None}
        if chunker is None:
            chunker = Chunker.from_settings(given, strict=strict)
        elif given or not strict:
            beside = [*given, *([] if strict else ["strict"])]
            raise ConfigurationError(
                f"chunker= brings its own settings: give {', '.join(beside)} to it, not to {type(self).__name__}"
            )
        self._chunker = chunker

    def split_text(self, text: str) -> list[str]:
        """The chunks of a text, in order, as strings. Empty text has none.

        Raises:
            ConfigurationError: The text needs the extra ``icu``, or a separator takes too long on it.
        """
        # Elasticsearch keeps empty and blank chunks; LangChain's splitters, and what embeds them, do not.
        return [chunk.text for chunk in self._chunker.iter(text) if chunk.text.strip()]

    def create_documents(
        self, texts: list[str], metadatas: list[dict[Any, Any]] | None = None
    ) -> list[Document]:
        """The chunks of each text, in order; ``split_documents`` and ``transform_documents`` build on it.

        Args:
            texts: What to split. Empty texts have no chunks.
            metadatas: For each text the metadata of its chunks; each chunk gets a deep copy.

        Raises:
            ConfigurationError: A text needs the extra ``icu``, or a separator takes too long on it; or ``metadatas`` are
                more or fewer than ``texts``.
        """
        texts = adapters.listed(texts, "texts", of="texts")
        metadatas = None if metadatas is None else adapters.listed(metadatas, "metadatas", of="dicts")
        check_metadatas(texts, metadatas)
        return documents_of(self._chunker.chunk_many(texts), metadatas, add_start_index=self._add_start_index)
