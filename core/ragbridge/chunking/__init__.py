"""Chunks exactly as Elasticsearch makes them, on the client.

::

    chunker = Chunker.from_settings({"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1})
    for chunk in chunker.chunk(document):
        chunk.start, chunk.end, chunk.text      # text == document[start:end]
        chunk.utf16                             # the offsets that Elasticsearch stores

ASCII text needs nothing else; other text needs the extra ``icu``. ``SegmenterChunker`` cuts where Jina's segmenter
does instead, by request. Sources and quirks are in the modules of the
strategies.
"""

from __future__ import annotations

from ragbridge.chunking.base import Chunker, NoneChunker
from ragbridge.chunking.cuts import Chunk
from ragbridge.chunking.each import chunk_each
from ragbridge.chunking.recursive import RecursiveChunker
from ragbridge.chunking.segmenter import SegmenterChunker
from ragbridge.chunking.sentence import SentenceChunker
from ragbridge.chunking.word import WordChunker
from ragbridge.ground.public import publish as _publish

__all__ = [
    "Chunk",
    "Chunker",
    "NoneChunker",
    "RecursiveChunker",
    "SegmenterChunker",
    "SentenceChunker",
    "WordChunker",
    "chunk_each",
]

_publish(__name__, [globals()[_name] for _name in __all__])
