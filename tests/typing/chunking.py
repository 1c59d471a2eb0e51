"""What type checkers know of the chunkers: read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import assert_type

from ragbridge import Jina
from ragbridge.chunking import Chunk, Chunker, SegmenterChunker, SentenceChunker


def chunk(document: str, documents: Iterable[str]) -> None:
    """One document has a list of chunks, many have one each."""
    chunker = Chunker.from_settings({})
    assert_type(chunker.chunk(document), list[Chunk])
    assert_type(chunker.iter(document), Iterator[Chunk])
    assert_type(chunker.chunk_many(documents), Iterator[list[Chunk]])
    assert_type(SentenceChunker().chunk_many(line for line in documents), Iterator[list[Chunk]])
    assert_type(Chunk(0, 1, "a", wide_before=0).utf16, tuple[int, int])
    chunker.chunk_many([1, 2])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    Chunk(0, 1, "a", 0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def segment(jina: Jina, documents: list[str]) -> None:
    """The segmenter has both faces."""
    chunker = SegmenterChunker(jina)
    assert_type(chunker.chunk_many(documents), Iterator[list[Chunk]])
    assert_type(chunker.achunk_many(documents), AsyncIterator[list[Chunk]])
    assert_type(await chunker.achunk("a"), list[Chunk])
