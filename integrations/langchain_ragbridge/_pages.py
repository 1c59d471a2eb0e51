"""Pages of the web: how they are read, and what they bring as a document's metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainSerializer

from ragbridge import ReaderOptions

if TYPE_CHECKING:
    from ragbridge import Page

_TEXTS = (
    "title",
    "description",
    "published",
    "warning",
    "html",
    "text",
    "screenshot_url",
    "pageshot_url",
)


def _without_secrets(options: ReaderOptions | None) -> dict[str, Any] | None:
    if options is None:
        return None
    return {name: value for name, value in options.given().items() if name not in options.SECRETS}


Options = Annotated[ReaderOptions | None, PlainSerializer(_without_secrets)]
"""The reader's options as a field."""


def metadata_of(page: Page) -> dict[str, Any]:
    """A page's metadata without its address and content. Missing values are left out, since many stores refuse None."""
    texts = {name: getattr(page, name) for name in _TEXTS}
    metadata: dict[str, Any] = {name: text for name, text in texts.items() if text and text != page.content}
    for name, pairs in {"links": page.links, "images": page.images}.items():
        if pairs:
            metadata[name] = [{"text": text, "url": url} for text, url in pairs]
    return metadata
