"""Room for a node's metadata in its chunk."""

from __future__ import annotations

import logging
from dataclasses import replace

from ragbridge import ConfigurationError
from ragbridge.chunking import Chunker, RecursiveChunker, SentenceChunker, WordChunker

logger = logging.getLogger("ragbridge")


def with_room_for(metadata: str, chunker: Chunker) -> Chunker:
    """A chunker whose chunks have no more words than the given one's once ``metadata`` stand in front of them.

    Raises:
        ConfigurationError: The metadata leave no room for text.
    """
    if not isinstance(chunker, WordChunker | SentenceChunker | RecursiveChunker) or not metadata.strip():
        return chunker
    size = chunker.max_chunk_size
    words = sum(1 for _ in WordChunker(1, 0, strict=chunker.strict).iter(metadata))
    left = size - words
    if left < 1:
        raise ConfigurationError(
            f"max_chunk_size={size}: the metadata have {words} words and leave no room for text; raise it, take keys out "
            "with excluded_embed_metadata_keys and excluded_llm_metadata_keys, or set metadata_aware=False"
        )
    if left < words:
        logger.warning("metadata take %d of the %d words of each chunk", words, size)
    if isinstance(chunker, WordChunker):
        return replace(chunker, max_chunk_size=left, overlap=min(chunker.overlap, left // 2))
    return replace(chunker, max_chunk_size=left)
