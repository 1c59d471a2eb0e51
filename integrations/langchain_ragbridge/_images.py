"""Where pictures are that LangChain's values only name: uris, and metadata of documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from langchain_core.documents import Document

from ragbridge import ConfigurationError, Image, adapters

if TYPE_CHECKING:
    import os

Uri: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image"
"""An ``http(s)`` address, a data URI, a local path or its ``file://`` address, content, or a binary file object."""

Content: TypeAlias = "str | Image | Mapping[str, Any]"
"""The part of a document that can be ranked or classified."""


def images_of(uris: Sequence[Uri]) -> list[Image]:
    """What ``uris`` name.

    Raises:
        ConfigurationError: It is one string, or an item names nothing or a file that is missing; the item is named.
    """
    if isinstance(uris, (str, bytes)):
        raise ConfigurationError(f"uris is one {type(uris).__name__}: pass a list")
    return [_present(uri, f"uris[{place}]") for place, uri in enumerate(uris)]


def contents_of(documents: Sequence[Content | Document], key: str | None, root: Path | None) -> list[Content]:
    """The text of each document, or its picture where it has no text and ``metadata[key]`` names one.

    Metadata may come from afar: a text in it opens no file outside ``root``, and none without ``root``.

    Raises:
        ConfigurationError: A picture's place is none, or is not to be opened; the document is named.
    """
    return [
        document
        if not isinstance(document, Document)
        else document.page_content
        if key is None or document.metadata.get(key) is None
        else _content(document, key, root, place)
        for place, document in enumerate(adapters.listed(documents, "documents"))
    ]


def _content(document: Document, key: str, root: Path | None, place: int) -> Content:
    value = document.metadata[key]
    if document.page_content.strip():
        return document.page_content
    where = f"documents[{place}]: metadata[{key!r}]"
    image = _image(value, where)
    if not isinstance(value, str) or not isinstance(image.source, Path):
        return image
    if root is None:
        raise ConfigurationError(f"{where} is a local path: set image_root= to the folder that it may be in")
    try:
        path = (root / image.source).resolve()
        inside = path.is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError) as error:  # a NUL, a lone surrogate, a loop of links
        raise ConfigurationError(
            f"{where} names no file below image_root={str(root)!r}: {str(image.source)!a} is no path ({error})"
        ) from None
    if not inside:
        raise ConfigurationError(f"{where} is no path below image_root={str(root)!r}")
    return Image(path)


def _present(uri: Uri, where: str) -> Image:
    image = _image(uri, where)
    with _naming(where):
        image.size()  # opens a file, so that one that is missing is named as the caller knows it
    return image


def _image(uri: Uri, where: str) -> Image:
    with _naming(where):
        return uri if isinstance(uri, Image) else Image(uri)


@contextmanager
def _naming(where: str) -> Iterator[None]:
    """Say what an error is about, as the caller knows it."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
