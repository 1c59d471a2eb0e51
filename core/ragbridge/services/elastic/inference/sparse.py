"""Sparse vectors: tokens and their weights."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ragbridge.client import weights
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


def sparse_embed(
    channel: ElasticChannel,
    texts: list[str],
    options: InferenceOptions,
    *,
    batch_size: int,
    manner: Manner,
) -> Plan[SparseEmbeddings]:
    """One request for each batch of ``texts``; none for no text."""
    results = Results[weights.Row](len(texts), ({}, False), encode=weights.encode, decode=weights.decode)
    keys = functools.partial(text_keys, channel, texts, options)
    lookup = channel.lookup(texts, results, manner=manner, keys=keys)

    def read(response: Response, places: Sequence[int]) -> None:
        results.write(places, _read(response, len(places)))

    def join(usage: Usage, _: str | None, places: Sequence[int] | None) -> SparseEmbeddings:
        rows = results.all() if places is None else results.only(places)
        vectors, truncated = tuple(row for row, _ in rows), tuple(cut for _, cut in rows)
        failed = lookup.failures if places is None else ()
        return SparseEmbeddings(vectors, options.inference_id, usage, truncated, failed)

    where = manner.where("texts")
    requests = Requests(channel, lookup, texts, options, batch_size=batch_size, read=read, where=where)
    return lookup.plan(requests.flows, join)


def _read(response: Response, count: int) -> list[weights.Row]:
    embeddings = rows(decode(response), TASK)
    if len(embeddings) != count:
        raise ResponseError(f"{TASK!r} has {len(embeddings)} rows for {count} inputs")
    return [(weights.read(row.get("embedding")), row.get("is_truncated") is True) for row in embeddings]
