"""Passages of texts around marked words, at the ends of sentences, as Lucene's unified highlighter cuts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ragbridge.chunking.boundaries.choice import boundaries_for
from ragbridge.ground.records import dataclass

Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Marked:
    """A text, and where its marked words stand, in order."""

    text: str
    spans: Sequence[Span]

    def written(self, before: str, after: str, escape: Callable[[str], str]) -> str:
        """The text with its words between tags, without white space around it."""
        parts: list[str] = []
        place = 0
        for start, end in self.spans:
            if start < place:
                continue
            parts += [escape(self.text[place:start]), before, escape(self.text[start:end]), after]
            place = end
        return "".join([*parts, escape(self.text[place:])]).strip()

    def cut(self, start: int, end: int) -> Marked:
        """A part of it."""
        inside = [(a - start, b - start) for a, b in self.spans if start <= a and b <= end]
        return Marked(self.text[start:end], inside)


def passages(
    texts: Sequence[Marked], *, fragments: int, size: int, by_score: bool, anyway: bool = False
) -> list[Marked]:
    """The best passages that hold marked words.

    Args:
        texts: The values of a field.
        fragments: How many passages at most; 0 for the whole text, all values together.
        size: Characters of a passage; a sentence that is longer stays whole.
        by_score: Whether the one with most words comes first; else they are in the order of the text.
        anyway: Whether passages without words count.
    """
    if fragments <= 0:
        return [text for text in texts if text.spans]
    found: list[Marked] = []
    for text in texts:
        if anyway or text.spans:
            found += [one for one in _cut(text, size) if anyway or one.spans]
    best = sorted(
        range(len(found)), key=lambda place: (-len({*_words(found[place])}), -len(found[place].spans), place)
    )
    kept = best[:fragments]
    return [found[place] for place in (kept if by_score else sorted(kept))]


def _words(passage: Marked) -> list[str]:
    return [passage.text[start:end].lower() for start, end in passage.spans]


def _cut(text: Marked, size: int) -> list[Marked]:
    """Passages of whole sentences, as many as fit."""
    ends = [int(end) for end in boundaries_for(text.text, strict=False).sentence_ends(text.text)]
    if not ends or ends[-1] < len(text.text):
        ends.append(len(text.text))
    pieces: list[Marked] = []
    start, last = 0, 0
    for end in ends:
        if end - start > size > 0 and last > start:
            pieces.append(text.cut(start, last))
            start = last
        last = end
    if last > start:
        pieces.append(text.cut(start, last))
    return pieces
