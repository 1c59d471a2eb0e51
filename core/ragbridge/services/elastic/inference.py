"""``POST /_inference/<task>/<id>`` for many texts: cut into requests that the endpoint's service takes."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ragbridge._batching import Batch, pack
from ragbridge._errors import AuthenticationError, InvalidRequestError, StatusError
from ragbridge._flow import Flow, Response, wait
from ragbridge._wire import encode, located
from ragbridge.services.elastic._channel import ElasticChannel
from ragbridge.services.elastic._inference_options import InferenceOptions, where
from ragbridge.services.elastic._wire import decode, rows, segment

logger = logging.getLogger("ragbridge")

Progress: TypeAlias = Callable[[int], object]
"""Told the number of items of each request that is done, from whichever thread did it."""

Read: TypeAlias = Callable[[Response, Batch], None]
"""Keeps what an answer holds for the items of a batch; raises ``ResponseError`` on anything odd."""

CAPS = {"jinaai": 2048, "elastic": 16, "elasticsearch": 10}
"""Inputs in one request that a service is sent by Elasticsearch itself (EmbeddingRequestChunker, 2026-08)."""

SMALLEST = min(CAPS.values())
"""For services that are not in the table, and where nobody may ask which it is."""

_ABOUT_INPUTS = frozenset({400, 413, 422})
"""Statuses of what may be wrong with the inputs; others are about the endpoint, the licence, the route."""

MAX_REQUEST_TOKENS = 262_144
"""Tokens in one request: no cap is published; more would hardly be answered within Elasticsearch's 30 seconds."""


@dataclass(slots=True)
class Job:
    """All that the requests of one call share.

    Attributes:
        channel: The way to Elasticsearch.
        texts: What is embedded.
        options: Of which endpoint, and how.
        batch_size: Texts in one request at most, within the service's cap.
        read: Keeps what answers hold.
        progress: Told of each request that is done.
    """

    channel: ElasticChannel
    texts: list[str]
    options: InferenceOptions
    batch_size: int
    read: Read
    progress: Progress | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _batches: Iterator[Batch] | None = None
    _taken: int = 0

    def flows(self) -> Iterator[Flow[int]]:
        """As many as requests could be needed, of which each takes batches as long as there are any.

        How large batches may be is known only once the endpoint is, and asking about it is a request as well.
        """
        for _ in range(math.ceil(len(self.texts) / min(self.batch_size, SMALLEST))):
            if self._taken >= len(self.texts):
                return
            yield self._flow()

    def _flow(self) -> Flow[int]:
        """Sends batches until none is left; the number of requests that were answered with success."""
        cap = yield from self._cap()
        requests = 0
        while (batch := self._take(cap)) is not None:
            try:
                yield from self._request(batch)
            except InvalidRequestError as error:
                raise placed(error, batch.start, batch.stop) from None
            requests += 1
            if self.progress is not None:
                self.progress(batch.stop - batch.start)
        return requests

    def _cap(self) -> Flow[int]:
        if min(self.batch_size, len(self.texts)) <= SMALLEST:
            return SMALLEST
        service = yield from _service_of(self.channel, self.options)
        return CAPS.get(service, SMALLEST)

    def _take(self, cap: int) -> Batch | None:
        with self._lock:
            if self._batches is None:
                limiter = self.channel.limiter(self.options.product)
                self._batches = pack(
                    self.texts,
                    items=min(self.batch_size, cap),
                    estimator=self.channel.tokens(self.options.inference_id),
                    tokens=MAX_REQUEST_TOKENS,
                    budget=limiter.request_budget if limiter else None,
                )
            batch = next(self._batches, None)
            self._taken = batch.stop if batch else len(self.texts)
            return batch

    def _request(self, batch: Batch) -> Flow[None]:
        part = self.texts[batch.start : batch.stop]
        return self.channel.send(
            "POST",
            self.options.path,
            product=self.options.product,
            read=lambda response: self.read(response, batch),
            query=self.options.query,
            body=encode_inputs(self.options.payload(input=part), part, batch.start),
            timeout=self.options.timeout,
            model=self.options.inference_id,
            measure=lambda: batch.features,
        )


def placed(error: InvalidRequestError, start: int, stop: int, name: str = "texts") -> StatusError:
    """``error`` with the items it is about, where it is about items: Elasticsearch does not name them."""
    if error.status not in _ABOUT_INPUTS:
        return error
    return located(error, lambda first, last: where(first, last, name), start, stop)


def encode_inputs(payload: dict[str, Any], part: Sequence[str], start: int) -> bytes:
    """``payload`` as JSON.

    Raises:
        ConfigurationError: A text, the item ``start`` and those after it, cannot be written as UTF-8.
    """
    return encode(payload, texts=part, name=lambda index: where(start + index, start + index + 1))


def _service_of(channel: ElasticChannel, options: InferenceOptions) -> Flow[str]:
    """Whose model the endpoint runs: asked once, by one request alone, and "" where asking is not allowed."""
    inference_id = options.inference_id
    gate = channel.gate(inference_id)
    with gate.enter() as turn:
        yield from wait(turn)
        if inference_id not in channel.endpoints:
            service = ""
            try:
                service = yield from channel.send(
                    "GET",
                    f"/_inference/{segment('inference_id', inference_id)}",
                    product="endpoints",
                    read=_read_service,
                )
            except AuthenticationError as error:
                if error.status != 403:
                    raise
                logger.debug(
                    "%s may not be read with these credentials: requests of %d texts", inference_id, SMALLEST
                )
            channel.endpoints[inference_id] = service
        gate.open()
    return channel.endpoints[inference_id]


def _read_service(response: Response) -> str:
    endpoints = rows(decode(response), "endpoints")
    with suppress(LookupError):
        return str(endpoints[0]["service"])
    return ""
