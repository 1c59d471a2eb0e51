"""From inputs to requests: what vectors, and vectors for each token, have in common."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias, TypeVar

from ragbridge.client.arguments import Where
from ragbridge.client.batching import Batch, pack
from ragbridge.client.job import Bill, Job, Progress
from ragbridge.client.meter import Meter
from ragbridge.errors import InvalidRequestError
from ragbridge.flow import Flow, Response
from ragbridge.limiter.tokens import Features
from ragbridge.models import MAX_ITEMS, MAX_REQUEST_TOKENS
from ragbridge.services.jina.embed.inputs import is_pdf
from ragbridge.services.jina.embed.options import EmbeddingOptions
from ragbridge.services.jina.items import Items, to_wire
from ragbridge.services.jina.session import JinaChannel

PRODUCT = "embeddings"
TOO_LONG = "INPUT_TOKEN_LIMIT_EXCEEDED"
FILL = 0.9
"""Share of a model's context that a document's estimate may fill: estimates are off by some percent."""

Read: TypeAlias = Callable[[Response, int, int], tuple[str, int | None]]
"""Puts an answer about the items ``[start:stop]`` where it belongs; returns the model's name and the tokens billed."""

T = TypeVar("T")


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
    ) -> Flow[tuple[T, int | None]]:
        """See ``JinaChannel.post``."""
        ...


def job_of(
    channel: JinaChannel,
    inputs: Items,
    options: EmbeddingOptions,
    *,
    post: Post,
    read: Read,
    where: Where,
    progress: Progress | None,
) -> Job:
    """The job that embeds ``inputs``.

    Args:
        channel: The way to the service.
        inputs: What is embedded.
        options: How.
        post: Sends one body.
        read: Keeps what an answer holds.
        where: Names inputs as the caller knows them.
        progress: Told of each request that is done.
    """

    def ask(job: Job, batch: Batch) -> Flow[Bill]:
        start, stop = batch.start, batch.stop
        content = to_wire(inputs[0]) if is_pdf(inputs) else inputs.to_wire(start, stop)
        model, billed = yield from post(
            job.body(options.payload(content), batch),
            product=job.meter,
            read=lambda response: read(response, start, stop),
            measure=lambda: batch.features,
            extra=_fitting(job.meter, batch),
        )
        return Bill.of(model, billed)

    return channel.job(
        PRODUCT,
        inputs.texts,
        ask,
        model=options.model,
        where=where,
        progress=progress,
        too_long=_is_too_long,
        halve=functools.partial(_warn_of_cut, options, where, 2) if options.late_chunking else None,
    )


def requests(job: Job, inputs: Items, batch_size: int) -> Iterator[Flow[Bill]]:
    """One flow for each batch of the inputs."""
    weigh = inputs.loads.get if inputs.others else None
    return map(job.run, job.batches(items=batch_size, tokens=MAX_REQUEST_TOKENS, weigh=weigh))


def document_requests(job: Job, options: EmbeddingOptions, sizes: Iterable[int]) -> Iterator[Flow[Bill]]:
    """One flow for each document of so many texts, or as few as its length asks for.

    Late chunking joins what stands in one request.
    """
    return map(job.run, _groups(job, options, sizes))


def _groups(job: Job, options: EmbeddingOptions, sizes: Iterable[int]) -> Iterator[Batch]:
    context = options.row.context if options.row else None
    start = 0
    for size in sizes:
        groups = list(_within(job, start, start + size, context))
        if len(groups) > 1:
            _warn_of_cut(options, job.where, len(groups), Batch(start, start + size))
        yield from groups
        start += size


def _within(job: Job, start: int, stop: int, context: int | None) -> Iterator[Batch]:
    """The chunks ``[start:stop]`` of one document in groups that will probably fit ``context`` tokens."""
    budget = None if context is None else context * FILL
    while start < stop:
        batches = pack(job.texts[start:stop], items=MAX_ITEMS, estimator=job.meter.tokens, budget=budget)
        end = start + next(batches).stop
        yield job.batch(start, end)
        start = end


def _is_too_long(error: InvalidRequestError) -> bool:
    return error.code == TOO_LONG


def _warn_of_cut(options: EmbeddingOptions, where: Where, groups: int, batch: Batch) -> None:
    warnings.warn(
        f"{where(range(batch.start, batch.stop))}: longer than the context of {options.model}; late chunking sees it "
        f"in {groups} pieces, and chunks of one piece do not know those of another",
        stacklevel=2,
    )


def _fitting(meter: Meter, batch: Batch) -> float:
    """What the batch's images will probably cost, but no more than the quota has room for.

    How they are billed is partly guessed: whether one is too much is for the service to say.
    """
    room = meter.capacity if batch.extra else None
    if room is None:
        return batch.extra
    return max(min(batch.extra, room - meter.tokens.estimate(batch.features)[0]), 0.0)
