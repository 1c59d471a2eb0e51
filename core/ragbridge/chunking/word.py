"""The strategy ``word``: chunks of equally many words, overlapping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field

from ragbridge.chunking.base import Chunker, Span, check_integer, strategy
from ragbridge.chunking.boundaries.choice import boundaries_for
from ragbridge.chunking.boundaries.words import word_ends
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
        ends = word_ends(texts.whole, boundaries_for(texts.whole, strict=self.strict).segmenter)
        for (start, stop), (first, last) in zip(texts, texts.slices(ends), strict=True):
            spans, _ = windows(ends.data[first:last], start, stop, self.max_chunk_size, self.overlap)
            yield spans


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
