"""Jina's segmenter as a chunker: a remote strategy, unknown to Elasticsearch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ragbridge.chunking.base import Chunker, check_integer, cut
from ragbridge.chunking.cuts import Chunk, Span
from ragbridge.chunking.texts import Texts, batches, without_surrogates
from ragbridge.errors import ConfigurationError, RagbridgeError, StatusError
from ragbridge.ground.records import dataclass
from ragbridge.values.lists import iterated

if TYPE_CHECKING:
    # For type checkers alone: at run time, anything with these two methods will do. No protocol, since pyright does not
    # find in one what a class has by descriptors.
    from ragbridge import Jina
    from ragbridge.values.web import Segments


@dataclass(frozen=True, slots=True)
class SegmenterChunker(Chunker):
    """Cuts where Jina's segmenter cuts: one request a document, free of charge, in any language, without ICU.

    ::

        chunker = SegmenterChunker(Jina(), max_chunk_length=500)
        chunks = chunker.chunk(document)            # or: await chunker.achunk(document)
        for chunks in chunker.chunk_many(documents): ...    # or: async for chunks in chunker.achunk_many(documents)

    Attributes:
        client: Sends the requests.
        max_chunk_length: Characters of a chunk at most.
        tokenizer: The vocabulary that the service counts with, see ``Jina.segment``. Chunks hardly depend on it.

    Raises:
        ConfigurationError: ``max_chunk_length`` is not a positive integer.
    """

    client: Jina
    max_chunk_length: int = 1000
    tokenizer: str = "cl100k_base"

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "max_chunk_length", check_integer("max_chunk_length", self.max_chunk_length, least=1)
        )

    @property
    def settings(self) -> dict[str, Any]:
        """Not available: Elasticsearch has no such strategy.

        Raises:
            ConfigurationError: Always, since no endpoint and no mapping could use the settings.
        """
        raise ConfigurationError(
            "SegmenterChunker has no chunking_settings: Elasticsearch does not know Jina's segmenter; "
            'for text that was cut before, use {"strategy": "none"} there'
        )

    def _chunk_batches(self, batched: Iterable[list[str]]) -> Iterator[list[Chunk]]:
        first = 0
        for batch in batched:
            with _counted_from(first):
                found = self.client.segment_many(_sent(batch), **self._options)
            yield from map(_chunks, batch, found)
            first += len(batch)

    async def achunk(self, text: str) -> list[Chunk]:
        """The same as ``chunk``, awaitable.

        Raises:
            ConfigurationError: A setting is wrong; nothing was sent.
            RagbridgeError: ``Jina.segment`` failed.
        """
        if not isinstance(text, str):
            raise ConfigurationError(f"text must be a str, not {type(text).__name__}")
        return _chunks(text, await self.client.asegment(without_surrogates(text), **self._options))

    async def achunk_many(self, documents: Iterable[str]) -> AsyncIterator[list[Chunk]]:
        """The same as ``chunk_many``, for ``async for``.

        Raises:
            ConfigurationError: ``documents`` is no list of texts, or a setting is wrong.
            RagbridgeError: ``Jina.segment_many`` failed; the ``index`` of a refused text is its place in ``documents``.
        """
        first = 0
        for batch in batches(iterated(documents, "documents")):
            with _counted_from(first):
                found = await self.client.asegment_many(_sent(batch), **self._options)
            for chunks in map(_chunks, batch, found):
                yield chunks
            first += len(batch)

    @property
    def _options(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer, "max_chunk_length": self.max_chunk_length}

    def _spans(self, texts: Texts) -> Iterator[Iterable[Span]]:
        whole = texts.whole
        for start, stop in texts:
            text = whole[start:stop]
            # A generator: nothing is sent before the first chunk is requested.
            yield _at(self.client.segment(text, **self._options), text)


def _sent(batch: Sequence[str]) -> list[str]:
    return [without_surrogates(text) for text in batch]


@contextmanager
def _counted_from(first: int) -> Iterator[None]:
    """Errors of a batch that begins with the ``first``-th document name their item as the caller knows it."""
    try:
        yield
    except StatusError as error:
        if not first or error.index is None:
            raise
        places = f"documents[{first + error.index}], in a batch from documents[{first}] on"
        raise error.replace(
            index=first + error.index, message=f"{places}: {error.message}"
        ) from error.__cause__
    except RagbridgeError as error:
        if first:
            error.add_note(f"The texts of this request are counted from documents[{first}] on.")
        raise


def _chunks(text: str, segments: Segments) -> list[Chunk]:
    return list(cut(text, _at(segments, text)))


def _at(segments: Segments, text: str) -> list[Span]:
    """Offsets of the segments. Empty or blank text, in which the service finds no segment, is one chunk."""
    return [(segment.start, segment.end) for segment in segments] or [(0, len(text))]
