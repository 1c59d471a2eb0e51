"""Chunks with true offsets as LangChain's documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import repeat
from typing import Any, Protocol

from langchain_core.documents import Document

from ragbridge import ConfigurationError


class Chunk(Protocol):
    """A piece of a text, by whichever of the core's chunkers."""

    @property
    def start(self) -> int:
        """Offset of its first character."""
        ...

    @property
    def text(self) -> str:
        """Its text."""
        ...


def check_metadatas(texts: Sequence[str], metadatas: Sequence[Mapping[Any, Any]] | None) -> None:
    """Raise ``ConfigurationError`` where there are metadatas, and not one for each text."""
    if metadatas and len(metadatas) != len(texts):
        raise ConfigurationError(f"{len(metadatas)} metadatas for {len(texts)} texts: give one for each")


def documents_of(
    chunks: Iterable[Iterable[Chunk]],
    metadatas: Sequence[dict[Any, Any]] | None,
    *,
    add_start_index: bool,
) -> list[Document]:
    """A document for each chunk of each text that is not blank, with a deep copy of its text's metadata."""
    return [
        Document(
            page_content=chunk.text,
            metadata=deepcopy(metadata) | ({"start_index": chunk.start} if add_start_index else {}),
        )
        for each, metadata in zip(chunks, metadatas or repeat({}), strict=False)
        for chunk in each
        if chunk.text.strip()
    ]
