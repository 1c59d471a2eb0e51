"""Multi-vectors of late-interaction models, one vector for each token, and their similarity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.values.embeddings import Usage, billed
from ragbridge.values.partial import Failure
from ragbridge.values.tables import brief, counted, table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

BLOCK_TOKENS = 32_768
"""Tokens of documents that are compared at once: with 128 dimensions, 16 MB of vectors."""

BLOCK_QUERY_TOKENS = 256
"""Tokens of a query that are compared at once: with a block of documents, 32 MB of similarities."""


@dataclass(frozen=True, slots=True, eq=False)
class MultiVectors:
    """One vector for each token of each input, in the order of the inputs.

    Attributes:
        vectors: For each input a float32 array of shape (number of its tokens, dimensions).
        model: The model's name as the service gave it.
        usage: What the call cost.
        tokens: For each input its tokens, where they were asked for; else None.
        failed: The inputs that have no vectors, of a call with ``on_error="report"``. Their arrays have no row.
    """

    vectors: tuple[NDArray[np.float32], ...] = field(repr=False)
    model: str
    usage: Usage = field(default_factory=Usage)
    tokens: tuple[tuple[str, ...], ...] | None = field(default=None, repr=False)
    failed: tuple[Failure, ...] = ()

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return iter(self.vectors)

    def __repr__(self) -> str:
        failed = f", failed={len(self.failed)}" if self.failed else ""
        return f"MultiVectors(inputs={len(self)}{failed}, model={self.model!r}, usage={self.usage!r})"

    def _repr_html_(self) -> str:
        named = self.tokens is not None
        tokens = self.tokens or ((),) * len(self)
        return table(
            f"{counted(len(self), 'input')}, a vector for each token, {self.model}, {billed(self.usage)}",
            ["input", "vectors", "dimensions", *(["tokens"] if named else [])],
            (
                [place, *vectors.shape, *([brief(words)] if named else [])]
                for place, (vectors, words) in enumerate(zip(self.vectors, tokens, strict=True))
            ),
            total=len(self),
            unit="inputs",
            failed=self.failed,
        )

    def tolist(self) -> list[list[list[float]]]:
        """The vectors as Python floats, for interfaces that insist on lists."""
        return [vectors.tolist() for vectors in self.vectors]


def maxsim(query: ArrayLike, documents: Sequence[ArrayLike] | MultiVectors) -> NDArray[np.float32]:
    """Relevance by late interaction: for each token of the query the best match in a document, added up.

    >>> from ragbridge import Jina
    >>> jina = Jina(base_url="local")
    >>> query = jina.embed_multivector(["boats"], role="query").vectors[0]
    >>> maxsim(query, jina.embed_multivector(["a harbour", "bread"], role="document")).shape
    (2,)

    Args:
        query: Vectors of shape (tokens, dimensions).
        documents: For each document its vectors, of shape (tokens, dimensions).

    Returns:
        float32 scores of shape (number of documents,); higher is better. They grow with the number of the query's
        tokens, so scores of different queries do not compare.

    Raises:
        ConfigurationError: An array has another shape or width, is empty, or holds bytes of a binary type.
    """
    import numpy as np

    if isinstance(query, MultiVectors):
        raise ConfigurationError(
            "query is MultiVectors: pass the vectors of one input, such as its vectors[0]"
        )
    if getattr(documents, "ndim", None) == 2:
        raise ConfigurationError("documents is one array of two dimensions: pass a list of such arrays")
    wanted = _vectors(query, "query", None)
    rows = [
        _vectors(document, f"documents[{index}]", wanted.shape[1]) for index, document in enumerate(documents)
    ]
    scores = np.zeros(len(rows), np.float32)
    for start, stop in _blocks([len(row) for row in rows]):
        block = np.concatenate(rows[start:stop])
        starts = np.cumsum([0, *(len(row) for row in rows[start : stop - 1])])
        for first in range(0, len(wanted), BLOCK_QUERY_TOKENS):
            similarities = block @ wanted[first : first + BLOCK_QUERY_TOKENS].T
            scores[start:stop] += np.maximum.reduceat(similarities, starts, axis=0).sum(axis=1)
    return scores


def _vectors(value: ArrayLike, name: str, width: int | None) -> NDArray[np.float32]:
    import numpy as np

    try:
        array: NDArray[Any] = np.asarray(value)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "fiu":
        raise ConfigurationError(f"{name} is not an array of numbers with one row per token")
    if array.dtype.itemsize == 1:
        raise ConfigurationError(
            f"{name} holds {array.dtype}: pass float vectors, since maxsim is not defined for packed bits"
        )
    with np.errstate(over="ignore"):
        array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise ConfigurationError(f"{name} holds numbers that are not finite as float32")
    if array.ndim != 2 or 0 in array.shape:
        raise ConfigurationError(
            f"{name} has the shape {array.shape}, but must have the shape (tokens, dimensions), neither of them 0"
        )
    if width is not None and array.shape[1] != width:
        raise ConfigurationError(f"{name} has {array.shape[1]} dimensions, but the query has {width}")
    return array


def _blocks(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges of documents that together have ``BLOCK_TOKENS`` at most; a longer document stands alone."""
    start, tokens = 0, 0
    for index, size in enumerate(sizes):
        if index > start and tokens + size > BLOCK_TOKENS:
            yield start, index
            start, tokens = index, 0
        tokens += size
    if start < len(sizes):
        yield start, len(sizes)


publish("ragbridge", [MultiVectors, maxsim])
