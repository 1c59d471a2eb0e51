"""Documents that are cut by chunkers of their own, together where several have the same one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ragbridge.chunking.base import Chunker
from ragbridge.chunking.cuts import Chunk
from ragbridge.errors import ConfigurationError


def chunk_each(chunkers: Sequence[Chunker], documents: Sequence[str]) -> Iterator[list[Chunk]]:
    """The chunks of each document, by the chunker in its place: as fast as ``chunk_many`` where many are equal.

    Args:
        chunkers: One for each document; equal ones are one.
        documents: The texts.

    Returns:
        For each document, in order, the list of its chunks.

    Raises:
        ConfigurationError: As ``Chunker.chunk`` has it, for the document whose turn it is.
        ValueError: There are more of the ones than of the others.
    """
    groups: dict[Chunker, list[str]] = {}
    for chunker, document in zip(chunkers, documents, strict=True):
        groups.setdefault(chunker, []).append(document)
    streams = {chunker: chunker.chunk_many(group) for chunker, group in groups.items()}
    for chunker, document in zip(chunkers, documents, strict=True):
        try:
            chunks = next(streams[chunker])
        except ConfigurationError:
            chunker.chunk(document)  # fails again, without the place in its group, which nobody knows
            raise
        yield chunks
