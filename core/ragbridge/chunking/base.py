"""Chunks, and what all chunkers have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, compress
from typing import Any, ClassVar, TypeVar

from ragbridge.chunking.cuts import Chunk, Cuts, Span
from ragbridge.chunking.texts import Texts, batches
from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import as_whole
from ragbridge.ground.records import dataclass
from ragbridge.rules.chunking import check_settings, warn_of_large_chunks
from ragbridge.values.lists import iterated


def cut(document: str, spans: Iterable[Span]) -> Iterator[Chunk]:
    """The chunks of a document at given places, produced lazily."""
    wide = [] if document.isascii() else Texts([document]).wide().tolist()
    if not wide:
        return (Chunk(start, end, document[start:end]) for start, end in spans)
    return (
        Chunk(start, end, document[start:end], wide_before=bisect_left(wide, start)) for start, end in spans
    )


class Chunker(ABC):
    """Cuts documents as Elasticsearch's inference service does, to the character.

    Chunkers are immutable values: they can be compared, pickled and shared between threads.
    """

    __slots__ = ()

    _batch: ClassVar[int] = 0
    """How many characters of short documents are read together; 0: as ``batches`` has it."""

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
        return cut(text, chain.from_iterable(self._spans(Texts([text]))))

    def chunk_many(self, documents: Iterable[str]) -> Iterator[list[Chunk]]:
        """The chunks of each document, to the character those of ``chunk``: much faster where documents are short.

        Documents are read together, up to half a million characters at a time, and never more than that ahead of the one whose
        chunks are requested: a generator of any length passes in constant memory.

        Args:
            documents: Any iterable of texts but a set or a table.

        Returns:
            For each document, in order, the list of its chunks.

        Raises:
            ConfigurationError: ``documents`` is no list of texts; an item is not a str, needs the extra ``icu``, or has a
                separator that takes too long. The message names it by its index.
        """
        return self._chunk_batches(batches(iterated(documents, "documents"), self._batch))

    def _chunk_batches(self, batched: Iterable[list[str]]) -> Iterator[list[Chunk]]:
        first = 0
        for batch in batched:
            try:
                found = self._chunks_of(batch)
            except ConfigurationError:
                # One of them failed. Those before it have chunks, and it has an index.
                found = (self._chunks_alone(first + place, text) for place, text in enumerate(batch))
            yield from found
            first += len(batch)

    def _chunks_of(self, batch: list[str]) -> Iterable[list[Chunk]]:
        """The chunks of each text. ASCII and other texts are read apart: the former faster, and with less memory."""
        ascii_ = [*map(str.isascii, batch)]
        if all(ascii_) or not any(ascii_):
            return self._chunks_together(batch)
        kinds = {
            kind: self._chunks_together([*compress(batch, (each is kind for each in ascii_))])
            for kind in (True, False)
        }
        return (next(kinds[kind]) for kind in ascii_)

    def _chunks_together(self, batch: list[str]) -> Iterator[list[Chunk]]:
        texts = Texts(batch)
        return self._cuts(texts).chunks(texts)

    def _chunks_alone(self, index: int, text: str) -> list[Chunk]:
        try:
            return self.chunk(text)
        except ConfigurationError as error:
            raise ConfigurationError(f"documents[{index}]: {error}") from None

    def _cuts(self, texts: Texts) -> Cuts:
        """Where the chunks of all texts are."""
        return Cuts.of(texts, self._spans(texts))

    @abstractmethod
    def _spans(self, texts: Texts) -> Iterator[Iterable[Span]]:
        """Where the chunks of each text are, in order; offsets are those in the text itself."""


def checked(documents: Iterable[Any]) -> Iterator[str]:
    """The documents, each of which is a str.

    Raises:
        ConfigurationError: One is something else; the message names its index.
    """
    for index, document in enumerate(documents):
        if not isinstance(document, str):
            raise ConfigurationError(f"documents[{index}] is {type(document).__name__}, not str")
        yield document


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

    def _spans(self, texts: Texts) -> Iterator[Iterable[Span]]:
        return ([(0, stop - start)] for start, stop in texts)
