"""Sparse vectors: tokens and their weights."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from ragbridge.client import weights
from ragbridge.client.items import Inputs
from ragbridge.client.lookup import Manner
from ragbridge.client.results import Results
from ragbridge.errors import ResponseError
from ragbridge.flow import Plan, Response
from ragbridge.models import Role
from ragbridge.services.elastic.inference import options
from ragbridge.services.elastic.inference.known import input_keys
from ragbridge.services.elastic.inference.options import InferenceOptions, check_role
from ragbridge.services.elastic.inference.requests import Requests
from ragbridge.services.elastic.session import ElasticChannel
from ragbridge.services.elastic.wire import decode_numbers, rows
from ragbridge.values.embeddings import Usage
from ragbridge.values.sparse import SparseEmbeddings

TASK = "sparse_embedding"


def check_options(
    inference_id: str,
    *,
    role: Role | None,
    task_settings: Mapping[str, Any] | None,
    timeout: float | None,
) -> InferenceOptions:
    """The options of a call. A role is checked, and not sent: Elasticsearch refuses ``input_type`` for sparse endpoints.

    Raises:
        ConfigurationError: One of them is wrong.
    """
    check_role(role)
    return options.check_options(TASK, inference_id, task_settings=task_settings, timeout=timeout)


def sparse_embed(
    channel: ElasticChannel,
    texts: list[str],
    asked: InferenceOptions,
    *,
    batch_size: int,
    manner: Manner,
) -> Plan[SparseEmbeddings]:
    """One request for each batch of ``texts``; none for no text."""
    inputs = Inputs(texts, {}, {})
    results = Results[weights.Row](len(texts), ({}, False), encode=weights.encode, decode=weights.decode)
    keys = functools.partial(input_keys, channel, inputs, asked)
    lookup = channel.lookup(texts, results, manner=manner, keys=keys)

    def read(response: Response, places: Sequence[int]) -> None:
        results.write(places, _read(response, len(places)))

    def join(usage: Usage, _: str | None, places: Sequence[int] | None) -> SparseEmbeddings:
        rows = results.all() if places is None else results.only(places)
        vectors, truncated = tuple(row for row, _ in rows), tuple(cut for _, cut in rows)
        failed = lookup.failures if places is None else ()
        return SparseEmbeddings(vectors, asked.inference_id, usage, truncated, failed)

    where = manner.where("texts")
    requests = Requests(channel, lookup, inputs, asked, batch_size=batch_size, read=read, where=where)
    about = functools.partial(asked.operation, len(texts))
    return lookup.plan(requests.flows, join, about=about)


def _read(response: Response, count: int) -> list[weights.Row]:
    embeddings = rows(decode_numbers(response), TASK)
    if len(embeddings) != count:
        raise ResponseError(f"{TASK!r} has {len(embeddings)} rows for {count} inputs")
    return [(weights.read(row.get("embedding")), row.get("is_truncated") is True) for row in embeddings]
