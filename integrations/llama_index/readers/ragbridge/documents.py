"""Pages of the web as LlamaIndex's documents."""

from __future__ import annotations

from dataclasses import fields

try:
    from llama_index.core.schema import Document
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from ragbridge import Page

# What a page says in its chunks is in its content; tables of its elements are no metadata that stores take.
_LEFT_OUT = {"chunks", "content", "external", "metadata", "usage"}
_METADATA = [field.name for field in fields(Page) if field.name not in _LEFT_OUT]
_EMBEDDED = {"title", "description"}
_READ = _EMBEDDED | {"url", "published"}


def document_of(page: Page, url: str | None = None) -> Document:
    """A page as a document: its content, and as metadata what else it has.

    Embeddings see title and description of it, language models address and date as well.

    Args:
        page: The page.
        url: The address that it was asked for by, which becomes the document's id; None for the page's own, which may
            be another.
    """
    values = {name: getattr(page, name) for name in _METADATA}
    metadata = {name: _plain(value) for name, value in values.items() if value}
    return Document(
        id_=url or page.url,
        text=page.content,
        metadata=metadata,
        excluded_embed_metadata_keys=[name for name in metadata if name not in _EMBEDDED],
        excluded_llm_metadata_keys=[name for name in metadata if name not in _READ],
    )


def _plain(value: object) -> object:
    """Pairs, such as a page's links, as JSON has them."""
    return [list(pair) for pair in value] if isinstance(value, tuple) else value
