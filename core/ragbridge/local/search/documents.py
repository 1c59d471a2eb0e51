"""Documents as an index keeps them: what was sent, and what the fields' types made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

Source: TypeAlias = dict[str, Any]
"""A document as it was sent."""
Tokens: TypeAlias = Mapping[str, float]
"""A sparse vector: weights by token."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a ``semantic_text`` field, and its embedding.

    Attributes:
        source: The field whose value it is a piece of: the field itself, or one that is copied into it.
        start: Offset of its first character in the field's values joined by one separator, in UTF-16 units, as
            Elasticsearch stores it.
        end: Offset after its last character.
        text: The piece itself.
        vector: The dense embedding, float32 of shape (dims,); None in sparse fields.
        tokens: The sparse embedding; None in dense fields.
    """

    source: str
    start: int
    end: int
    text: str
    vector: Floats | None = field(default=None, compare=False)
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One version of a document. It never changes: a write replaces it, so searches need no lock once they have it.

    Attributes:
        id: Its ``_id``.
        source: What was sent, vectors included; ``_source`` filtering is the search's business. Never change it.
        version: 1 for a new document, one more with each write.
        seq_no: Number of the write in the index, from 0.
        size: Bytes of the source as JSON, by which the index is bounded.
        values: Values by field path, multi-fields and ``copy_to`` included: ``str`` for text and keyword (without what
            ``ignore_above`` leaves out), ``int`` or ``float`` for numbers, ``bool``, and milliseconds since 1970 (``int``) for
            dates. Paths without a value are absent. Of ``semantic_text`` fields the texts that were chunked.
        vectors: ``dense_vector`` fields by path, float32 of shape (dims,), with bits unpacked to 0 and 1; ``rank_vectors``
            fields, of shape (vectors, dims).
        sparse: ``sparse_vector`` fields by path, as sent.
        chunks: Chunks of ``semantic_text`` fields by path, in the order of the text. A path without a chunk is absent.
        ignored: Paths whose value was left out: malformed and ``ignore_malformed``, or beyond ``ignore_above``.
    """

    id: str
    source: Source
    version: int = 1
    seq_no: int = 0
    size: int = 0
    values: Mapping[str, list[Any]] = field(default_factory=dict)
    vectors: Mapping[str, Floats] = field(default_factory=dict)
    sparse: Mapping[str, Tokens] = field(default_factory=dict)
    chunks: Mapping[str, list[Chunk]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        """Whether the field has a value: what the query ``exists`` asks."""
        return path in self.values or path in self.vectors or path in self.sparse or path in self.chunks
