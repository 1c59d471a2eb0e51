"""The documents whose vectors are nearest to a query: all are compared, so what is found is exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragbridge.local.search.queries.base import Matches

if TYPE_CHECKING:
    from ragbridge.local.search.view import Mask, View


def best(
    view: View,
    path: str,
    query: NDArray[np.float32],
    *,
    k: int,
    allowed: Mask | None = None,
    bound: float | None = None,
) -> Matches:
    """The ``k`` documents whose best vector is nearest, and the scores of these vectors.

    Args:
        view: The index.
        path: A ``dense_vector`` or ``semantic_text`` field.
        query: The query, of the field's width.
        k: How many documents.
        allowed: The documents to choose from; all by default.
        bound: The least raw similarity (of ``l2_norm``: the greatest distance).
    """
    found = Matches.none(view)
    held = view.embeddings(path)
    if not len(held.rows):
        return found
    raw = held.vectors.raw(query)
    scores = held.vectors.scores(raw)
    if bound is not None:
        scores = np.where(held.vectors.near(raw, bound), scores, -1.0)
    of_rows = scores if len(held.rows) == len(scores) else np.maximum.reduceat(scores, held.starts)
    rows = held.rows
    kept = of_rows >= 0
    if allowed is not None:
        kept &= allowed[rows]
    if not kept.all():
        rows, of_rows = rows[kept], of_rows[kept]
    if len(rows) > k:
        lowest = np.partition(of_rows, len(of_rows) - k)[len(of_rows) - k]
        above = of_rows > lowest
        level = (of_rows == lowest).nonzero()[0][: k - int(above.sum())]
        above[level] = True
        rows, of_rows = rows[above], of_rows[above]
    found.mask[rows] = True
    found.scores[rows] = of_rows
    return found


def of_tokens(view: View, path: str, query: Mapping[str, float]) -> Matches:
    """The documents that share a token with a sparse query; several vectors of one document count as their best."""
    held = view.sparse(path)
    met, scores = held.tokens.scores(query)
    found = Matches.none(view)
    rows = held.owners[met]
    found.mask[rows] = True
    np.maximum.at(found.scores, rows, scores[met])
    return found
