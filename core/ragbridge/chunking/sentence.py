"""The strategy ``sentence``: as many whole sentences as fit."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ragbridge.chunking.base import Chunker, Span, check_integer, strategy
from ragbridge.chunking.boundaries.choice import Boundaries, boundaries_for
from ragbridge.chunking.boundaries.words import Words, word_ends
from ragbridge.chunking.word import windows
from ragbridge.errors import ConfigurationError


@strategy("sentence")
@dataclass(frozen=True, slots=True)
class SentenceChunker(Chunker):
    """Fills chunks with whole sentences; a sentence that is too long is cut between words, with overlap.

    Every end of line ends a sentence. Spaces after a sentence belong to it, so that no character is lost.
    Words are counted as Elasticsearch counts them: one too many in most lines that end without punctuation.

    Attributes:
        max_chunk_size: Most words in a chunk, at least 1 (Elasticsearch's settings: at least 20).
        sentence_overlap: 1 to repeat the last sentence of the chunk before, or its last words where it is long.
        strict: Refuse text that is not ASCII where the extra ``icu`` is missing. False: approximate it.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    max_chunk_size: int = 250
    sentence_overlap: int = 1
    strict: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "max_chunk_size", check_integer("max_chunk_size", self.max_chunk_size, least=1)
        )
        object.__setattr__(
            self, "sentence_overlap", check_integer("sentence_overlap", self.sentence_overlap, least=0)
        )
        if self.sentence_overlap not in (0, 1):
            raise ConfigurationError(f"sentence_overlap[{self.sentence_overlap}] must be either 0 or 1")

    @classmethod
    def for_rerank(cls, query: str, *, strict: bool = True) -> SentenceChunker:
        """The chunker that Elastic Rerank applies to documents with ``long_document_strategy: chunk``.

        Its window of 512 tokens holds the query, three tokens more and a chunk; a word is taken for 4/3 tokens.
        """
        words = len(word_ends(query, boundaries_for(query, strict=strict).segmenter))
        tokens = max(512 // 2, 512 - 3 - math.ceil(words / 0.75))
        return cls(int(tokens * 0.75), 1, strict=strict)

    @property
    def settings(self) -> dict[str, object]:
        """The settings as Elasticsearch shows them."""
        return {
            "strategy": "sentence",
            "max_chunk_size": self.max_chunk_size,
            "sentence_overlap": self.sentence_overlap,
        }

    def _spans(self, text: str) -> Iterator[Span]:
        return sentence_spans(
            text, self.max_chunk_size, self.sentence_overlap, boundaries_for(text, strict=self.strict)
        )


def sentence_spans(
    text: str, size: int, overlap: int, boundaries: Boundaries, words: Words | None = None
) -> Iterator[Span]:
    """Chunks of whole sentences of up to ``size`` words together; ``words`` are those of the text, if known."""
    words = words or Words(text, boundaries.segmenter)
    sentence_ends = boundaries.sentence_ends(text)
    borders = np.zeros(len(sentence_ends) + 1, dtype=np.int32)
    borders[1:] = sentence_ends
    # Sentence i is ends[i] to ends[i + 1]; total[i] are the words of all before it.
    totals = words.totals(borders)
    ends, total = borders.data, totals.data

    start = filled = 0  # the open chunk: where it starts, and its words
    emitted = False
    sentence = 0
    while True:
        # The first sentence that no longer fits; the open chunk has those before it.
        following = bisect_right(total, total[sentence] + size - filled, sentence) - 1
        filled += total[following] - total[sentence]
        if following == len(sentence_ends):
            break
        count, end = total[following + 1] - total[following], ends[following + 1]
        needed = count
        if filled > 0:
            yield start, ends[following]
            emitted = True
            previous = total[following] - total[following - 1]
            if not overlap:
                start, filled = ends[following], count
            elif previous + count > size:
                keep = min(size // 2, 20)
                skip = max(0, previous - keep)
                start = words.skip(ends[following - 1], skip)
                filled = previous - skip + count
            else:
                start, filled = ends[following - 1], previous + count
            needed = filled
        if needed > size:
            part = text[start:end]
            spans, filled = windows(
                word_ends(part, boundaries.segmenter), len(part), size, min(20, (size - 1) // 2)
            )
            for first, last in spans[:-1]:
                yield start + first, start + last
                emitted = True
            start += spans[-1][0]
        sentence = following + 1
    if filled > 0 or not emitted:
        yield start if filled > 0 else 0, len(text)
