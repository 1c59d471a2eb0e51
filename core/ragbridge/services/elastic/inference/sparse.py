"""Sparse vectors: tokens and their weights."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ragbridge.client.lookup import Manner
from ragbridge.client.results import Results
from ragbridge.errors import ResponseError
from ragbridge.flow import Plan, Response
from ragbridge.services.elastic.inference.known import text_keys
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.inference.requests import Requests
from ragbridge.services.elastic.session import ElasticChannel
from ragbridge.services.elastic.wire import decode, rows
from ragbridge.values.embeddings import Usage
from ragbridge.values.sparse import SparseEmbeddings

TASK = "sparse_embedding"


Weights: TypeAlias = tuple[Mapping[str, float], bool]
"""The tokens of one text with their weights, and whether the text was cut off."""


def sparse_embed(
    channel: ElasticChannel,
    texts: list[str],
    options: InferenceOptions,
    *,
    batch_size: int,
    manner: Manner,
) -> Plan[SparseEmbeddings]:
    """One request for each batch of ``texts``; none for no text."""
    results = Results[Weights](len(texts), ({}, False), encode=_encode, decode=_decode)
    keys = functools.partial(text_keys, channel, texts, options)
    lookup = channel.lookup(texts, results, manner=manner, keys=keys)

    def read(response: Response, places: Sequence[int]) -> None:
        results.write(places, _read(response, len(places)))

    def join(usage: Usage, _: str | None, places: Sequence[int] | None) -> SparseEmbeddings:
        rows = results.all() if places is None else results.only(places)
        vectors, truncated = tuple(weights for weights, _ in rows), tuple(cut for _, cut in rows)
        failed = lookup.failures if places is None else ()
        return SparseEmbeddings(vectors, options.inference_id, usage, truncated, failed)

    where = manner.where("texts")
    requests = Requests(channel, lookup, texts, options, batch_size=batch_size, read=read, where=where)
    return lookup.plan(requests.flows, join)


def _encode(row: Weights) -> bytes:
    weights, cut = row
    return json.dumps([list(weights.items()), cut]).encode()


def _decode(value: bytes) -> Weights:
    try:
        pairs, cut = json.loads(value)
        weights = {str(token): float(weight) for token, weight in pairs}
    except TypeError as error:
        raise ValueError(str(error)) from None
    return weights, bool(cut)


def _read(response: Response, count: int) -> list[Weights]:
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
