"""Elasticsearch's chunking as its loops go, over ICU's boundaries: plain and slow, for the chunkers to be compared with.

Offsets are in UTF-16 units, as Elasticsearch's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from icu4py import breakers

GROUPS = {
    "plaintext": [r"(?<!\n)\n\n(?!\n)", r"(?<!\n)\n(?!\n)"],
    "markdown": [
        *(f"\n{'#' * level} " for level in range(1, 7)),
        r"\n^(?!\s*$).*\n-{1,}\n",
        r"\n^(?!\s*$).*\n={1,}\n",
    ],
}
"""The separators of Elasticsearch's groups."""

Spans = list[tuple[int, int]]
LETTERS_AND_DIGITS = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl"}


def is_word(segment: str) -> bool:
    """What ICU's rule status says of the segments that the texts below have."""
    connectors = len(segment) > 1 and segment[-1] in "_\u202f"
    return connectors or any(unicodedata.category(character) in LETTERS_AND_DIGITS for character in segment)


@dataclass
class Plain:
    """Elasticsearch's algorithms on one text, in UTF-16 units, as its loops go."""

    text: str

    def __post_init__(self) -> None:
        self.units = self.text.encode("utf-16-le")
        self.length = len(self.units) // 2
        self.stops = [(0, False)]
        for start, end in breakers.WordBreaker(self.text, "root").segments():
            self.stops.append((end, is_word(self.part(start, end))))

    def part(self, start: int, end: int) -> str:
        return self.units[2 * start : 2 * end].decode("utf-16-le")

    def preceding(self, place: int) -> int:
        return max([index for index, (stop, _) in enumerate(self.stops) if stop < place], default=0)

    def count(self, start: int, end: int) -> int:
        return sum(word for stop, word in self.stops[self.preceding(start) :] if stop <= end)

    def skip(self, start: int, number: int) -> int:
        index, seen = self.preceding(start), 0
        while index < len(self.stops) and seen < number:
            seen += self.stops[index][1]
            index += 1
        return self.stops[min(index, len(self.stops) - 1)][0]

    def word(self, size: int, overlap: int) -> list[tuple[int, int, int]]:
        chunks = []
        words = since_mark = start = next_start = 0
        for stop, is_a_word in self.stops[1:]:
            if not is_a_word:
                continue
            words += 1
            since_mark += 1
            if words >= size:
                chunks.append((start, stop, words))
                words = overlap
                if overlap == 0:
                    next_start = stop
                start = next_start
            if since_mark == size - overlap:
                next_start = stop
                since_mark = 0
        if words > overlap or not chunks:
            chunks.append((start, self.length, words))
        return chunks

    def sentence(self, size: int, overlap: int) -> Spans:
        chunks: Spans = []
        chunk_start = chunk_end = sentence_start = chunk_words = previous_words = previous_start = 0
        for _, end in breakers.SentenceBreaker(self.text, "root").segments():
            words = self.count(sentence_start, end)
            if chunk_words + words > size:
                needed = words
                if chunk_words > 0:
                    chunks.append((chunk_start, chunk_end))
                    if overlap and previous_words + words > size:
                        skipped = max(0, previous_words - min(size // 2, 20))
                        chunk_start = self.skip(previous_start, skipped)
                        chunk_words = previous_words - skipped + words
                    elif overlap:
                        chunk_start, chunk_words = previous_start, previous_words + words
                    else:
                        chunk_start, chunk_words = chunk_end, words
                    needed = chunk_words
                if needed > size:
                    parts = Plain(self.part(chunk_start, end)).word(size, min(20, (size - 1) // 2))
                    chunks += [(chunk_start + first, chunk_start + last) for first, last, _ in parts[:-1]]
                    chunk_start += parts[-1][0]
                    chunk_words = parts[-1][2]
            else:
                chunk_words += words
            if overlap:
                previous_start, previous_words = sentence_start, words
            sentence_start = chunk_end = end
        if chunk_words > 0:
            chunks.append((chunk_start, self.length))
        return chunks or [(0, self.length)]

    def recursive(self, size: int, separators: list[str]) -> Spans:
        return self.split(0, self.length, size, separators)

    def split(self, start: int, end: int, size: int, separators: list[str]) -> Spans:
        if start == end or self.count(start, end) <= size:
            return [(start, end)]
        part = self.part(start, end)
        if not separators:
            return [(start + first, start + last) for first, last in Plain(part).sentence(size, 0)]
        cuts = [
            len(part[: match.start()].encode("utf-16-le")) // 2
            for match in re.finditer(separators[0], part, re.M)
        ]
        borders = [0, *cuts, end - start]
        pieces = [(start + first, start + last) for first, last in pairwise(borders) if first < last]
        merged: list[tuple[int, int, int]] = []
        for first, last in pieces:
            words = self.count(first, last)
            if merged and merged[-1][2] + words <= size:
                merged[-1] = (merged[-1][0], last, merged[-1][2] + words)
            else:
                merged.append((first, last, words))
        chunks: Spans = []
        for first, last, words in merged:
            chunks += [(first, last)] if words <= size else self.split(first, last, size, separators[1:])
        return chunks


def plain_chunks(text: str, settings: Mapping[str, Any]) -> Spans:
    """The chunks that the loops give for ``chunking_settings``; sizes below Elasticsearch's bounds are taken too."""
    plain, size = Plain(text), settings.get("max_chunk_size", 0)
    match settings["strategy"]:
        case "none":
            return [(0, plain.length)]
        case "word":
            return [(start, end) for start, end, _ in plain.word(size, settings["overlap"])]
        case "sentence":
            return plain.sentence(size, settings["sentence_overlap"])
        case "recursive":
            return plain.recursive(size, settings.get("separators") or GROUPS[settings["separator_group"]])
    raise ValueError(settings)
