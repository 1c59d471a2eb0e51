"""Weighted tokens as Haystack holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haystack.dataclasses import SparseEmbedding

if TYPE_CHECKING:
    from ragbridge import SparseEmbeddings


def sparse_embeddings(embeddings: SparseEmbeddings) -> list[SparseEmbedding]:
    """For each text the numbers of its tokens, ascending, and their weights."""
    return [
        SparseEmbedding(indices=vector.indices, values=vector.values) for vector in embeddings.to_vectors()
    ]
