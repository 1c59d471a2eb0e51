"""``RagbridgeDocumentSplitter``: documents cut where Elasticsearch would cut them."""

from __future__ import annotations

import logging
import re
from asyncio import to_thread
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, Self

from haystack import Document, component, default_from_dict, default_to_dict

from haystack_integrations.common.ragbridge.component import check_documents
from ragbridge import adapters
from ragbridge.chunking import Chunk, Chunker

logger = logging.getLogger("ragbridge")


@component
class RagbridgeDocumentSplitter:
    """Splits documents into the chunks that Elasticsearch makes of them, to the character.

    The settings are Elasticsearch's `chunking_settings`, under its rules: without any, sentences of 250 words together
    with one sentence of overlap.

    Overlaps are not written down beside the chunks (`_split_overlap`): `split_idx_start` and the length of the content
    tell them, and document stores without nested values refuse or drop such fields.

    ### Usage example
    ```python
    from haystack import Document
    from haystack_integrations.components.preprocessors.ragbridge import RagbridgeDocumentSplitter

    splitter = RagbridgeDocumentSplitter(strategy="sentence", max_chunk_size=20, sentence_overlap=0)
    for chunk in splitter.run([Document(content="Bees collect nectar. They make honey of it. " * 5)])["documents"]:
        print(chunk.meta["split_idx_start"], chunk.content)
    ```
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
    ) -> None:
        """Create the component. A setting that is None counts as not given.

        :param strategy: `"none"`, `"word"`, `"sentence"` or `"recursive"`.
        :param max_chunk_size: Most words in a chunk.
        :param overlap: Words that a chunk repeats of the one before; of strategy `"word"`, which needs it.
        :param sentence_overlap: 0, or 1 to repeat the last sentence of the chunk before; of strategy `"sentence"`.
        :param separators: Regular expressions from coarse to fine; of strategy `"recursive"`.
        :param separator_group: `"plaintext"` or `"markdown"` instead of `separators`.
        :param strict: Refuse text beyond ASCII where the extra `icu` is missing, instead of cutting it approximately.
        :raises ConfigurationError: Elasticsearch would refuse the settings; it is a `ValueError`.
        """
        settings = {
            "strategy": strategy,
            "max_chunk_size": max_chunk_size,
            "overlap": overlap,
            "sentence_overlap": sentence_overlap,
            "separators": separators,
            "separator_group": separator_group,
        }
        given = {name: value for name, value in settings.items() if value is not None}
        self._chunker = Chunker.from_settings(given, strict=strict)
        self.strategy = strategy
        self.max_chunk_size = adapters.plain(max_chunk_size)
        self.overlap = adapters.plain(overlap)
        self.sentence_overlap = adapters.plain(sentence_overlap)
        self.separators = None if separators is None else list(separators)
        self.separator_group = separator_group
        self.strict = strict

    def to_dict(self) -> dict[str, Any]:
        """Serialize the component to a dictionary."""
        return default_to_dict(
            self,
            strategy=self.strategy,
            max_chunk_size=self.max_chunk_size,
            overlap=self.overlap,
            sentence_overlap=self.sentence_overlap,
            separators=self.separators,
            separator_group=self.separator_group,
            strict=self.strict,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make a component from what `to_dict` gave; `data` stays as it is."""
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """Split documents.

        :param documents: The documents to split. Documents whose content is empty are left out, with a warning.
        :returns: A dictionary with
            - `documents`: the chunks of each document in order, with a copy of its meta and in it
                - `source_id`: the document's id;
                - `split_id`: the chunk's number within the document, from 0;
                - `split_idx_start`: where the chunk starts in the document's content, in characters;
                - `page_number`: the page that the chunk's text starts on: form feeds are counted, from the document's
                  own `page_number` or from 1.
        :raises TypeError: `documents` is not a list of Documents.
        :raises ValueError: A document has no text.
        :raises ConfigurationError: A text needs the extra `icu`, or a separator takes too long on it.
        """
        check_documents(documents, "RagbridgeDocumentSplitter expects a list of Documents as input.")
        found = self._chunker.chunk_many(map(_text, documents))
        parts = map(_parts, documents, found)
        return {"documents": [part for each in parts for part in each]}

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, list[Document]]:
        """Split documents, as `run` does, in a thread: the event loop goes on.

        :param documents: The documents to split.
        :returns: The same as `run`.
        :raises TypeError: `documents` is not a list of Documents.
        :raises ValueError: A document has no text.
        :raises ConfigurationError: A text needs the extra `icu`, or a separator takes too long on it.
        """
        return await to_thread(self.run, documents)


def _text(document: Document) -> str:
    if document.content is None:
        raise ValueError(
            "RagbridgeDocumentSplitter only works with text documents but content for document ID "
            f"{document.id} is None."
        )
    if not document.content:
        logger.warning("Document ID %s has an empty content. Skipping this document.", document.id)
    return document.content


def _parts(document: Document, chunks: Iterable[Chunk]) -> Iterator[Document]:
    content = document.content
    if not content:
        return
    page_breaks = [match.start() for match in re.finditer("\f", content)]
    own = document.meta.get("page_number")
    # A document's own page is that of its first text, so page breaks before it are counted already.
    first_page = own - bisect_left(page_breaks, _indent(content)) if type(own) is int else 1
    for number, chunk in enumerate(chunks):
        meta = deepcopy(document.meta) | {
            "source_id": document.id,
            "page_number": first_page + bisect_left(page_breaks, chunk.start + _indent(chunk.text)),
            "split_id": number,
            "split_idx_start": chunk.start,
        }
        yield Document(content=chunk.text, meta=meta)


def _indent(text: str) -> int:
    """The number of characters before the first visible one; 0 for a blank page, which counts as the page that it starts on."""
    visible = text.lstrip()
    return len(text) - len(visible) if visible else 0
