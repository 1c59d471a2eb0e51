"""From inputs to requests and back: what vectors, and vectors for each token, have in common."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from ragbridge.client.arguments import located
from ragbridge.client.batching import Batch, pack
from ragbridge.client.wire import encode
from ragbridge.errors import InvalidRequestError
from ragbridge.flow import Flow, Response
from ragbridge.limiter.tokens import Features
from ragbridge.models import MAX_ITEMS, MAX_REQUEST_TOKENS
from ragbridge.services.jina.embed.inputs import Inputs
from ragbridge.services.jina.embed.options import EmbeddingOptions
from ragbridge.services.jina.places import is_about_all
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.embeddings import Usage

if TYPE_CHECKING:
    from ragbridge.limiter.tokens import TokenEstimator

PRODUCT = "embeddings"
TOO_LONG = "INPUT_TOKEN_LIMIT_EXCEEDED"
FILL = 0.9
"""Share of a model's context that a document's estimate may fill: estimates are off by some percent."""

Progress: TypeAlias = Callable[[int], object]
"""Told the number of items of each request that is done, from whichever thread did it."""

Where: TypeAlias = Callable[[int, int], str]
"""Names the items ``[start:stop]`` of a job as the caller knows them."""

Read: TypeAlias = Callable[[Response, int, int], tuple[str, int | None]]
"""Puts an answer about the items ``[start:stop]`` where it belongs; returns the model's name and the tokens billed."""

T = TypeVar("T")


class Post(Protocol):
    """Sends one body to where the product is."""

    def __call__(
        self,
        body: bytes,
        *,
        model: str,
        read: Callable[[Response], tuple[T, int | None]],
        measure: Callable[[], Features],
        extra: float,
    ) -> Flow[tuple[T, int | None]]:
        """See ``JinaChannel.post``."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """All that the requests of one call share."""

    channel: JinaChannel
    inputs: Inputs
    options: EmbeddingOptions
    tokens: TokenEstimator
    post: Post
    read: Read
    where: Where
    progress: Progress | None

    def requests(self, batch_size: int) -> Iterator[Flow[Bill]]:
        """One flow for each batch of the inputs."""
        limiter = self.channel.limiter(PRODUCT)
        budget = limiter.request_budget if limiter else None
        row = self.options.row
        batches = pack(
            self.inputs.texts,
            items=batch_size,
            estimator=self.tokens,
            tokens=MAX_REQUEST_TOKENS,
            budget=budget,
            weigh=functools.partial(self.inputs.load, row=row) if self.inputs.others else None,
        )
        return (_flow(self, batch) for batch in batches)

    def document_requests(self, sizes: Iterable[int]) -> Iterator[Flow[Bill]]:
        """One flow for each document of so many texts, or as few as its length asks for.

        Late chunking joins what stands in one request.
        """
        return (_flow(self, batch) for batch in _groups(self, sizes))


@dataclass(frozen=True, slots=True)
class Bill:
    """What a flow brought beside its rows."""

    model: str
    usage: Usage


def total(bills: Iterable[Bill], asked: str) -> Bill:
    """All of ``bills`` together; the model is as the service gave it, or as it was asked for where nothing was sent."""
    bills = list(bills)
    return Bill(bills[0].model if bills else asked, sum((bill.usage for bill in bills), Usage()))


def _groups(job: Job, sizes: Iterable[int]) -> Iterator[Batch]:
    row = job.options.row
    start = 0
    for size in sizes:
        groups = list(_within(job, start, start + size, row.context if row else None))
        if len(groups) > 1:
            _warn_of_cut(job, start, start + size, len(groups))
        yield from groups
        start += size


def _within(job: Job, start: int, stop: int, context: int | None) -> Iterator[Batch]:
    """The chunks ``[start:stop]`` of one document in groups that will probably fit ``context`` tokens."""
    budget = None if context is None else context * FILL
    texts = job.inputs.texts
    while start < stop:
        batches = pack(texts[start:stop], items=MAX_ITEMS, estimator=job.tokens, budget=budget)
        end = start + next(batches).stop
        yield Batch(start, end, job.tokens.measure_all(texts[start:end]))
        start = end


def _warn_of_cut(job: Job, start: int, stop: int, groups: int) -> None:
    warnings.warn(
        f"{job.where(start, stop)}: longer than the context of {job.options.model}; late chunking sees it in "
        f"{groups} pieces, and chunks of one piece do not know those of another",
        stacklevel=2,
    )


def _flow(job: Job, batch: Batch) -> Flow[Bill]:
    try:
        part = yield from _request(job, batch)
    except InvalidRequestError as error:
        if is_about_all(error):
            raise
        several = batch.stop - batch.start > 1
        suspect = batch
        if error.code == TOO_LONG and several and job.options.late_chunking:
            return (yield from _halves(job, batch))
        if error.code == TOO_LONG and several and error.index is None:
            suspect = yield from _longest(job, batch)
        raise located(error, job.where, suspect.start, suspect.stop) from None
    if job.progress is not None:
        job.progress(batch.stop - batch.start)
    return part


def _halves(job: Job, batch: Batch) -> Flow[Bill]:
    """A group that the service finds too long, in two: what was estimated to fit did not."""
    _warn_of_cut(job, batch.start, batch.stop, 2)
    middle = (batch.start + batch.stop) // 2
    parts = []
    for start, stop in ((batch.start, middle), (middle, batch.stop)):
        half = Batch(start, stop, job.tokens.measure_all(job.inputs.texts[start:stop]))
        parts.append((yield from _flow(job, half)))
    return total(parts, job.options.model)


def _longest(job: Job, batch: Batch) -> Flow[Batch]:
    """The text of ``batch`` that is too long, or the whole of it where that cannot be told.

    The service does not say which it is. A refusal costs nothing, so the longest is asked about alone.
    """
    texts = job.inputs.texts
    index = max(range(batch.start, batch.stop), key=lambda i: len(texts[i].encode()))
    if not texts[index]:
        return batch
    alone = Batch(index, index + 1, job.tokens.measure(texts[index]))
    try:
        yield from _request(job, alone)
    except InvalidRequestError:
        return alone
    return batch


def _request(job: Job, batch: Batch) -> Flow[Bill]:
    start, stop = batch.start, batch.stop
    body = encode(
        job.options.payload(job.inputs.to_wire(start, stop)),
        texts=job.inputs.texts[start:stop],
        name=lambda index: job.where(start + index, start + index + 1),
    )
    model, billed = yield from job.post(
        body,
        model=job.options.model,
        read=lambda response: job.read(response, start, stop),
        measure=lambda: batch.features,
        extra=_fitting(job, batch),
    )
    return Bill(model, Usage(billed or 0, 1))


def _fitting(job: Job, batch: Batch) -> float:
    """What the batch's images will probably cost, but no more than the quota has room for.

    How they are billed is partly guessed: whether one is too much is for the service to say.
    """
    limiter = job.channel.limiter(PRODUCT)
    room = limiter.capacity if limiter and batch.extra else None
    if room is None:
        return batch.extra
    return max(min(batch.extra, room - job.tokens.estimate(batch.features)[0]), 0.0)
