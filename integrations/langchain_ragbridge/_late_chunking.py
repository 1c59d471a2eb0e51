"""Which chunks are of one document, and back: late chunking embeds each document as a whole."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from ragbridge import ConfigurationError, group_by

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentTransformer, Document


def split(documents: Iterable[Document], splitter: BaseDocumentTransformer) -> list[list[Document]]:
    """The chunks of each document."""
    return [list(splitter.transform_documents([document])) for document in documents]


def sources_of(documents: Sequence[Document], key: str) -> list[list[int]]:
    """For each source, by ``metadata[key]``, the places of its chunks; both in the order in which they come."""
    return group_by(_source(document, place, key) for place, document in enumerate(documents))


def _source(document: Document, place: int, key: str) -> Hashable:
    source = document.metadata.get(key)
    if source is None or not isinstance(source, Hashable):
        name = f" (id {document.id})" if document.id else ""
        raise ConfigurationError(
            f"documents[{place}]{name} does not tell its source in metadata[{key!r}]: set source_key= to the "
            "key that does, or use split_and_embed, which takes whole documents and needs none"
        )
    return source


def texts_of(groups: Iterable[Iterable[Document]]) -> list[list[str]]:
    """The texts of each group of chunks."""
    return [[chunk.page_content for chunk in chunks] for chunks in groups]
