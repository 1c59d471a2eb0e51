"""From inputs to requests: what vectors, and vectors for each token, have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from ragbridge.client.arguments import Where
from ragbridge.client.batching import Batch
from ragbridge.client.bills import Bill
from ragbridge.client.job import Job
from ragbridge.client.lookup import Lookup
from ragbridge.client.meter import Meter
from ragbridge.errors import InvalidRequestError
from ragbridge.flow import Flow, Response
from ragbridge.limiter.tokens import Features
from ragbridge.models import MAX_REQUEST_TOKENS
from ragbridge.services.jina.embed.inputs import is_pdf
from ragbridge.services.jina.embed.late import warn_of_cut
from ragbridge.services.jina.embed.options import EmbeddingOptions
from ragbridge.services.jina.items import Items, to_wire
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.embeddings import Usage

PRODUCT = "embeddings"
TOO_LONG = "INPUT_TOKEN_LIMIT_EXCEEDED"
T = TypeVar("T")


class Read(Protocol):
    """Keeps what an answer holds."""

    def __call__(self, response: Response, places: Sequence[int]) -> tuple[str, int | None]:
        """Put what it says about the items at ``places`` where it belongs.

        Returns:
            The model's name as the service gave it, and the tokens billed.
        """
        ...


class Post(Protocol):
    """Sends one body to where the product is."""

    def __call__(
        self,
        body: bytes,
        *,
        product: Meter,
        read: Callable[[Response], tuple[T, int | None]],
        measure: Callable[[], Features],
        extra: float,
    ) -> Flow[tuple[T, Usage]]:
        """See ``JinaChannel.post``."""
        ...


def job_of(
    channel: JinaChannel,
    lookup: Lookup,
    inputs: Items,
    options: EmbeddingOptions,
    *,
    places: Sequence[int],
    post: Post,
    read: Read,
    where: Where,
) -> Job:
    """The job that embeds the inputs at ``places``.

    Args:
        channel: The way to the service.
        lookup: What is known of the inputs.
        inputs: What is embedded.
        options: How.
        places: Where what is sent stands among the inputs.
        post: Sends one body.
        read: Keeps what an answer holds.
        where: Names inputs as the caller knows them.
    """
    sent = inputs if len(places) == len(inputs.texts) else inputs.at(places)

    def ask(job: Job, batch: Batch) -> Flow[Bill]:
        content = to_wire(sent[0]) if is_pdf(sent) else sent.to_wire(batch.start, batch.stop)
        model, usage = yield from post(
            job.body(options.payload(content), batch),
            product=job.meter,
            read=functools.partial(read, places=places[batch.start : batch.stop]),
            measure=lambda: batch.features,
            extra=_fitting(job.meter, batch),
        )
        return Bill(model, usage)

    def halve(batch: Batch) -> None:
        lookup.forget(places[batch.start : batch.stop])
        warn_of_cut(options, where, 2, batch)

    return channel.job(
        PRODUCT,
        lookup,
        sent.texts,
        ask,
        places=places,
        model=options.model,
        where=where,
        too_long=_is_too_long,
        halve=halve if options.late_chunking else None,
        whole=options.late_chunking or is_pdf(sent),
        weigh=sent.loads.get if sent.others else None,
    )


def requests(job: Job, batch_size: int) -> Iterator[Flow[None]]:
    """One flow for each batch of the inputs."""
    return map(job.run, job.batches(items=batch_size, tokens=MAX_REQUEST_TOKENS))


def _is_too_long(error: InvalidRequestError) -> bool:
    return error.code == TOO_LONG


def _fitting(meter: Meter, batch: Batch) -> float:
    """What the batch's images will probably cost, but no more than the quota has room for.

    How they are billed is partly guessed: whether one is too much is for the service to say.
    """
    room = meter.capacity if batch.extra else None
    if room is None:
        return batch.extra
    return max(min(batch.extra, room - meter.tokens.estimate(batch.features)[0]), 0.0)
