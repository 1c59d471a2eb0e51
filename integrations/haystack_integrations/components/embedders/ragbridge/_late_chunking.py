"""Which documents are chunks of one source: late chunking embeds each source as a whole."""

from __future__ import annotations

from collections.abc import Hashable

from haystack import Document

from ragbridge import ConfigurationError, group_by


def sources_of(documents: list[Document], field: str) -> list[list[int]]:
    """For each source, by `meta[field]`, the places of its chunks; both in the order in which they come."""
    return group_by(_source(document, place, field) for place, document in enumerate(documents))


def _source(document: Document, place: int, field: str) -> Hashable:
    source = document.meta.get(field)
    if source is None or not isinstance(source, Hashable):
        raise ConfigurationError(
            f"late_chunking=True: documents[{place}] (id {document.id}) does not tell its source in "
            f"meta[{field!r}]; split documents with RagbridgeDocumentSplitter, or set source_id_field= to the "
            "meta field that tells it"
        )
    return source
