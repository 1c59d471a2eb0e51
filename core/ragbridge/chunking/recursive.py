"""The strategy ``recursive``: cut at the coarsest separators that give pieces of the right size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import InitVar, dataclass, field

from ragbridge.chunking.base import Chunker, check_integer, strategy
from ragbridge.chunking.boundaries.choice import Boundaries, boundaries_for
from ragbridge.chunking.boundaries.few import has_at_most
from ragbridge.chunking.boundaries.words import Words
from ragbridge.chunking.cuts import Span
from ragbridge.chunking.pieces import Piece, Pieces
from ragbridge.chunking.sentence import sentence_spans
from ragbridge.chunking.separators import Budget, separator
from ragbridge.chunking.texts import Texts, batches
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

    def _spans(self, texts: Texts) -> Iterator[Iterable[Span]]:
        boundaries = boundaries_for(texts.joined, strict=self.strict)
        if texts.alone and has_at_most(texts.joined, self.max_chunk_size):
            return iter([[(0, len(texts.joined))]])
        words = Words(texts.whole, boundaries.segmenter, () if texts.alone else texts.stops[:-1])
        if texts.alone and len(words.ends) <= self.max_chunk_size:
            return iter([[(0, len(texts.joined))]])
        pieces = Pieces(texts, words, self.max_chunk_size)
        finders = [separator(pattern) for pattern in self._patterns]
        budget = Budget.for_text(words.text, len(finders))
        for finder in finders:
            if pieces.long:
                pieces.cut(finder, budget)
        parts = self._parts(sorted(pieces.long), words, boundaries)
        ordered = iter(sorted(pieces.short + pieces.long))
        return (self._spans_between(start, stop, ordered, parts) for start, stop in texts)

    def _parts(self, long: Sequence[Piece], words: Words, boundaries: Boundaries) -> Iterator[Iterable[Span]]:
        """The spans of each piece that is still too long: cut as by ``SentenceChunker``, as a text of its own."""
        text = words.text
        edges = [(start, end) for start, end, _ in long]
        if 2 * sum(end - start for start, end in edges) >= len(text):
            stand_alone = Texts.within(text, edges)
            if stand_alone is not None:
                return sentence_spans(stand_alone, self.max_chunk_size, 0, boundaries, words)
        return (
            spans
            for batch in batches(text[start:end] for start, end in edges)
            for spans in sentence_spans(Texts(batch), self.max_chunk_size, 0, boundaries)
        )

    def _spans_between(
        self, text_start: int, text_stop: int, pieces: Iterator[Piece], parts: Iterator[Iterable[Span]]
    ) -> Iterator[Span]:
        for start, end, count in pieces:
            if count <= self.max_chunk_size:
                yield start - text_start, end - text_start
            else:
                for first, last in next(parts):
                    yield start + first - text_start, start + last - text_start
            if end == text_stop:
                return


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
