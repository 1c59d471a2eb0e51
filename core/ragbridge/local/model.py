"""The embedded model: token ids, mean-pooled embeddings, late-interaction relevance."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ragbridge.local.weights import Weights
    from ragbridge.values.web import Token

    Floats: TypeAlias = NDArray[np.float32]

Ids: TypeAlias = "NDArray[np.int32]"
"""Token ids of one text; at least one."""

CACHED_TEXTS = 8192
CACHED_CHARACTERS = 8192
"""Number, and maximum length, of the texts whose token ids are cached. A pipeline embeds a passage once and reranks it many
times, and tokenization is nine tenths of the work."""

QUERY_BLOCK = 64
"""Number of query tokens compared at a time, which bounds memory for long queries against many documents."""

_SURROGATE = re.compile("[\ud800-\udfff]")

CONTEXT_SHARE = 0.5
"""Weight of the document's mean vector, relative to the chunk's own, in late chunking."""


class Embedder(ABC):
    """The embedded model, as products use it. Thread-safe.

    Attributes:
        name: The model's name in answers.
        width: Number of dimensions of its vectors.
    """

    name: str
    width: int

    @abstractmethod
    def ids(self, text: str) -> Ids:
        """Token ids of ``text``; at least one, so that each text has a vector."""

    @abstractmethod
    def tokens(self, text: str) -> list[Token]:
        """The tokens of ``text``, whose concatenated texts are ``text``. At least one if ``text`` is not empty."""

    @abstractmethod
    def embed(
        self,
        texts: Sequence[Ids],
        width: int,
        *,
        normalized: bool = True,
        late: bool = False,
        query: bool | None = None,
    ) -> Floats:
        """One vector per text, float32 of shape (texts, width).

        Args:
            texts: Token ids of each text.
            width: Number of dimensions. Vectors are truncated if it is smaller than the model's own width, and padded with
                zeros if it is larger; padding leaves cosines unchanged.
            normalized: Whether vectors get unit length.
            late: Whether ``texts`` are the chunks of one document, which share its context (late chunking).
            query: Whether the texts are queries, or documents; None if that is not known. It matters to models with prompts.
        """

    @abstractmethod
    def token_vectors(self, ids: Ids, width: int) -> Floats:
        """One unit vector per token, shape (tokens, width). ``embed`` describes the width."""

    @abstractmethod
    def spelled(self, ids: Ids) -> list[str]:
        """The tokens of ``token_vectors`` as strings of the model's vocabulary."""

    @abstractmethod
    def weights(self, texts: Sequence[Ids]) -> NDArray[np.float32]:
        """How much each text says, shape (texts,): the length of its mean static vector, for sparse vectors."""

    @abstractmethod
    def relevance(self, query: Ids, documents: Sequence[Ids]) -> NDArray[np.float64]:
        """Relevance of each document to the query, from -1 to 1, independent of the other documents."""


def fitted(vectors: Floats) -> Floats:
    """The vectors with unit length; zero stays zero."""
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit


def in_context(vectors: Floats, texts: Sequence[Ids]) -> Floats:
    """The vectors of one document's chunks, each with a share of their mean."""
    if len(texts) < 2:
        return vectors
    lengths = np.array([len(ids) for ids in texts], dtype=np.float32)
    mean: Floats = np.average(vectors, axis=0, weights=lengths).astype(np.float32)
    joined: Floats = (vectors + np.float32(CONTEXT_SHARE) * mean).astype(np.float32, copy=False)
    return joined


class StaticEmbedder(Embedder):
    """Static token embeddings: the vector of a text is the mean of its tokens' vectors.

    Thread-safe: only caches change after construction.
    """

    def __init__(self, weights: Weights) -> None:
        self.name = weights.name
        self.width = weights.table.shape[1]
        self._table = weights.table
        self._tokenizer = weights.tokenizer
        self._unknown = weights.unknown
        self._cached_ids = lru_cache(CACHED_TEXTS)(self._encode)

    @cached_property
    def _norms(self) -> Floats:
        """The length of each token's vector, for rerankers. Two threads at once find the same."""
        norms: Floats = np.maximum(np.linalg.norm(self._table, axis=1), 1e-9)
        return norms

    def ids(self, text: str) -> Ids:
        """Token ids of ``text``. A text without known tokens has one unknown token, so that it has a vector too."""
        return self._cached_ids(text) if len(text) <= CACHED_CHARACTERS else self._encode(text)

    def tokens(self, text: str) -> list[Token]:
        """The tokens of ``text``, whose concatenated texts are ``text``. At least one if ``text`` is not empty.

        The tokenizer encodes a rare character as several byte tokens; these are joined into one token with several ids.
        """
        tokens: list[Token] = []
        encoding = self._encoding(text)
        end = 0
        for number, (_, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            if tokens and stop <= end:
                tokens[-1] = (tokens[-1][0], (*tokens[-1][1], number))
            else:
                tokens.append((text[end:stop], (number,)))
                end = stop
        if end < len(text):
            before, ids = tokens.pop() if tokens else ("", (self._unknown or 0,))
            tokens.append((before + text[end:], ids))
        return tokens

    def _encoding(self, text: str) -> Any:
        try:
            # encode_batch would start a thread pool, which does not survive forks. No speedup was measured with it.
            return self._tokenizer.encode(text, add_special_tokens=False)
        except (
            TypeError,
            UnicodeEncodeError,
        ):  # JSON may contain a lone surrogate, which UTF-8 cannot encode
            return self._tokenizer.encode(_SURROGATE.sub("\ufffd", text), add_special_tokens=False)

    def _encode(self, text: str) -> Ids:
        ids = np.array(self._encoding(text).ids, dtype=np.int32)
        if self._unknown is not None:
            ids = ids[ids != self._unknown]
        if not len(ids):
            ids = np.array([self._unknown or 0], dtype=np.int32)
        ids.flags.writeable = False
        return ids

    def text(self, ids: Ids) -> str:
        """The text that has these ids, but for what UTF-8 and the tokenizer cannot write; "" for the unknown token alone."""
        if len(ids) == 1 and ids[0] == (self._unknown or 0):
            return ""
        return str(self._tokenizer.decode(ids.tolist(), skip_special_tokens=False))

    def embed(
        self,
        texts: Sequence[Ids],
        width: int,
        *,
        normalized: bool = True,
        late: bool = False,
        query: bool | None = None,  # noqa: ARG002 - static embeddings have one vector for both
    ) -> Floats:
        """One vector per text, float32 of shape (texts, width): the mean of its tokens' vectors, see ``Embedder.embed``."""
        kept = min(width, self.width)
        vectors = np.zeros((len(texts), width), dtype=np.float32)
        for row, ids in enumerate(texts):
            vectors[row, :kept] = self._table.take(ids, axis=0).sum(axis=0)[:kept] / len(ids)
        if late:
            vectors = in_context(vectors, texts)
        return fitted(vectors) if normalized else vectors

    def token_vectors(self, ids: Ids, width: int) -> Floats:
        """One unit vector per token, shape (tokens, width). ``embed`` describes the width."""
        vectors = np.zeros((len(ids), width), dtype=np.float32)
        vectors[:, : self.width] = self._table.take(ids, axis=0)[:, :width]
        return fitted(vectors)

    def weights(self, texts: Sequence[Ids]) -> NDArray[np.float32]:
        """How much each text says: the length of its mean vector, in which training encodes importance."""
        lengths: NDArray[np.float32] = np.linalg.norm(self.embed(texts, self.width, normalized=False), axis=1)
        return lengths

    def spelled(self, ids: Ids) -> list[str]:
        """The tokens as strings of the tokenizer's vocabulary."""
        return [self._tokenizer.id_to_token(int(number)) for number in ids]

    def relevance(self, query: Ids, documents: Sequence[Ids]) -> NDArray[np.float64]:
        """Relevance of each document to the query, from -1 to 1, independent of the other documents.

        The score is (cosine + 2 x MaxSim) / 3. MaxSim weights each query token by the norm of its vector, since mean-pooled
        training encodes a token's importance in the norm. Compared with the cosine alone, it raises nDCG@10 from .57 to .71
        on manual pages and from .47 to .61 on docstrings (measured November 2026, 500 queries each).
        """
        vectors = self.embed([query, *documents], self.width)
        cosines = vectors[1:] @ vectors[0]
        tokens, places = np.unique(np.concatenate(documents), return_inverse=True)
        starts = np.cumsum([0, *(len(ids) for ids in documents[:-1])])
        best = np.zeros(len(documents))
        for first in range(0, len(query), QUERY_BLOCK):
            # Each query token against each distinct document token: their cosine x the query token's norm, its weight.
            products = (
                self._table[query[first : first + QUERY_BLOCK]] @ self._table[tokens].T / self._norms[tokens]
            )
            best += np.maximum.reduceat(products[:, places], starts, axis=1).sum(axis=0)
        late_interaction = best / float(self._norms[query].sum())
        relevance: NDArray[np.float64] = (cosines + 2 * late_interaction) / 3
        return relevance
