"""``POST /_inference/<task>/<id>`` for many texts: cut into requests that the endpoint's service takes."""

from __future__ import annotations

import functools
import logging
import math
import threading
from collections.abc import Callable, Iterator
from typing import TypeAlias

from ragbridge.client.batching import Batch
from ragbridge.client.job import Bill, Job, Progress
from ragbridge.errors import AuthenticationError
from ragbridge.flow import Flow, Response, wait
from ragbridge.rules.endpoints import BATCH_CAPS
from ragbridge.services.elastic.endpoints import requests as endpoints
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.session import ElasticChannel
from ragbridge.values.embeddings import Usage

logger = logging.getLogger("ragbridge")

Read: TypeAlias = Callable[[Response, Batch], None]
"""Keeps what an answer holds for the items of a batch; raises ``ResponseError`` on anything odd."""

SMALLEST = min(BATCH_CAPS.values())
"""For services that are not in the table, and where nobody may ask which it is."""

MAX_REQUEST_TOKENS = 262_144
"""Tokens in one request: no cap is published; more would hardly be answered within Elasticsearch's 30 seconds."""


class Requests:
    """The requests of one call, which share its batches.

    Args:
        channel: The way to Elasticsearch.
        texts: What is embedded.
        options: Of which endpoint, and how.
        batch_size: Texts in one request at most, within the service's cap.
        read: Keeps what answers hold.
        progress: Told of each request that is done.
    """

    def __init__(
        self,
        channel: ElasticChannel,
        texts: list[str],
        options: InferenceOptions,
        *,
        batch_size: int,
        read: Read,
        progress: Progress | None,
    ) -> None:
        self._channel = channel
        self._inference_id = options.inference_id
        self._batch_size = batch_size
        self._job = channel.job(
            options.product,
            texts,
            functools.partial(_ask, channel, options, read),
            model=options.inference_id,
            progress=progress,
        )
        self._lock = threading.Lock()
        self._batches: Iterator[Batch] | None = None
        self._taken = 0

    def flows(self) -> Iterator[Flow[Usage]]:
        """As many as requests could be needed, of which each takes batches as long as there are any.

        How large batches may be is known only once the endpoint is, and asking about it is a request as well.
        """
        count = len(self._job.texts)
        for _ in range(math.ceil(count / min(self._batch_size, SMALLEST))):
            if self._taken >= count:
                return
            yield self._flow()

    def _flow(self) -> Flow[Usage]:
        """Sends batches until none is left."""
        cap = yield from self._cap()
        usage = Usage()
        while (batch := self._take(cap)) is not None:
            usage += (yield from self._job.run(batch)).usage
        return usage

    def _cap(self) -> Flow[int]:
        if min(self._batch_size, len(self._job.texts)) <= SMALLEST:
            return SMALLEST
        return (yield from _cap_of(self._channel, self._inference_id))

    def _take(self, cap: int) -> Batch | None:
        with self._lock:
            if self._batches is None:
                self._batches = self._job.batches(items=min(self._batch_size, cap), tokens=MAX_REQUEST_TOKENS)
            batch = next(self._batches, None)
            self._taken = batch.stop if batch else len(self._job.texts)
            return batch


def _ask(
    channel: ElasticChannel, options: InferenceOptions, read: Read, job: Job, batch: Batch
) -> Flow[Bill]:
    yield from channel.send(
        "POST",
        options.path,
        product=job.meter,
        read=lambda response: read(response, batch),
        query=options.query,
        body=job.body(options.payload(input=job.texts[batch.start : batch.stop]), batch),
        timeout=options.timeout,
        measure=lambda: batch.features,
    )
    return Bill.of(options.inference_id, None)


def _cap_of(channel: ElasticChannel, inference_id: str) -> Flow[int]:
    """What the endpoint takes at once: asked once, by one request alone; the least where asking is not allowed."""
    gate = channel.gate(inference_id)
    with gate.enter() as turn:
        yield from wait(turn)
        cap = channel.caps.get(inference_id)
        if cap is None:
            cap = channel.caps[inference_id] = yield from _asked_cap(channel, inference_id)
        gate.open()
    return cap


def _asked_cap(channel: ElasticChannel, inference_id: str) -> Flow[int]:
    try:
        endpoint = yield from endpoints.get(channel, inference_id, None)
    except AuthenticationError as error:
        if error.status != 403:
            raise
        logger.debug(
            "%s may not be read with these credentials: requests of %d texts", inference_id, SMALLEST
        )
        return SMALLEST
    return endpoint.batch_cap or SMALLEST
