"""What calls return: frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ragbridge._inputs import Image

    Vectors: TypeAlias = NDArray[np.float32]

EmbeddingType: TypeAlias = Literal["float", "binary", "ubinary", "byte", "bit"]
"""What the numbers of a vector are, as the service calls them: floats, or one bit for each dimension; Elasticsearch's
``byte`` and ``bit`` are signed bytes, one for each dimension and one for each eight."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call cost.

    Attributes:
        tokens: Tokens that the service billed (its ``usage.total_tokens``); 0 where it did not say.
        requests: Requests that were answered with success.
    """

    tokens: int = 0
    requests: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.tokens + other.tokens, self.requests + other.requests)


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """One vector for each input, in the order of the inputs; of a PDF, one for each page.

    Attributes:
        vectors: float32 array of shape (number of inputs, dimensions). Of both binary types, although type checkers are
            told of float32: packed uint8 of shape (number of inputs, dimensions / 8), a bit for each dimension that is
            above zero, the most significant bit first as ``numpy.packbits`` has them. ``(vectors ^ 0x80).view(np.int8)``
            is the signed byte that the service calls ``binary``.
        model: The model's name as the service gave it.
        usage: What the call cost.
        embedding_type: What was asked for: ``"float"``, ``"binary"`` or ``"ubinary"``.
    """

    vectors: Vectors = field(repr=False)
    model: str
    usage: Usage = Usage()
    embedding_type: EmbeddingType = "float"

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return iter(self.vectors)

    def __repr__(self) -> str:
        return f"Embeddings(shape={self.vectors.shape}, model={self.model!r}, usage={self.usage!r})"

    def tolist(self) -> list[list[float]]:
        """The vectors as Python floats (bytes as ints), for interfaces that insist on lists."""
        return self.vectors.tolist()  # type: ignore[no-any-return]

    def to_floats(self) -> list[list[float]]:
        """The vectors as Python floats whatever the service gave, for stores that know nothing else.

        Bytes keep their values. Bits become 1.0 and -1.0, one for each dimension: between such vectors cosines and dot
        products order as Hamming distances do.
        """
        vectors = self.vectors
        if self.embedding_type in {"binary", "ubinary", "bit"}:
            import numpy as np

            vectors = np.unpackbits(vectors.view(np.uint8), axis=1) * np.float32(2) - np.float32(1)
        return vectors.astype(float, copy=False).tolist()  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, eq=False)
class DocumentEmbeddings:
    """One vector for each chunk of each document, in their order.

    Attributes:
        documents: For each document a float32 array of shape (number of its chunks, dimensions); packed uint8 of the
            binary types, see ``Embeddings``.
        model: The model's name as the service gave it.
        usage: What the call cost.
        embedding_type: What was asked for.
    """

    documents: tuple[Vectors, ...] = field(repr=False)
    model: str
    usage: Usage = Usage()
    embedding_type: EmbeddingType = "float"

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[Vectors]:
        return iter(self.documents)

    def __repr__(self) -> str:
        return f"DocumentEmbeddings(documents={len(self)}, model={self.model!r}, usage={self.usage!r})"

    def tolist(self, places: Sequence[Sequence[int]] | None = None) -> list[list[float]]:
        """All vectors as Python floats (bytes as ints), for interfaces that insist on lists.

        Args:
            places: Where the chunks of each document stand in the list to make, as ``group_by`` gives them; None for
                one document after the other.
        """
        vectors = [vector for document in self.documents for vector in document.tolist()]
        if places is None:
            return vectors
        order = [place for document in places for place in document]
        if sorted(order) != list(range(len(vectors))):
            raise ValueError("places must name the place of each vector once")
        result: list[list[float]] = [[]] * len(vectors)
        for place, vector in zip(order, vectors, strict=True):
            result[place] = vector
        return result


Document: TypeAlias = "str | Image | Mapping[str, Any]"
"""What can be reranked: a text, an image, or an object with ``text`` or ``image``, and with whatever else."""


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """One row of a ranking.

    Attributes:
        index: Position of the document in the caller's list.
        score: The service's relevance score: higher is better. Listwise models (``jina-reranker-v3``, ``-v3.5``) give
            cosines, which may be negative; the others figures between 0 and 1. Never compare scores of two models, or of
            two calls to a listwise one, nor give them one threshold.
        document: The caller's own document where ``return_documents=True``, else None.
        embedding: The document's vector where ``return_embeddings=True``, else None: float32, as wide in every row.
    """

    index: int
    score: float
    document: Document | None = None
    embedding: Vectors | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Documents by relevance, best first.

    Attributes:
        results: The best ``top_n`` documents, or all.
        model: The model's name as the service gave it.
        usage: What the call cost.
        met: Positions, in the caller's list, of the documents whose scores may be compared with each other: all of
            them, unless a listwise model had to rank them in rounds; then those that met in the last call, and their
            rows stand first.
    """

    results: tuple[RankedDocument, ...]
    model: str
    usage: Usage = Usage()
    met: frozenset[int] = field(default=frozenset(), repr=False)

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[RankedDocument]:
        return iter(self.results)


Tokenizer: TypeAlias = Literal["cl100k_base", "o200k_base", "p50k_base", "r50k_base", "p50k_edit", "gpt2"]
"""Whose vocabulary Jina's segmenter counts by: OpenAI's, none of Jina's own models'."""

Token: TypeAlias = tuple[str, tuple[int, ...]]
"""A piece of text and its ids; several where a character is more than one token."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text that was segmented.

    Attributes:
        start: Offset of its first character, in code points.
        end: Offset after its last character, in code points.
        text: ``content[start:end]``, always: checked when the answer is read.
        tokens: Its tokens, where they were asked for.
    """

    start: int
    end: int
    text: str
    tokens: tuple[Token, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Segments:
    """A text in pieces.

    Attributes:
        chunks: The pieces, in the order of the text.
        num_tokens: Tokens by ``tokenizer``'s count. No estimate of what an embedding of the text is billed.
        tokenizer: Whose vocabulary counted, as the service gave it.
        usage: What the call cost: no tokens, segmenting is free.
    """

    chunks: tuple[Segment, ...]
    num_tokens: int
    tokenizer: str
    usage: Usage = Usage()

    def __len__(self) -> int:
        return len(self.chunks)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.chunks)
