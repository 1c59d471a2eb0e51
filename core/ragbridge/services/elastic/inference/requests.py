"""``POST /_inference/<task>/<id>`` for many inputs: cut into requests that the endpoint's service takes."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from ragbridge.client import sizes
from ragbridge.client.arguments import Where
from ragbridge.client.batching import Batch
from ragbridge.client.bills import Bill
from ragbridge.client.items import Inputs
from ragbridge.client.job import Job
from ragbridge.client.lookup import Lookup
from ragbridge.errors import InvalidRequestError
from ragbridge.flow import Flow, Response
from ragbridge.rules.endpoints import NO_INPUT_TYPE
from ragbridge.services.elastic.content import to_wire
from ragbridge.services.elastic.inference.known import SMALLEST, cap_of
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.session import ElasticChannel
from ragbridge.values.embeddings import Usage

Read: TypeAlias = Callable[[Response, Sequence[int]], None]
"""Keeps what an answer holds for the items at some places; raises ``ResponseError`` on anything odd."""

SPARSE = "sparse_embedding"
"""Answers that stay JSON: they are texts and numbers in turn, which orjson reads faster than CBOR is (26 us to 31 for 200
tokens, ``json`` 87; 2026-11-29). So are rankings (14 us to 35 for 100)."""

MAX_REQUEST_TOKENS = 262_144
"""Tokens in one request: no cap is published; more would hardly be answered within Elasticsearch's 30 seconds."""


class Requests:
    """The requests of one call, which share its batches.

    Args:
        channel: The way to Elasticsearch.
        lookup: What is known of the inputs.
        inputs: What is embedded.
        options: Of which endpoint, and how.
        batch_size: Inputs in one request at most, within the service's cap.
        read: Keeps what answers hold.
        where: Names inputs as the caller knows them.
    """

    def __init__(
        self,
        channel: ElasticChannel,
        lookup: Lookup,
        inputs: Inputs,
        options: InferenceOptions,
        *,
        batch_size: int,
        read: Read,
        where: Where,
    ) -> None:
        self._channel = channel
        self._lookup = lookup
        self._inputs = inputs
        self._options = options
        self._batch_size = batch_size
        self._read = read
        self._where = where
        self._lock = threading.Lock()
        self._batches: Iterator[Batch] | None = None
        self._taken = 0

    def flows(self, places: Sequence[int]) -> Iterator[Flow[None]]:
        """As many as requests could be needed for the inputs at ``places``, of which each takes batches as long as there are any.

        How large batches may be is known only once the endpoint is, and asking about it is a request as well.
        """
        sent = self._inputs if len(places) == len(self._inputs.texts) else self._inputs.at(places)
        self._job = self._channel.job(
            self._options.product,
            self._lookup,
            sent.texts,
            functools.partial(self._ask, sent),
            places=places,
            model=self._options.inference_id,
            where=self._where,
            weigh=sent.loads.get if sent.others else None,
        )
        for _ in range(math.ceil(len(places) / min(self._batch_size, SMALLEST))):
            if self._taken >= len(places):
                return
            yield self._flow()

    def _flow(self) -> Flow[None]:
        """Sends batches until none is left."""
        cap = yield from self._cap()
        while (batch := self._take(cap)) is not None:
            yield from self._job.run(batch)

    def _cap(self) -> Flow[int]:
        if min(self._batch_size, len(self._job.texts)) <= SMALLEST:
            return SMALLEST
        return (yield from cap_of(self._channel, self._options.inference_id))

    def _take(self, cap: int) -> Batch | None:
        with self._lock:
            if self._batches is None:
                self._batches = self._job.batches(items=min(self._batch_size, cap), tokens=MAX_REQUEST_TOKENS)
            batch = next(self._batches, None)
            self._taken = batch.stop if batch else len(self._job.texts)
            return batch

    def _ask(self, sent: Inputs, job: Job, batch: Batch) -> Flow[Bill]:
        """Send one batch of ``sent``, and keep what the answer holds. Services that know no roles are told none."""
        options, roleless = self._options, self._channel.roleless
        told = options.inference_id not in roleless
        try:
            usage = yield from self._send(sent, job, batch, roles=told)
        except InvalidRequestError as error:
            if not told or not options.by_role or NO_INPUT_TYPE not in error.message:
                raise
            roleless.add(options.inference_id)
            usage = yield from self._send(sent, job, batch, roles=False)
        return Bill(options.inference_id, usage)

    def _send(self, sent: Inputs, job: Job, batch: Batch, *, roles: bool) -> Flow[Usage]:
        places, options = job.places[batch.start : batch.stop], self._options
        payload = options.payload(roles=roles, input=to_wire(sent, batch.start, batch.stop))
        _, usage = yield from self._channel.exchange(
            "POST",
            options.path,
            product=job.meter,
            read=lambda response: self._read(response, places),
            query=options.query,
            body=job.body(payload, batch),
            timeout=options.timeout,
            measure=lambda: batch.features,
            extra=batch.extra,
            most=_most(options.task, batch.stop - batch.start),
            packed=options.task != SPARSE,
        )
        return usage


def _most(task: str, count: int) -> int:
    """Bytes that an answer about ``count`` inputs can have. Nobody says how wide an endpoint's vectors are."""
    return sizes.of_rows(count, each=sizes.WEIGHTS) if task == SPARSE else sizes.of_vectors(count, None)
