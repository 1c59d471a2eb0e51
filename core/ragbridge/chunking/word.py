"""The strategy ``word``: chunks of equally many words, overlapping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import ClassVar

import numpy as np

from ragbridge.chunking.base import Chunker, check_integer, strategy
from ragbridge.chunking.boundaries.choice import boundaries_for
from ragbridge.chunking.boundaries.few import has_at_most
from ragbridge.chunking.boundaries.long import LONG
from ragbridge.chunking.boundaries.marks import Marks
from ragbridge.chunking.boundaries.words import word_ends
from ragbridge.chunking.cuts import Cuts, Span
from ragbridge.chunking.texts import Texts
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass


@strategy("word")
@dataclass(frozen=True, slots=True)
class WordChunker(Chunker):
    """Cuts after a fixed number of words.

    A chunk begins right after a word, so with the space or punctuation before its own first word. Where the last
    chunk is full, punctuation and space after it are in no chunk, as in Elasticsearch.

    Attributes:
        max_chunk_size: Words a chunk, at least 1 (Elasticsearch's settings: at least 10).
        overlap: Words that a chunk repeats of the one before: 0 (refused in Elasticsearch's settings) to
            half of ``max_chunk_size``.
        strict: Refuse text that is not ASCII where the extra ``icu`` is missing. False: approximate it.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    # It needs less memory than the others, and fixed costs are more of what it costs.
    _batch: ClassVar[int] = 1 << 19

    max_chunk_size: int = 250
    overlap: int = 100
    strict: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        size = check_integer("max_chunk_size", self.max_chunk_size, least=1)
        overlap = check_integer("overlap", self.overlap, least=0)
        object.__setattr__(self, "max_chunk_size", size)
        object.__setattr__(self, "overlap", overlap)
        if overlap > size // 2:
            raise ConfigurationError(
                f"Invalid chunking parameters, overlap [{overlap}] must be < chunk size / 2 [{size} / 2 = {size // 2}]"
            )

    @property
    def settings(self) -> dict[str, object]:
        """The settings as Elasticsearch shows them."""
        return {"strategy": "word", "max_chunk_size": self.max_chunk_size, "overlap": self.overlap}

    def _spans(self, texts: Texts) -> Iterator[Iterable[Span]]:
        boundaries = boundaries_for(texts.joined, strict=self.strict)
        if texts.alone and has_at_most(texts.joined, self.max_chunk_size - 1):
            yield [(0, len(texts.joined))]
            return
        ends = word_ends(texts.whole, boundaries.segmenter)
        for (start, stop), (first, last) in zip(texts, texts.slices(ends), strict=True):
            spans, _ = windows(ends.data[first:last], start, stop, self.max_chunk_size, self.overlap)
            yield spans

    def _cuts(self, texts: Texts) -> Cuts:
        if texts.alone or len(texts.joined) < LONG:
            return Cuts.of(texts, self._spans(texts))
        ends = Marks(boundaries_for(texts.joined, strict=self.strict).segmenter(texts.joined).last())
        return window_cuts(texts, ends, self.max_chunk_size, self.overlap)


def windows(ends: Sequence[int], start: int, stop: int, size: int, overlap: int) -> tuple[list[Span], int]:
    """Chunks of ``size`` words, and the number of words in the last one.

    Args:
        ends: Where the words of a text end.
        start: Where the text itself starts; chunks are counted from there.
        stop: Where it ends.
        size: Words of a chunk.
        overlap: Words that it repeats of the one before.
    """
    words = len(ends)
    if words < size:
        return [(0, stop - start)], words
    step = size - overlap
    full = (words - size) // step + 1
    starts = [end - start for end in ends[step - 1 : (full - 1) * step : step]]
    stops = [end - start for end in ends[size - 1 : size + (full - 1) * step : step]]
    spans = list(zip([0, *starts], stops, strict=True))
    left = words - (size + (full - 1) * step)
    if left == 0:
        return spans, size
    spans.append((ends[full * step - 1] - start, stop - start))
    return spans, overlap + left


def window_cuts(texts: Texts, ends: Marks, size: int, overlap: int) -> Cuts:
    """The same as ``windows``, for many texts at once: without a loop over them."""
    step = size - overlap
    before = ends.before(texts.stops)  # the words before the end of each text
    first = np.zeros_like(before)
    first[1:] = before[:-1]
    # After its first `size` words, a text has a chunk more for each `step` words or less.
    counts = np.maximum((before - first - size + step - 1) // step, 0) + 1
    behind = counts.cumsum()  # each text's last chunk, and 1
    total, last = int(behind[-1]), behind - 1
    # The j-th chunk of a text begins behind so many words: first + j * step.
    words = np.arange(0, total * step, step) + np.repeat(first - (last - counts + 1) * step, counts)
    found = np.empty(2 * total, dtype=np.int32)
    if len(ends):
        wanted = np.concatenate([words - 1, words + (size - 1)])
        found[:] = ends.find(wanted.clip(0, len(ends) - 1)) + 1
    begins, finishes = found[:total], found[total:]
    begins[last - counts + 1] = texts.starts
    # Where the last chunk has fewer words, it reaches to the end of the text.
    short = words[last] + size > before
    finishes[last[short]] = texts.stops[short]
    return Cuts(begins, finishes, counts)
