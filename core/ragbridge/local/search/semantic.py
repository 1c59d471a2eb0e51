"""``semantic_text``: texts become chunks with embeddings, all texts of a request in one call to each endpoint.

Source: ``ShardBulkInferenceActionFilter`` and ``EmbeddingRequestChunker`` of Elasticsearch's inference plugin.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Map
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from ragbridge.chunking.base import Chunker, NoneChunker
from ragbridge.chunking.recursive import RecursiveChunker
from ragbridge.chunking.sentence import SentenceChunker
from ragbridge.chunking.word import WordChunker
from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.documents import Chunk
from ragbridge.local.search.errors import SearchFailure, invalid_argument
from ragbridge.rules.chunking import check_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.local.elastic.endpoints import Endpoint
    from ragbridge.local.search.inference import Embedded, Inference
    from ragbridge.local.search.mapping import Field

MOST_PIECES: Final = 20_000
"""Chunks that one request may have embedded: the engine's own bound."""
MOST_CHUNKS: Final = 512
"""Chunks that Elasticsearch stores of one value; more are merged (``EmbeddingRequestChunker``)."""

_CHUNKERS: Final[dict[str, Callable[..., Chunker]]] = {
    "none": lambda strict: NoneChunker(),  # noqa: ARG005 - as the others take it
    "recursive": RecursiveChunker,
    "sentence": SentenceChunker,
    "word": WordChunker,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of one text, with offsets in UTF-16 units."""

    start: int
    end: int
    text: str
    vector: NDArray[np.float32] | None = None
    tokens: Map[str, float] | None = None


Wanted: TypeAlias = tuple[str, str, str]
"""An endpoint's id, chunking settings as JSON, and a text."""


class Embeddings:
    """The chunks of the texts that one request writes.

    Texts are announced by ``want``, embedded together by ``compute``, and read by ``pieces``; one that was not announced is
    embedded when it is read.
    """

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._wanted: dict[Wanted, None] = {}
        self._known: dict[Wanted, list[Piece] | Failure] = {}
        self._pieces = 0

    def want(self, field: Field, texts: Sequence[str]) -> None:
        """Announce the texts of a field."""
        for text in texts:
            if text.strip():
                self._wanted[self._key(field, text)] = None

    def compute(self) -> None:
        """Embed all announced texts. What fails is raised when its text is read."""
        by_endpoint: dict[str, list[Wanted]] = {}
        for wanted in self._wanted:
            if wanted not in self._known:
                by_endpoint.setdefault(wanted[0], []).append(wanted)
        self._wanted = {}
        for inference_id, texts in by_endpoint.items():
            self._embed(inference_id, texts)

    def pieces(self, field: Field, text: str) -> list[Piece]:
        """The chunks of a text.

        Raises:
            Failure: The endpoint is missing, or has refused the text; in Elasticsearch's words.
        """
        key = self._key(field, text)
        if key not in self._known:
            self._wanted[key] = None
            self.compute()
        known = self._known[key]
        if not isinstance(known, Failure):
            return known
        if isinstance(known, SearchFailure):  # not the endpoint's
            raise known
        inference_id = key[0]
        if known.status == 404:
            reason = f"Inference id [{inference_id}] not found for field [{field.path}]"
            raise SearchFailure(404, reason, kind="resource_not_found_exception")
        reason = f"Exception when running inference id [{inference_id}] on field [{field.path}]"
        raise SearchFailure(500, reason, kind="exception", cause=known)

    def endpoint(self, field: Field) -> Endpoint:
        """The endpoint that embeds a field's documents."""
        return self._inference.find(field.endpoints[0])

    def _key(self, field: Field, text: str) -> Wanted:
        settings = field.parameters.get("chunking_settings")
        return field.endpoints[0], json.dumps(settings) if settings else "", text

    def _count(self, pieces: int) -> None:
        if self._pieces + pieces > MOST_PIECES:
            raise invalid_argument(
                f"this request has more than {MOST_PIECES:,} chunks to embed, the most that the embedded engine of ragbridge, "
                "which is for development and tests, takes at once; send fewer documents, or use an Elasticsearch cluster"
            )
        self._pieces += pieces

    def _embed(self, inference_id: str, wanted: Sequence[Wanted]) -> None:
        """Embed texts with one endpoint; where that fails, one text after the other, so that only the bad ones fail."""
        try:
            endpoint = self._inference.embedding(inference_id)
            cut = [_cut(endpoint, settings, text) for _, settings, text in wanted]
            self._count(sum(map(len, cut)))
            late = endpoint.task_settings.get("late_chunking")
            groups = [[index] for index in range(len(cut))] if late else [range(len(cut))]
            for group in groups:
                texts = [piece.text for index in group for piece in cut[index]]
                embedded = self._inference.embed(endpoint, texts, "ingest")
                first = 0
                for index in group:
                    pieces = cut[index]
                    self._known[wanted[index]] = merged(list(_joined(pieces, embedded, first)))
                    first += len(pieces)
        except Failure as failure:
            if len(wanted) == 1 or failure.status == 404:
                self._known.update(dict.fromkeys(wanted, failure))
                return
            for single in wanted:
                self._embed(inference_id, [single])


def _cut(endpoint: Endpoint, settings: str, text: str) -> list[Piece]:
    """The chunks of a text, by the field's settings, else the endpoint's."""
    given: Map[str, Any] = json.loads(settings) if settings else (endpoint.chunking_settings or {})
    options = check_settings(given)
    chunker = _CHUNKERS[options.pop("strategy")](**options, strict=False)
    return [Piece(*chunk.utf16, chunk.text) for chunk in chunker.iter(text)]


def _joined(pieces: Sequence[Piece], embedded: Embedded, first: int) -> Iterator[Piece]:
    """Pieces with their embeddings, which begin at a row."""
    for row, piece in enumerate(pieces, first):
        if embedded.vectors is None:
            yield Piece(piece.start, piece.end, piece.text, tokens=embedded.tokens[row])
        else:
            yield Piece(piece.start, piece.end, piece.text, vector=embedded.vectors[row])


def merged(pieces: list[Piece]) -> list[Piece]:
    """At most ``MOST_CHUNKS`` pieces: neighbours are joined, vectors averaged, and of weights the greatest is kept."""
    if len(pieces) <= MOST_CHUNKS:
        return pieces
    slots: dict[int, list[Piece]] = {}
    for index, piece in enumerate(pieces):
        slots.setdefault(index * MOST_CHUNKS // len(pieces), []).append(piece)
    return [_merge(group) for group in slots.values()]


def _merge(group: Sequence[Piece]) -> Piece:
    if len(group) == 1:
        return group[0]
    text, end = "", group[0].start
    for piece in group:  # pieces may overlap
        text += utf16_slice(piece.text, max(0, end - piece.start), piece.end - piece.start)
        end = max(end, piece.end)
    vectors = [piece.vector for piece in group if piece.vector is not None]
    tokens: dict[str, float] = {}
    for piece in group:
        for token, weight in (piece.tokens or {}).items():
            tokens[token] = max(weight, tokens.get(token, 0.0))
    vector: NDArray[np.float32] | None = None
    if vectors:
        vector = np.asarray(np.mean(np.stack(vectors), axis=0), dtype=np.float32)
    return Piece(group[0].start, end, text, vector, None if vectors else tokens)


def utf16_slice(text: str, start: int, end: int) -> str:
    """A part of a text by offsets in UTF-16 units."""
    if text.isascii():
        return text[start:end]
    return text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "surrogatepass")


def utf16_length(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def chunks(field: Field, source: str, values: Sequence[str], embeddings: Embeddings) -> Iterator[Chunk]:
    """The chunks of the values of one source. Offsets count in the values joined by one separator; blank ones are skipped.

    Raises:
        Failure: See ``Embeddings.pieces``.
    """
    offset = 0
    for value in values:
        if value.strip():
            for piece in embeddings.pieces(field, value):
                start, end = offset + piece.start, offset + piece.end
                yield Chunk(source, start, end, piece.text, piece.vector, piece.tokens)
        offset += utf16_length(value) + 1
