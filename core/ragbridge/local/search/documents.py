"""Documents as an index keeps them: what was sent, and what the fields' types made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.local.search.mapping import Mapping as FieldMapping

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
        source: What was sent, with dense vectors as arrays, for which ``plain`` has JSON. Never change it.
        version: 1 for a new document, one more with each write.
        seq_no: Number of the write in the index, from 0.
        size: Bytes of the source as JSON and of its vectors, by which the index is bounded.
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


VECTORS = ("dense_vector", "rank_vectors", "sparse_vector")
"""Types of fields that stay out of ``_source`` since 9.2 (``index.mapping.exclude_source_vectors``)."""


def plain(value: Any) -> Any:
    """A part of a source as JSON has it: arrays become lists, floats the shortest decimals of their float32."""
    if isinstance(value, np.ndarray):
        if value.ndim > 1:
            return [plain(row) for row in value]
        return value.tolist() if value.dtype.kind == "i" else [float(str(number)) for number in value]
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def without_vectors(source: Source, mapping: FieldMapping) -> Source:
    """A source without the fields of the types ``VECTORS``, wherever they are."""
    paths = {field.path for field in mapping.of_type(*VECTORS)}
    return _without(source, paths, "") if paths else source


def _without(source: Source, paths: set[str], above: str) -> Source:
    left: Source = {}
    for name, value in source.items():
        path = f"{above}{name}"
        if path in paths:
            continue
        if isinstance(value, dict):
            left[name] = _without(value, paths, f"{path}.")
        elif isinstance(value, list):
            left[name] = [
                _without(item, paths, f"{path}.") if isinstance(item, dict) else item for item in value
            ]
        else:
            left[name] = value
    return left


def inference_fields(document: Document, mapping: FieldMapping) -> dict[str, Any]:
    """``_inference_fields`` of a document: of each ``semantic_text`` field with a chunk its endpoint, model and chunks."""
    shown: dict[str, Any] = {}
    for path, chunks in document.chunks.items():
        field = mapping.get(path)
        if field is None:
            continue
        by_source: dict[str, list[dict[str, Any]]] = {}
        for chunk in chunks:
            embeddings = dict(chunk.tokens) if chunk.tokens is not None else plain(chunk.vector)
            by_source.setdefault(chunk.source, []).append(
                {"start_offset": chunk.start, "end_offset": chunk.end, "embeddings": embeddings}
            )
        parameters = field.parameters
        inference = {
            "inference_id": parameters["inference_id"],
            **{
                name: parameters[name]
                for name in ("model_settings", "chunking_settings")
                if name in parameters
            },
            "chunks": by_source,
        }
        shown[path] = {"inference": inference}
    return shown
