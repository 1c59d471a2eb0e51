"""Results of embedding calls, and the cost of a call: frozen values."""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeAlias

from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import check_number
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.models.rows import ModelInfo
from ragbridge.values.partial import Failure
from ragbridge.values.tables import counted, numbers, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

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
        cached: Items whose result was in the cache, so that nothing was sent for them.
        retries: Requests that were sent again after a failure.
        waited: Seconds that requests waited for the limiter, added up over all of them: where several wait side by side, more
            than the call took.
    """

    tokens: int = 0
    requests: int = 0
    cached: int = 0
    retries: int = 0
    waited: float = field(default=0.0, compare=False)

    def __repr__(self) -> str:
        more = f", cached={self.cached}" if self.cached else ""
        more += f", retries={self.retries}" if self.retries else ""
        more += f", waited={self.waited:.1f}" if self.waited else ""
        return f"Usage(tokens={self.tokens}, requests={self.requests}{more})"

    def cost(self, price: ModelInfo | Decimal | float) -> Decimal:
        """What ``tokens`` cost, in the currency of ``price``.

        No prices are kept here, since they move. What is billed in other units, such as searches, is not in it.

        Args:
            price: The price of one token; or a model of ``jina.models()``, whose list has the price of a token in US dollars.

        Raises:
            ConfigurationError: ``price`` is neither, or is below 0, or the service lists no price for the model's tokens.
        """
        found = price.prices.get("prompt") if isinstance(price, ModelInfo) else price
        if found is None:
            raise ConfigurationError(
                f"price={price!r}: the service lists no price for its tokens; pass a number"
            )
        if not isinstance(found, Decimal):
            found = Decimal(str(check_number("price", found, "the price of one token, or a model", least=0)))
        if not found.is_finite() or found < 0:
            raise ConfigurationError(f"price={found} must be the price of one token, or a model")
        return self.tokens * found

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens + other.tokens,
            self.requests + other.requests,
            self.cached + other.cached,
            self.retries + other.retries,
            self.waited + other.waited,
        )


def billed(usage: Usage) -> str:
    """What a call cost, for the line above a table. Elasticsearch counts no tokens, and some products cost none."""
    tokens = f"{counted(usage.tokens, 'token')} in " if usage.tokens else ""
    cached = f", {usage.cached:,} from the cache" if usage.cached else ""
    return f"{tokens}{counted(usage.requests, 'request')}{cached}"


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
        failed: The inputs that have no vector, of a call with ``on_error="report"``. Their rows hold NaN; zeros of types
            other than ``"float"``.
    """

    vectors: Vectors = field(repr=False)
    model: str
    usage: Usage = Usage()
    embedding_type: EmbeddingType = "float"
    failed: tuple[Failure, ...] = ()

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return iter(self.vectors)

    def __repr__(self) -> str:
        failed = f", failed={len(self.failed)}" if self.failed else ""
        return f"Embeddings(shape={self.vectors.shape}{failed}, model={self.model!r}, usage={self.usage!r})"

    def _repr_html_(self) -> str:
        width = self.vectors.shape[-1]
        kind = "" if self.embedding_type == "float" else f" ({self.embedding_type})"
        return table(
            f"{counted(len(self), 'vector')} of {counted(width, 'dimension')}{kind}, {self.model}, {billed(self.usage)}",
            ["input", "vector"],
            ([place, numbers(vector, width)] for place, vector in enumerate(self.vectors)),
            total=len(self),
            unit="vectors",
            failed=self.failed,
        )

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

            packed = vectors.view(np.uint8)
            if self.embedding_type == "bit":  # Jina's "binary" as it came: the byte less 128
                packed = packed ^ np.uint8(0x80)
            vectors = np.unpackbits(packed, axis=1) * np.float32(2) - np.float32(1)
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
        failed: The chunks that have no vector, of a call with ``on_error="report"``: the index of each one's document, and
            the error, which names the chunk. Their rows hold NaN; zeros of types other than ``"float"``.
    """

    documents: tuple[Vectors, ...] = field(repr=False)
    model: str
    usage: Usage = Usage()
    embedding_type: EmbeddingType = "float"
    failed: tuple[Failure, ...] = ()

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[Vectors]:
        return iter(self.documents)

    def __repr__(self) -> str:
        failed = f", failed={len(self.failed)}" if self.failed else ""
        return (
            f"DocumentEmbeddings(documents={len(self)}{failed}, model={self.model!r}, usage={self.usage!r})"
        )

    def _repr_html_(self) -> str:
        return table(
            f"{counted(len(self), 'document')}, {self.model}, {billed(self.usage)}",
            ["document", "chunks", "dimensions", "first chunk's vector"],
            (
                [
                    place,
                    len(vectors),
                    vectors.shape[-1],
                    numbers(vectors[0], len(vectors[0])) if len(vectors) else None,
                ]
                for place, vectors in enumerate(self.documents)
            ),
            total=len(self),
            unit="documents",
            failed=self.failed,
        )

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


publish("ragbridge", [DocumentEmbeddings, Embeddings, Usage])
