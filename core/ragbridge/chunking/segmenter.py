"""Jina's segmenter as a chunker: a remote strategy, unknown to Elasticsearch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragbridge.chunking.base import Chunk, Chunker, Span, check_integer, cut
from ragbridge.chunking.texts import Texts, without_surrogates
from ragbridge.errors import ConfigurationError

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

    async def achunk(self, text: str) -> list[Chunk]:
        """The same as ``chunk``, awaitable.

        Raises:
            ConfigurationError: A setting is wrong; nothing was sent.
            RagbridgeError: ``Jina.segment`` failed.
        """
        if not isinstance(text, str):
            raise ConfigurationError(f"text must be a str, not {type(text).__name__}")
        segments = await self.client.asegment(
            without_surrogates(text), tokenizer=self.tokenizer, max_chunk_length=self.max_chunk_length
        )
        return list(cut(text, _at(segments, text)))

    def _spans(self, texts: Texts) -> Iterator[Iterable[Span]]:
        for start, stop in texts:
            text = texts.whole[start:stop]
            # A generator: nothing is sent before the first chunk is requested.
            yield _at(
                self.client.segment(text, tokenizer=self.tokenizer, max_chunk_length=self.max_chunk_length),
                text,
            )


def _at(segments: Segments, text: str) -> list[Span]:
    """Offsets of the segments. Empty or blank text, in which the service finds no segment, is one chunk."""
    return [(segment.start, segment.end) for segment in segments] or [(0, len(text))]
