"""The strategy ``none``: a document is one chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ragbridge.chunking.base import Chunker, Span


@dataclass(frozen=True, slots=True)
class NoneChunker(Chunker):
    """Does not cut: for documents that were cut before."""

    @property
    def settings(self) -> dict[str, object]:
        """``{"strategy": "none"}``."""
        return {"strategy": "none"}

    def _spans(self, text: str) -> Iterator[Span]:
        yield 0, len(text)
