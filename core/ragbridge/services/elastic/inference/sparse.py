"""Sparse vectors: tokens and their weights."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ragbridge.client.batching import Batch
from ragbridge.client.job import Progress
from ragbridge.errors import ResponseError
from ragbridge.flow import Plan, Response, plan
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.inference.requests import Requests
from ragbridge.services.elastic.session import ElasticChannel
from ragbridge.services.elastic.wire import decode, rows
from ragbridge.values.embeddings import Usage
from ragbridge.values.sparse import SparseEmbeddings

TASK = "sparse_embedding"


def sparse_embed(
    channel: ElasticChannel,
    texts: list[str],
    options: InferenceOptions,
    *,
    batch_size: int,
    progress: Progress | None,
) -> Plan[SparseEmbeddings]:
    """One request for each batch of ``texts``; none for no text."""
    vectors: list[Mapping[str, float]] = [{}] * len(texts)
    truncated = [False] * len(texts)

    def read(response: Response, batch: Batch) -> None:
        embeddings = _read(response, batch.stop - batch.start)
        vectors[batch.start : batch.stop] = [weights for weights, _ in embeddings]
        truncated[batch.start : batch.stop] = [cut for _, cut in embeddings]

    def join(usages: list[Usage]) -> SparseEmbeddings:
        usage = sum(usages, Usage())
        return SparseEmbeddings(tuple(vectors), options.inference_id, usage, tuple(truncated))

    requests = Requests(channel, texts, options, batch_size=batch_size, read=read, progress=progress)
    return plan(requests.flows(), join)


def _read(response: Response, count: int) -> list[tuple[dict[str, float], bool]]:
    embeddings = rows(decode(response), TASK)
    if len(embeddings) != count:
        raise ResponseError(f"{TASK!r} has {len(embeddings)} rows for {count} inputs")
    return [(_weights(row.get("embedding")), row.get("is_truncated") is True) for row in embeddings]


def _weights(weights: Any) -> dict[str, float]:
    """The weights of one text; an empty text has none.

    Raises:
        ResponseError: It is no object of tokens and finite numbers.
    """
    if not isinstance(weights, dict):
        raise ResponseError(
            f"a sparse embedding is {type(weights).__name__}, no object of tokens and weights"
        )
    for token, weight in weights.items():
        # Infinity and what is no number compare as False; so does an int with more digits than a float can have.
        if type(weight) not in {int, float} or not abs(weight) <= sys.float_info.max:
            raise ResponseError(f"the weight of the token {token!r} is {weight!r}, no finite number")
    return {token: float(weight) for token, weight in weights.items()}
