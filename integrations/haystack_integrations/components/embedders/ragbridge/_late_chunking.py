"""Which documents are chunks of one source, and back: late chunking embeds each source as a whole."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import chain

from haystack import Document

from ragbridge import ConfigurationError, DocumentEmbeddings


def sources_of(documents: list[Document], field: str) -> list[list[int]]:
    """For each source, by `meta[field]`, the places of its chunks; both in the order in which they come."""
    places: dict[Hashable, list[int]] = {}
    for place, document in enumerate(documents):
        source = document.meta.get(field)
        if source is None or not isinstance(source, Hashable):
            raise ConfigurationError(
                f"late_chunking=True: documents[{place}] (id {document.id}) does not tell its source in "
                f"meta[{field!r}]; split documents with RagbridgeDocumentSplitter, or set source_id_field= to the "
                "meta field that tells it"
            )
        places.setdefault(source, []).append(place)
    return list(places.values())


def in_order(found: DocumentEmbeddings, sources: list[list[int]]) -> list[list[float]]:
    """The vectors of `sources`, at the places of their documents."""
    vectors = chain.from_iterable(chunks.tolist() for chunks in found)
    by_place = dict(zip(chain.from_iterable(sources), vectors, strict=True))
    return [by_place[place] for place in range(len(by_place))]
