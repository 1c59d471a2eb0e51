"""Rows of the output, before they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.chunking import Chunk
    from ragbridge.corpus.blocks import Block


@dataclass(slots=True)
class Line:
    """One row of the output.

    Attributes:
        block: Where the row of the input is.
        index: Which of the block's rows it is.
        vector: Of shape (width,); None where there is none.
        error: Why there is none.
        chunk: The number of the chunk and its place, where rows become chunks.
    """

    block: Block
    index: int
    vector: NDArray[Any] | None
    error: str | None = None
    chunk: tuple[int, Chunk] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of the output.

    Attributes:
        columns: Those of the input that are kept, in order.
        schema: Their Arrow types; None of JSON Lines.
        text: The column of texts, which has a chunk's own text where rows become chunks.
        vector: The column of vectors.
        error: The column of errors.
        chunked: Whether rows become chunks.
        half: Whether floats are written with 16 bits.
        about: What the file says of itself.
        gaps: Whether a row may have no vector.
    """

    columns: Sequence[str]
    schema: Any
    text: str
    vector: str
    error: str
    chunked: bool
    half: bool
    about: str
    gaps: bool = False

    def matrix(self, lines: Sequence[Line], width: int, numbers: str) -> NDArray[Any]:
        """The vectors of ``lines`` as one array; zeros where there is none."""
        vectors = np.zeros((len(lines), width), numbers)
        for place, line in enumerate(lines):
            if line.vector is not None:
                vectors[place] = line.vector
        return vectors.astype(np.float16) if self.half and vectors.dtype == np.float32 else vectors


CHUNK_COLUMNS = ("chunk", "start", "end")
"""The number of a chunk in its document, and its place there in code points."""


def by_block(lines: Sequence[Line]) -> Iterator[tuple[Block, list[Line]]]:
    """Runs of lines of one block."""
    run: list[Line] = []
    for line in lines:
        if run and line.block is not run[0].block:
            yield run[0].block, run
            run = []
        run.append(line)
    if run:
        yield run[0].block, run
