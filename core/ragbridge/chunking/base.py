"""Chunks, and what all chunkers have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import as_whole
from ragbridge.rules.chunking import check_settings, warn_of_large_chunks

Span: TypeAlias = tuple[int, int]
"""Start and end of a chunk, in code points."""

_SURROGATES = re.compile("[\ud800-\udfff]")


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


def cut(document: str, spans: Iterable[Span]) -> Iterator[Chunk]:
    """The chunks of a document at given places, produced lazily."""
    wide = _wide_characters(document)
    for start, end in spans:
        yield Chunk(start, end, document[start:end], wide_before=bisect_left(wide, start) if wide else 0)


def _wide_characters(document: str) -> Sequence[int]:
    """Positions of the characters that UTF-16 writes as two units."""
    if document.isascii() or len(document.encode("utf-16-le", "surrogatepass")) == 2 * len(document):
        return ()
    code_points = np.frombuffer(document.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return np.flatnonzero(code_points > 0xFFFF).data


class Chunker(ABC):
    """Cuts documents as Elasticsearch's inference service does, to the character.

    Chunkers are immutable values: they can be compared, pickled and shared between threads.
    """

    __slots__ = ()

    @staticmethod
    def from_settings(settings: Mapping[str, Any] | None, *, strict: bool = True) -> Chunker:
        """The chunker for an endpoint's or a field's ``chunking_settings``.

        Args:
            settings: As sent to Elasticsearch, under the same rules. ``{}`` means its default for new endpoints,
                sentences of 250 words with overlap 1; None what it assumes for endpoints from before 8.16, 250
                words with overlap 100.
            strict: See the chunkers.

        Raises:
            ConfigurationError: Elasticsearch would refuse the settings; the message holds its own messages.

        Warns:
            UserWarning: ``max_chunk_size`` is above 300, which Elasticsearch accepts from 9.2 on only.
        """
        if settings is None:
            return _strategies["word"](250, 100, strict=strict)
        checked = check_settings(settings)
        name = checked.pop("strategy")
        if name == "none":
            return NoneChunker()
        chunker = _strategies[name](**checked, strict=strict)
        warn_of_large_chunks(checked, stacklevel=2)
        return chunker

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The settings as Elasticsearch shows them: all keys, no ``separator_group``."""

    def chunk(self, text: str) -> list[Chunk]:
        """The chunks of a document, in order. Empty text is one empty chunk.

        Raises:
            ConfigurationError: The text needs the extra ``icu``; or a separator takes too long.
        """
        return list(self.iter(text))

    def iter(self, text: str) -> Iterator[Chunk]:
        """The same as ``chunk``, but lazy: no text is examined before its chunk is requested."""
        if not isinstance(text, str):
            raise ConfigurationError(f"text must be a str, not {type(text).__name__}")
        return cut(text, self._spans(without_surrogates(text)))

    @abstractmethod
    def _spans(self, text: str) -> Iterator[Span]:
        """Where the chunks are, in order."""


def check_integer(name: str, value: object, *, least: int) -> int:
    """The value as a plain int; raises ``ConfigurationError`` unless it is an integer of at least this size."""
    whole = as_whole(value)
    if whole is None:
        raise ConfigurationError(
            f"field [{name}] is not of the expected type. The value [{value}] cannot be converted to a [Integer]"
        )
    if whole < least:
        raise ConfigurationError(f"{name} [{value}] must be at least {least}")
    return whole


def without_surrogates(text: str) -> str:
    """The text with each lone surrogate replaced by a symbol, since libraries refuse them. Offsets do not change."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text


_strategies: dict[str, Callable[..., Chunker]] = {}
"""Chunkers by Elasticsearch's name of the strategy. Each module adds its own; ``ragbridge.chunking`` imports them all."""

C = TypeVar("C", bound=Chunker)


def strategy(name: str) -> Callable[[type[C]], type[C]]:
    """Have ``Chunker.from_settings`` make the decorated class for the strategy of this name."""

    def register(kind: type[C]) -> type[C]:
        _strategies[name] = kind
        return kind

    return register


@dataclass(frozen=True, slots=True)
class NoneChunker(Chunker):
    """Makes one chunk of the whole document. For documents that are chunks already."""

    @property
    def settings(self) -> dict[str, object]:
        """``{"strategy": "none"}``."""
        return {"strategy": "none"}

    def _spans(self, text: str) -> Iterator[Span]:
        yield 0, len(text)
