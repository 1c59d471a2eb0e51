"""``POST /_inference/<task>/<id>`` for many texts: cut into requests that the endpoint's service takes."""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ragbridge.client.arguments import located, named_items
from ragbridge.client.batching import Batch, pack
from ragbridge.client.wire import encode
from ragbridge.errors import AuthenticationError, InvalidRequestError, StatusError
from ragbridge.flow import Flow, Response, wait
from ragbridge.rules.endpoints import BATCH_CAPS
from ragbridge.services.elastic.endpoints import requests as endpoints
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.session import ElasticChannel

logger = logging.getLogger("ragbridge")

Progress: TypeAlias = Callable[[int], object]
"""Told the number of items of each request that is done, from whichever thread did it."""

Read: TypeAlias = Callable[[Response, Batch], None]
"""Keeps what an answer holds for the items of a batch; raises ``ResponseError`` on anything odd."""

SMALLEST = min(BATCH_CAPS.values())
"""For services that are not in the table, and where nobody may ask which it is."""

_ABOUT_INPUTS = frozenset({400, 413, 422})
"""Statuses of what may be wrong with the inputs; others are about the endpoint, the licence, the route."""
_ABOUT_ENDPOINT = re.compile(
    r"\btask[_ ]type\b|\bservice\b.*\bsettings?\b|\bunknown to the \[|\bindex name\b"
)
"""Reasons of a 400 that is about the endpoint, its settings or the route all the same."""

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
        return (yield from _cap_of(self.channel, self.options.inference_id))

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
    if error.status not in _ABOUT_INPUTS or _ABOUT_ENDPOINT.search(error.message):
        return error
    return located(error, lambda first, last: named_items(first, last, name), start, stop)


def encode_inputs(payload: dict[str, Any], part: Sequence[str], start: int) -> bytes:
    """``payload`` as JSON.

    Raises:
        ConfigurationError: A text, the item ``start`` and those after it, cannot be written as UTF-8.
    """
    return encode(payload, texts=part, name=lambda index: named_items(start + index, start + index + 1))


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
