"""What goes through the stream: a text and the row that it stands in, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from ragbridge.chunking import Chunk, Chunker
    from ragbridge.corpus.blocks import Block


@dataclass(slots=True)
class Item:
    """One text, or one document with its chunks.

    Attributes:
        block: Where its row is.
        index: Which of the block's rows it is.
        text: What is embedded; None where the row has no text.
        problem: Why it has none.
        chunk: The number of the chunk and its place, where rows become chunks; None where they do not.
        chunks: All of a document's chunks, for late chunking.
        last: Whether it is the last of its row.
    """

    block: Block
    index: int
    text: str | None
    problem: str | None = None
    chunk: tuple[int, Chunk] | None = None
    chunks: Sequence[Chunk] | None = None
    last: bool = True

    @property
    def name(self) -> str:
        """The file and the line."""
        return self.block.name(self.index)


def problem_of(value: Any, column: str) -> str | None:
    """Why ``value`` cannot be embedded; None where it can."""
    if isinstance(value, str):
        if not value or value.isspace():
            return f"{column!r} is empty"
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                return f"{column!r} has half of a character (a lone surrogate), which UTF-8 cannot write"
        return None
    return f"{column!r} is {'null' if value is None else type(value).__name__}, not a text"


def items(
    blocks: Iterable[Block], column: str, *, skip: int, chunker: Chunker | None, together: bool
) -> Iterator[Item]:
    """The texts of all rows from the ``skip``-th on.

    Args:
        blocks: The rows.
        column: Where their texts are.
        skip: Rows that are finished.
        chunker: Cuts the texts.
        together: Whether a document's chunks are one item.
    """
    for block in blocks:
        if skip >= len(block):
            skip -= len(block)
            continue
        values = block.values(column)
        problems = {index: problem_of(values[index], column) for index in range(skip, len(block))}
        cut = None
        if chunker is not None:
            cut = chunked(
                block, {index: values[index] for index in problems if problems[index] is None}, chunker
            )
        for index, problem in problems.items():
            if problem is not None:
                yield Item(block, index, None, problem)
            elif cut is None:
                yield Item(block, index, values[index])
            else:
                yield from _of_chunks(block, index, values[index], next(cut), together)
        skip = 0


def chunked(block: Block, texts: Mapping[int, str], chunker: Chunker) -> Iterator[list[Chunk]]:
    """The chunks of some rows of a block, cut together.

    Args:
        block: The rows.
        texts: Their texts, by their places in the block.
        chunker: Cuts them.

    Raises:
        ConfigurationError: A text cannot be cut; the message names its row.
    """
    from ragbridge.chunking import chunk_each  # whoever has a chunker has imported it

    found = chunk_each([chunker] * len(texts), [*texts.values()])
    for index in texts:
        try:
            chunks = next(found)
        except ConfigurationError as error:
            raise ConfigurationError(f"{block.name(index)}: {error}") from None
        yield chunks


def _of_chunks(block: Block, index: int, text: str, chunks: list[Chunk], together: bool) -> Iterator[Item]:
    chunks = [chunk for chunk in chunks if chunk.text and not chunk.text.isspace()] or chunks
    if together:
        yield Item(block, index, text, chunks=chunks)
        return
    for number, chunk in enumerate(chunks):
        yield Item(block, index, chunk.text, chunk=(number, chunk), last=number == len(chunks) - 1)
