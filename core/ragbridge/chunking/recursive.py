"""The strategy ``recursive``: cut at the coarsest separators that give pieces of the right size."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import InitVar, dataclass, field

import numpy as np

from ragbridge.chunking.base import Chunker, Span, check_integer, strategy
from ragbridge.chunking.boundaries.choice import boundaries_for
from ragbridge.chunking.boundaries.words import Words
from ragbridge.chunking.sentence import sentence_spans
from ragbridge.chunking.separators import Budget, separator
from ragbridge.errors import ConfigurationError
from ragbridge.rules.chunking import GROUPS


@strategy("recursive")
@dataclass(frozen=True, slots=True)
class RecursiveChunker(Chunker):
    r"""Cuts at separators, joins neighbours that fit together, and cuts what is too long at the next separator.

    A separator begins the piece that follows it. What is too long after the last one is cut as by
    ``SentenceChunker`` without overlap. No character is lost.

    Separators are regular expressions of Java, searched with ``MULTILINE``; plain text is one. Those that may take
    long need the package ``regex`` (extra ``icu``), which has a timeout: Elasticsearch limits the characters that an
    expression reads, ragbridge the time that it takes.

    Attributes:
        max_chunk_size: Most words in a chunk, at least 1 (Elasticsearch's settings: at least 10).
        separators: From coarse to fine, at least one. None: the group's.
        separator_group: Instead of ``separators``: ``plaintext`` (blank lines, then ends of lines; the default) or
            ``markdown`` (headings by level).
        strict: Refuse text that is not ASCII where the extra ``icu`` is missing. False: approximate it.

    Raises:
        ConfigurationError: A value is out of its range, or a separator cannot be used; the message names it.
    """

    max_chunk_size: int
    separators: Sequence[str] | None = None
    separator_group: InitVar[str | None] = None
    strict: bool = field(default=True, kw_only=True)

    def __post_init__(self, separator_group: str | None) -> None:
        object.__setattr__(
            self, "max_chunk_size", check_integer("max_chunk_size", self.max_chunk_size, least=1)
        )
        object.__setattr__(self, "separators", _expand(self.separators, separator_group))
        for pattern in self._patterns:
            separator(pattern)

    @property
    def _patterns(self) -> Sequence[str]:
        return self.separators or ()

    @property
    def settings(self) -> dict[str, object]:
        """The settings as Elasticsearch shows them: a group's separators instead of its name."""
        return {
            "strategy": "recursive",
            "max_chunk_size": self.max_chunk_size,
            "separators": list(self._patterns),
        }

    def _spans(self, text: str) -> Iterator[Span]:
        size = self.max_chunk_size
        finders = [separator(pattern) for pattern in self._patterns]
        budget = Budget.for_text(text, len(finders))
        boundaries = boundaries_for(text, strict=self.strict)
        words = Words(text, boundaries.segmenter)
        # A stack of pieces: start, end, words, and the separator to cut at.
        pieces = [(0, len(text), len(words.ends), 0)]
        while pieces:
            start, end, count, level = pieces.pop()
            if count <= size:
                yield start, end
            elif level == len(finders):
                piece = text[start:end]
                known = words if len(piece) == len(text) else None
                for first, last in sentence_spans(piece, size, 0, boundaries, known):
                    yield start + first, start + last
            else:
                piece = text[start:end]
                cuts = [cut for cut in finders[level](piece, budget) if 0 < cut < len(piece)]
                merged = _merge(words, start, cuts, end, size) if cuts else [(start, end, count)]
                pieces += [(*span, level + 1) for span in reversed(merged)]


def _expand(separators: Sequence[str] | None, group: str | None) -> tuple[str, ...]:
    if separators is not None and group is not None:
        raise ConfigurationError("Recursive chunking settings can not have both separators and separator_set")
    if separators is None:
        name = (group or "plaintext").strip().lower()
        if name not in GROUPS:
            raise ConfigurationError(
                f"[chunking_settings] Invalid value [{group}] received. [separator_group] must be one of "
                f"[{', '.join(sorted(GROUPS))}]"
            )
        return GROUPS[name]
    if isinstance(separators, str):
        raise ConfigurationError(
            f"field [separators] is not of the expected type. The value [{separators}] cannot be converted to a [List]"
        )
    if not separators:
        raise ConfigurationError("Recursive chunking settings can not have an empty list of separators")
    for pattern in separators:
        if not isinstance(pattern, str):
            raise ConfigurationError(
                f"field [separators] is not of the expected type. The value [{pattern}] cannot be converted to a [String]"
            )
    return tuple(separators)


def _merge(words: Words, start: int, cuts: Sequence[int], end: int, size: int) -> list[tuple[int, int, int]]:
    """Pieces between cuts, with their words. Neighbours are joined up to ``size`` words."""
    borders = np.array([0, *cuts, end - start], dtype=np.int32) + np.int32(start)
    totals = words.totals(borders)
    places, total = borders.data, totals.data
    merged = []
    piece, pieces = 0, len(borders) - 1
    while piece < pieces:
        # The first piece that no longer fits. A piece that is too long stays alone.
        following = max(bisect_right(total, total[piece] + size, piece) - 1, piece + 1)
        merged.append((places[piece], places[following], total[following] - total[piece]))
        piece = following
    return merged
