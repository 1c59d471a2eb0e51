"""Chunks made of the places where texts are cut: those of many texts at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from itertools import repeat
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragbridge.chunking.texts import Texts
from ragbridge.ground.records import dataclass

Span: TypeAlias = tuple[int, int]
"""Start and end of a chunk, in code points."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document.

    Attributes:
        start: Offset of its first character, in code points.
        end: Offset after its last character, in code points.
        text: ``document[start:end]``, always.
        wide_before: How many characters before ``start`` UTF-16 writes in two units (emoji, rare ideographs):
            what ``utf16`` needs to know of the rest of the document.
    """

    start: int
    end: int
    text: str
    wide_before: int = field(default=0, repr=False, compare=False, kw_only=True)

    @property
    def utf16(self) -> Span:
        """Start and end in UTF-16 code units, as Elasticsearch stores them."""
        start = self.start + self.wide_before
        if self.text.isascii():
            return start, start + len(self.text)
        return start, start + len(self.text.encode("utf-16-le", "surrogatepass")) // 2


_set_start, _set_end, _set_text, _set_wide_before = (
    Chunk.__dict__[name].__set__ for name in ("start", "end", "text", "wide_before")
)


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where the chunks of several texts start and end, those of one text behind those of the other.

    Attributes:
        starts: Offsets in the joined text.
        ends: The same.
        counts: How many chunks each text has.
    """

    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    counts: NDArray[np.intp]

    @classmethod
    def of(cls, texts: Texts, spans: Iterable[Iterable[Span]]) -> Cuts:
        """From the spans of each text, which are counted from its own start."""
        flat: list[int] = []
        counts = []
        for (origin, _), each in zip(texts, spans, strict=True):
            before = len(flat)
            for start, end in each:
                flat += (origin + start, origin + end)
            counts.append((len(flat) - before) // 2)
        both = np.array(flat, dtype=np.int32)
        return cls(both[::2], both[1::2], np.array(counts, dtype=np.intp))

    def chunks(self, texts: Texts) -> Iterator[list[Chunk]]:
        """The chunks of each text."""
        origins = np.repeat(texts.starts, self.counts)
        joined = texts.joined
        made = _made(
            (self.starts - origins).tolist(),
            (self.ends - origins).tolist(),
            [joined[start:end] for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)],
            self._wide_before(texts, origins),
        )
        at = 0
        for count in self.counts.tolist():
            yield made[at : at + count]
            at += count

    def _wide_before(self, texts: Texts, origins: NDArray[np.int32]) -> Iterable[int]:
        wide = texts.wide()
        if not len(wide):
            return repeat(0)
        before: list[int] = (wide.searchsorted(self.starts) - wide.searchsorted(origins)).tolist()
        return before


def _made(
    starts: Sequence[int], ends: Sequence[int], texts: Sequence[str], wide: Iterable[int]
) -> list[Chunk]:
    """Chunks as ``Chunk(...)`` makes them, at two thirds of the price: one field of all, then the next, no call by Python."""
    chunks = list(map(object.__new__, repeat(Chunk, len(texts))))
    for set_field, values in (
        (_set_start, starts),
        (_set_end, ends),
        (_set_text, texts),
        (_set_wide_before, wide),
    ):
        deque(map(set_field, chunks, values), maxlen=0)
    return chunks
