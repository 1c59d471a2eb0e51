"""Chunkers from Elasticsearch's ``chunking_settings``. The rules stand in ``ragbridge.rules.chunking``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragbridge.chunking.base import Chunker, NoneChunker
from ragbridge.chunking.recursive import RecursiveChunker
from ragbridge.chunking.sentence import SentenceChunker
from ragbridge.chunking.word import WordChunker
from ragbridge.rules.chunking import check_settings, warn_of_large_chunks


def build(settings: Mapping[str, Any] | None, *, strict: bool) -> Chunker:
    """What ``Chunker.from_settings`` does."""
    if settings is None:
        return WordChunker(250, 100, strict=strict)
    found = check_settings(settings)
    strategy = found.pop("strategy")
    if strategy == "none":
        return NoneChunker()
    chunkers = {"word": WordChunker, "sentence": SentenceChunker, "recursive": RecursiveChunker}
    chunker: Chunker = chunkers[strategy](**found, strict=strict)
    warn_of_large_chunks(found, stacklevel=3)
    return chunker
