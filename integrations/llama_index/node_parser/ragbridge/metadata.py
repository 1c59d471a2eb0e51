"""Room for a node's metadata in its chunk."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import repeat

from ragbridge import ConfigurationError
from ragbridge.chunking import Chunk, Chunker, RecursiveChunker, SentenceChunker, WordChunker, chunk_each

logger = logging.getLogger("ragbridge")


def chunks_with_room(
    texts: Sequence[str], metadata: Sequence[str], chunker: Chunker
) -> Iterator[list[Chunk]]:
    """The chunks of each text, which have no more words than the chunker's once its ``metadata`` stand in front of them.

    Raises:
        ConfigurationError: The metadata leave no room for text; or a text cannot be cut, see ``chunk_each``.
    """
    return chunk_each(list(_with_room(metadata, chunker)), texts)


def _with_room(metadata: Sequence[str], chunker: Chunker) -> Iterator[Chunker]:
    """For each text's metadata the chunker that leaves room for them."""
    if not isinstance(chunker, WordChunker | SentenceChunker | RecursiveChunker):
        yield from repeat(chunker, len(metadata))
        return
    size = chunker.max_chunk_size
    for each, counted in zip(
        metadata, WordChunker(1, 0, strict=chunker.strict).chunk_many(metadata), strict=True
    ):
        words = len(counted) if each.strip() else 0
        left = size - words
        if left < 1:
            raise ConfigurationError(
                f"max_chunk_size={size}: the metadata have {words} words and leave no room for text; raise it, take keys "
                "out with excluded_embed_metadata_keys and excluded_llm_metadata_keys, or set metadata_aware=False"
            )
        if left < words:
            logger.warning("metadata take %d of the %d words of each chunk", words, size)
        if not words:
            yield chunker
        elif isinstance(chunker, WordChunker):
            yield replace(chunker, max_chunk_size=left, overlap=min(chunker.overlap, left // 2))
        else:
            yield replace(chunker, max_chunk_size=left)
