"""Rows of the output become row groups, and these shards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ragbridge.corpus.lines import Layout, Line
from ragbridge.corpus.writers import Writer, open_writer
from ragbridge.errors import ResponseError

if TYPE_CHECKING:
    from ragbridge.corpus.folder import Folder

GROUP_BYTES = 8 << 20
"""Vectors in a row group at most."""
GROUP_ROWS = 8192


class Shards:
    """Writes rows in their order.

    Args:
        folder: Where to.
        layout: The columns.
        rows: Rows of the output after which a shard ends, with the row of the input that they belong to; None: never.
        expected: Width and type of vectors, for a shard that has none; None where they are not known beforehand.
        finished: Called when a shard is in its place.

    Attributes:
        width: Numbers in a vector, once one is known.
    """

    def __init__(
        self,
        folder: Folder,
        layout: Layout,
        rows: int | None,
        *,
        expected: tuple[int, str] | None,
        finished: Callable[[], object],
    ) -> None:
        self._folder = folder
        self._layout = layout
        self._most = rows
        self._expected = expected
        self._finished = finished
        known = next((shard for shard in folder.shards if shard.width is not None), None)
        self.width = known.width if known else None
        self._numbers = known.numbers if known else None
        self._writer: Writer | None = None
        self._pending: list[Line] = []
        self._inputs = self._rows = self._failed = 0

    def add(self, lines: list[Line], *, last: bool) -> None:
        """Add rows of the output.

        Args:
            lines: The rows.
            last: Whether the row of the input ends with them.

        Raises:
            ResponseError: A vector is of another width than those before.
            OSError: The disk is full, or something like it.
        """
        for line in lines:
            if line.vector is not None:
                self._check(line)
            else:
                self._failed += 1
        self._pending += lines
        self._rows += len(lines)
        self._inputs += last
        if len(self._pending) >= self._group():
            self._write()
        if last and self._most is not None and self._rows >= self._most:
            self.finish()

    def _check(self, line: Line) -> None:
        vector = line.vector
        if vector is None:
            return
        numbers = vector.dtype.name
        if self.width is None:
            self.width, self._numbers = len(vector), numbers
        if (self.width, self._numbers) != (len(vector), numbers):
            raise ResponseError(
                f"{line.block.name(line.index)}: the vector has {len(vector)} numbers ({numbers}), and those before had "
                f"{self.width} ({self._numbers}): is it another model now?"
            )

    def _group(self) -> int:
        return GROUP_ROWS if self.width is None else max(64, min(GROUP_ROWS, GROUP_BYTES // (4 * self.width)))

    def _write(self, *, end: bool = False) -> None:
        if self.width is None and not end:
            return  # the type of the column is known with the first vector
        if self._writer is None:
            self._writer = open_writer(self._folder.format, self._folder.temporary, self._layout)
        lines, self._pending = self._pending, []
        width, numbers = (
            (self.width, self._numbers) if self.width is not None else self._expected or (None, None)
        )
        self._writer.write(lines, width, numbers)

    def finish(self) -> None:
        """End the shard, if there is anything in it."""
        if not self._rows:
            return
        if self._pending:
            self._write(end=True)
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._folder.finish(
            {
                "inputs": self._inputs,
                "rows": self._rows,
                "failed": self._failed,
                "width": self.width,
                "numbers": self._numbers,
            }
        )
        self._inputs = self._rows = self._failed = 0
        self._finished()

    def close(self) -> None:
        """Leave what is not finished: the next run writes it anew."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._folder.temporary.unlink(missing_ok=True)
