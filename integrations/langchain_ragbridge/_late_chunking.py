"""Which chunks are of one document, and back: late chunking embeds each document as a whole."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from ragbridge import ConfigurationError

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentTransformer, Document

    from ragbridge import DocumentEmbeddings


def split(documents: Iterable[Document], splitter: BaseDocumentTransformer) -> list[list[Document]]:
    """The chunks of each document."""
    return [list(splitter.transform_documents([document])) for document in documents]


def sources_of(documents: Sequence[Document], key: str) -> list[list[int]]:
    """For each source, by ``metadata[key]``, the places of its chunks; both in the order in which they come."""
    places: dict[Hashable, list[int]] = {}
    for place, document in enumerate(documents):
        source = document.metadata.get(key)
        if source is None or not isinstance(source, Hashable):
            name = f" (id {document.id})" if document.id else ""
            raise ConfigurationError(
                f"documents[{place}]{name} does not tell its source in metadata[{key!r}]: set source_key= to the "
                "key that does, or use split_and_embed, which takes whole documents and needs none"
            )
        places.setdefault(source, []).append(place)
    return list(places.values())


def texts_of(groups: Iterable[Iterable[Document]]) -> list[list[str]]:
    """The texts of each group of chunks."""
    return [[chunk.page_content for chunk in chunks] for chunks in groups]


def vectors_of(found: DocumentEmbeddings) -> list[list[float]]:
    """The vectors of one group after the other."""
    return [vector for vectors in found for vector in vectors.tolist()]


def in_order(found: DocumentEmbeddings, sources: list[list[int]]) -> list[list[float]]:
    """The vectors of ``sources``, at the places of their documents."""
    by_place = dict(zip(chain.from_iterable(sources), vectors_of(found), strict=True))
    return [by_place[place] for place in range(len(by_place))]
