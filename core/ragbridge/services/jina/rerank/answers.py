"""What stands in the answer of a reranker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ResponseError
from ragbridge.flow import Response
from ragbridge.services.jina.wire import billed, decode, model_of
from ragbridge.values.rankings import RankedDocument

if TYPE_CHECKING:
    from ragbridge.values.embeddings import Vectors


def read_ranking(
    response: Response, *, entrants: Sequence[int], top_n: int | None, embeddings: bool, asked: str
) -> tuple[tuple[list[RankedDocument], str], int | None]:
    """The rows of an answer, best first, the model's name, and the tokens billed.

    Raises:
        ResponseError: A row is missing, double, unknown, or lacks a finite score or a vector that was asked for.
    """
    body = decode(response)
    rows = body.get("results")
    expected = min(top_n or len(entrants), len(entrants))
    if not isinstance(rows, list) or len(rows) != expected:
        found = f"{len(rows)} rows" if isinstance(rows, list) else "no list"
        raise ResponseError(f"'results' has {found} where {expected} were expected")
    ranked: dict[int, RankedDocument] = {}
    for row in rows:
        place = row.get("index") if isinstance(row, dict) else None
        if type(place) is not int or not 0 <= place < len(entrants):
            raise ResponseError(f"a row of 'results' has the index {place!r} for {len(entrants)} documents")
        if place in ranked:
            raise ResponseError(f"'results' has two rows of index {place}")
        index = entrants[place]
        vector = _vector(row.get("embedding"), index) if embeddings else None
        ranked[place] = RankedDocument(index, _score(row.get("relevance_score"), index), embedding=vector)
    if len({row.embedding.shape for row in ranked.values() if row.embedding is not None}) > 1:
        raise ResponseError("the embeddings of one answer have several widths")
    best_first = sorted(ranked.values(), key=lambda row: (-row.score, row.index))
    return (best_first, model_of(body, asked)), billed(body)


def _score(value: Any, index: int) -> float:
    try:
        score = float(value) if type(value) in {int, float} else math.nan
    except OverflowError:
        score = math.inf
    if not math.isfinite(score):
        raise ResponseError(f"the relevance score of document {index} is {str(value)[:40]}, no finite number")
    return score


def _vector(value: Any, index: int) -> Vectors:
    import numpy as np

    if not isinstance(value, list) or not value or not all(type(number) in {int, float} for number in value):
        raise ResponseError(f"the embedding of document {index} is no list of numbers")
    try:
        with np.errstate(over="ignore"):
            vector = np.array(value, np.float32)
    except OverflowError:
        vector = np.array([np.inf], np.float32)
    if not np.isfinite(vector).all():
        raise ResponseError(f"the embedding of document {index} holds numbers that are not finite")
    return vector
