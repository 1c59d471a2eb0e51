"""What stands in the answer of a reranker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragbridge.client.answers import read_scores
from ragbridge.errors import ResponseError
from ragbridge.flow import Response
from ragbridge.hosts import JINA, Host
from ragbridge.services.jina.wire import billed, decode_any, decode_numbers, model_of
from ragbridge.values.rankings import RankedDocument

if TYPE_CHECKING:
    from ragbridge.values.embeddings import Vectors


def read_ranking(
    response: Response,
    *,
    entrants: Sequence[int],
    top_n: int | None,
    embeddings: bool,
    asked: str,
    host: Host = JINA,
) -> tuple[tuple[list[RankedDocument], str], int | None]:
    """The rows of an answer, best first, the model's name, and the tokens billed. More rows than asked for are cut.

    Raises:
        ResponseError: A row is missing, double, unknown, or lacks a finite score or a vector that was asked for.
    """
    listed = host.reranking is not None and host.reranking.results is None
    body = host.read_rerank(decode_any(response) if listed else decode_numbers(response))
    expected = min(top_n or len(entrants), len(entrants))
    scored = read_scores(body.get("results"), "results", entrants, least=expected, most=len(entrants))[
        :expected
    ]
    rows = [
        RankedDocument(index, score, embedding=_vector(row.get("embedding"), index) if embeddings else None)
        for index, score, row in scored
    ]
    if len({row.embedding.shape for row in rows if row.embedding is not None}) > 1:
        raise ResponseError("the embeddings of one answer have several widths")
    return (rows, model_of(body, asked)), billed(body)


def _vector(value: object, index: int) -> Vectors:
    from ragbridge.client.vectors import floats_of  # brings NumPy

    return floats_of(value, f"the embedding of document {index}")
