"""Results of sparse embedding, and tokens as numbers for stores that need integer indices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import field

from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.values.embeddings import Usage, billed
from ragbridge.values.partial import Failure
from ragbridge.values.tables import brief, counted, table

INDICES = 2**32 - 1
"""How many indices there are: what fits into 32 bits without a sign, but for the last one, which Milvus refuses."""


def token_index(token: str) -> int:
    """The index of a token in a sparse vector. It never changes and is the same on every machine.

    It is made of the token alone, so that neither a vocabulary nor an order of documents has to be kept: the first four
    bytes of the token's BLAKE2b (of that digest size, little-endian), modulo 2**32 - 1. It fits wherever stores take
    unsigned 32-bit indices: Qdrant, Pinecone, Milvus. Of a vocabulary of 30,000 tokens, as ELSER's is, two have the same
    number with a probability of one in ten.

    Args:
        token: A token as ``Elastic.sparse_embed`` gives it.
    """
    digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "little") % INDICES


@dataclass(frozen=True, slots=True)
class SparseVector:
    """One sparse vector as stores hold it: two lists of the same length. ``langchain-qdrant`` reads it as its own.

    Attributes:
        indices: The numbers of the tokens (see ``token_index``), ascending, each once.
        values: Their weights.
    """

    indices: list[int]
    values: list[float]


@dataclass(frozen=True, slots=True)
class SparseEmbeddings:
    """The tokens that stand for each text, with their weights, in the order of the texts.

    Attributes:
        vectors: For each text its tokens and their weights, as the service gave them: words and pieces of words of
            ELSER, say. What is not named weighs nothing.
        model: The id of the inference endpoint that made them.
        usage: What the call cost.
        is_truncated: For each text whether the model saw only its beginning, as the service says.
        failed: The texts that have no vector, of a call with ``on_error="report"``. Theirs are empty.
    """

    vectors: tuple[Mapping[str, float], ...] = field(repr=False)
    model: str
    usage: Usage = Usage()
    is_truncated: tuple[bool, ...] = field(default=(), repr=False)
    failed: tuple[Failure, ...] = ()

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[Mapping[str, float]]:
        return iter(self.vectors)

    def __repr__(self) -> str:
        failed = f", failed={len(self.failed)}" if self.failed else ""
        return f"SparseEmbeddings(texts={len(self)}{failed}, model={self.model!r}, usage={self.usage!r})"

    def _repr_html_(self) -> str:
        return table(
            f"{counted(len(self), 'sparse vector')}, {self.model}, {billed(self.usage)}",
            ["text", "tokens", "heaviest first"],
            ([place, len(vector), brief(_heaviest(vector))] for place, vector in enumerate(self.vectors)),
            total=len(self),
            unit="vectors",
            failed=self.failed,
        )

    def __getitem__(self, index: int) -> Mapping[str, float]:
        return self.vectors[index]

    def indices(self) -> tuple[dict[int, float], ...]:
        """The vectors with numbers for tokens, in ascending order: what frameworks and most stores take.

        See ``token_index`` for the numbers. Where two tokens of one text have the same, the larger of their weights
        counts, as it does in a ``sparse_vector`` field that has a token twice.
        """
        return tuple(_indexed(vector) for vector in self.vectors)

    def to_vectors(self) -> tuple[SparseVector, ...]:
        """The same as ``indices``, with the numbers and the weights of each text as two lists."""
        return tuple(SparseVector([*vector], [*vector.values()]) for vector in self.indices())

    def to_columns(self) -> tuple[list[list[int]], list[list[float]]]:
        """The same, for all texts together: the numbers of each, and the weights of each.

        This is what LlamaIndex's ``QdrantVectorStore`` wants of ``sparse_doc_fn`` and ``sparse_query_fn``.
        """
        vectors = self.to_vectors()
        return [vector.indices for vector in vectors], [vector.values for vector in vectors]


def _heaviest(vector: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(vector.items(), key=lambda pair: -pair[1]))


def _indexed(vector: Mapping[str, float]) -> dict[int, float]:
    weights: dict[int, float] = {}
    for token, weight in vector.items():
        index = token_index(token)
        weights[index] = max(weight, weights.get(index, weight))
    return dict(sorted(weights.items()))


publish("ragbridge", [SparseEmbeddings, SparseVector, token_index])
