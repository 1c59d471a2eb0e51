"""Packed bits in the form of each family of stores: what ``ragbridge.bits`` exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.values.embeddings import Embeddings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


def to_pgvector(vectors: Embeddings | ArrayLike) -> list[str]:
    """Literals of PostgreSQL's type ``bit(n)``: ``"0110..."``, a digit for each dimension.

    pgvector compares them with ``<~>`` (Hamming) and ``<%>`` (Jaccard)::

        cursor.execute("INSERT INTO passages VALUES (%s, %s::bit(1024))", (text, literal))
        cursor.execute("SELECT text FROM passages ORDER BY bits <~> %s::bit(1024) LIMIT 10", (literal,))

    ``bit(n)`` in a cast cuts or pads what has another length without a word: n is the number of dimensions.

    Raises:
        ConfigurationError: ``vectors`` are no packed bits.
    """
    import numpy as np

    packed = _packed(vectors)
    width = packed.shape[1] * 8
    digits = (np.unpackbits(packed) + np.uint8(ord("0"))).tobytes().decode("ascii")
    return [digits[start : start + width] for start in range(0, len(digits), width)]


def to_milvus(vectors: Embeddings | ArrayLike) -> list[bytes]:
    """Bytes for a ``BINARY_VECTOR`` of Milvus, whose ``dim`` is eight times their number; sqlite-vec's ``vec_bit`` takes them, too.

    Raises:
        ConfigurationError: ``vectors`` are no packed bits.
    """
    return [row.tobytes() for row in _packed(vectors)]


def to_faiss(vectors: Embeddings | ArrayLike) -> NDArray[np.uint8]:
    """The array that the binary indexes of FAISS add and search: uint8, contiguous, of shape (number of vectors, dimensions / 8).

    Those of ``usearch`` (kind ``B1``), LanceDB (``hamming`` over uint8) and Voyager's Hamming space take the same.

    Raises:
        ConfigurationError: ``vectors`` are no packed bits.
    """
    return _packed(vectors)


def to_elasticsearch(vectors: Embeddings | ArrayLike) -> list[list[int]]:
    """Signed bytes for a ``dense_vector`` with ``element_type: bit``, as its inference endpoints write them.

    They are what Jina calls ``binary``: the unsigned byte less 128. All vectors of a field must be made alike, since the
    Hamming distance to ``packbits(...).view(int8)`` is wrong by one bit of eight.

    Raises:
        ConfigurationError: ``vectors`` are no packed bits.
    """
    import numpy as np

    signed: list[list[int]] = (_packed(vectors) ^ np.uint8(0x80)).view(np.int8).tolist()
    return signed


def _packed(vectors: Embeddings | ArrayLike) -> NDArray[np.uint8]:
    """The bits of dimensions above zero, contiguous, of shape (number of vectors, dimensions / 8)."""
    import numpy as np

    if isinstance(vectors, Embeddings):
        return _of_embeddings(vectors)
    try:
        array: NDArray[Any] = np.asarray(vectors)
    except ValueError:  # rows of different lengths
        raise ConfigurationError("vectors have different lengths: pass those of one width") from None
    if array.dtype != np.uint8:
        raise ConfigurationError(
            f"vectors are {_described(array)}, but packed bits are uint8: {_hint(array)}"
        )
    if array.ndim == 1:
        raise ConfigurationError(
            f"vectors have the shape {array.shape}: pass one vector as a list of one, such as vectors[:1]"
        )
    if array.ndim != 2 or array.shape[1] == 0:
        raise ConfigurationError(
            f"vectors have the shape {array.shape}, but must have the shape (number of vectors, dimensions / 8)"
        )
    return np.ascontiguousarray(array)


def _of_embeddings(embeddings: Embeddings) -> NDArray[np.uint8]:
    import numpy as np

    kind = embeddings.embedding_type
    if kind not in {"binary", "ubinary", "bit"}:
        raise ConfigurationError(
            f'embedding_type={kind!r} packs no bits: ask for embedding_type="ubinary", '
            'or of Elasticsearch for an endpoint whose embedding_type is "bit"'
        )
    if embeddings.failed:
        first = embeddings.failed[0].index
        raise ConfigurationError(
            f"{len(embeddings.failed)} of {len(embeddings)} inputs have no vector (the first is {first}): "
            "their rows hold zeros, so pass the rows of .vectors that are whole"
        )
    if embeddings.vectors.size == 0:
        return np.empty((0, 1), np.uint8)  # of no width yet: whoever asked for nothing gets nothing
    packed: NDArray[np.uint8] = embeddings.vectors.view(np.uint8)
    return _packed(packed ^ np.uint8(0x80) if kind == "bit" else packed)


def _described(array: NDArray[Any]) -> str:
    return "objects" if array.dtype == object else str(array.dtype)


def _hint(array: NDArray[Any]) -> str:
    if array.dtype.itemsize == 1 and array.dtype.kind == "i":
        return 'pass the Embeddings, or of the service\'s own "binary" bytes (array.view(numpy.uint8) ^ 0x80)'
    if array.dtype.kind == "b":
        return "pass numpy.packbits(array, axis=1)"
    return 'ask for embedding_type="ubinary", or pass numpy.packbits(array > 0, axis=1)'
