"""The strategy ``sentence``: as many whole sentences as fit."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from ragbridge.chunking.base import Chunker, check_integer, strategy
from ragbridge.chunking.boundaries.choice import Boundaries, boundaries_for
from ragbridge.chunking.boundaries.few import has_at_most
from ragbridge.chunking.boundaries.words import Offsets, Words, word_ends
from ragbridge.chunking.cuts import Span
from ragbridge.chunking.texts import Texts
from ragbridge.chunking.word import windows
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass


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

    def _spans(self, texts: Texts) -> Iterator[Iterable[Span]]:
        boundaries = boundaries_for(texts.joined, strict=self.strict)
        # Where a sentence begins, a word may be counted again that ends there, and the one before that.
        if texts.alone and has_at_most(texts.joined, self.max_chunk_size // 3):
            return iter([iter([(0, len(texts.joined))])])
        return sentence_spans(texts, self.max_chunk_size, self.sentence_overlap, boundaries)


def sentence_spans(
    texts: Texts, size: int, overlap: int, boundaries: Boundaries, words: Words | None = None
) -> Iterator[Iterator[Span]]:
    """For each text, its chunks of whole sentences of up to ``size`` words together; ``words``: if they are known."""
    if words is None:
        words = Words(texts.whole, boundaries.segmenter, () if texts.alone else texts.stops[:-1])
    else:
        words.stop_at(texts.stops)
    borders, edges = _borders(texts, boundaries.sentence_ends(words.text))
    sentences = Sentences(words, borders, words.totals(borders, texts.floors(borders)), boundaries)
    for first, last in edges:
        yield sentences.spans(first, last, size, overlap)


def _borders(texts: Texts, ends: NDArray[np.int64]) -> tuple[Offsets, Iterable[tuple[int, int]]]:
    """Places between which the sentences lie, and for each text which of them are its first and its last."""
    if texts.alone:
        borders = np.zeros(len(ends) + 1, dtype=np.int32)
        borders[1:] = ends
        return borders, [(0, len(ends))]
    starts, stops = texts.starts, texts.stops
    borders = np.concatenate([starts, ends.astype(np.int32), stops])
    borders.sort()  # faster than np.unique, since they are nearly in order
    borders = borders[np.concatenate([[True], borders[1:] != borders[:-1]])]
    return borders, zip(
        borders.searchsorted(starts).tolist(), borders.searchsorted(stops).tolist(), strict=True
    )


class Sentences:
    """The sentences of several texts, with the words in each."""

    def __init__(
        self, words: Words, borders: Offsets, totals: NDArray[np.int64], boundaries: Boundaries
    ) -> None:
        self._words, self._boundaries = words, boundaries
        # Sentence i is borders[i] to borders[i + 1]; totals[i] are the words of all before it.
        self._borders, self._totals = borders.data, totals.data

    def spans(self, first: int, last: int, size: int, overlap: int) -> Iterator[Span]:
        """The chunks of the text between two borders."""
        borders, total = self._borders, self._totals
        base = start = borders[first]  # where the text starts, and the open chunk
        filled = 0  # words in the open chunk
        emitted = False
        sentence = first
        while True:
            # The first sentence that no longer fits; the open chunk has those before it.
            following = bisect_right(total, total[sentence] + size - filled, sentence, last + 1) - 1
            filled += total[following] - total[sentence]
            if following == last:
                break
            count, end = total[following + 1] - total[following], borders[following + 1]
            needed = count
            if filled > 0:
                yield start - base, borders[following] - base
                emitted = True
                previous = total[following] - total[following - 1]
                if not overlap:
                    start, filled = borders[following], count
                elif previous + count > size:
                    keep = min(size // 2, 20)
                    skip = max(0, previous - keep)
                    start = self._words.skip(borders[following - 1], skip, base)
                    filled = previous - skip + count
                else:
                    start, filled = borders[following - 1], previous + count
                needed = filled
            if needed > size:
                part = self._words.text[start:end]
                ends = word_ends(part, self._boundaries.segmenter)
                spans, filled = windows(ends.data, 0, len(part), size, min(20, (size - 1) // 2))
                for from_, to in spans[:-1]:
                    yield start + from_ - base, start + to - base
                    emitted = True
                start += spans[-1][0]
            sentence = following + 1
        if filled > 0 or not emitted:
            yield (start if filled > 0 else base) - base, borders[last] - base
