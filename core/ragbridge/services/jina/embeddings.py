"""``POST /v1/embeddings``: build the requests, read the answers."""

from __future__ import annotations

import functools
import itertools
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ragbridge._batching import Batch, pack
from ragbridge._errors import InvalidRequestError
from ragbridge._flow import Flow, Plan, plan
from ragbridge._results import DocumentEmbeddings, Embeddings, Usage
from ragbridge.services.jina._channel import JinaChannel
from ragbridge.services.jina._embedding_options import EmbeddingOptions
from ragbridge.services.jina._errors import located
from ragbridge.services.jina._wire import encode

if TYPE_CHECKING:
    from ragbridge._tokens import TokenEstimator
    from ragbridge.services.jina._vectors import Sheet

PRODUCT = "embeddings"
TOO_LONG = "INPUT_TOKEN_LIMIT_EXCEEDED"
MAX_REQUEST_TOKENS = 262_144
"""Tokens in one request: no cap is published; this is eight of the longest texts that any model takes."""

MAX_ITEMS = 512
"""Items in one request: the lowest cap on record (v4, November 2025); newer pages name none."""

FILL = 0.9
"""Share of a model's context that a document's estimate may fill: estimates are off by some percent."""

Progress: TypeAlias = Callable[[int], object]
"""Told the number of items of each request that is done, from whichever thread did it."""

Where: TypeAlias = Callable[[int, int], str]
"""Names the items ``[start:stop]`` of a job as the caller knows them."""


@dataclass(frozen=True, slots=True)
class _Job:
    """All that the requests of one call share. ``sheet`` is what they are read into."""

    channel: JinaChannel
    texts: list[str]
    options: EmbeddingOptions
    tokens: TokenEstimator
    sheet: Sheet
    progress: Progress | None
    where: Where


@dataclass(frozen=True, slots=True)
class _Part:
    """What a flow brought beside its rows."""

    model: str
    usage: Usage


def embed(
    channel: JinaChannel,
    texts: list[str],
    options: EmbeddingOptions,
    *,
    batch_size: int,
    progress: Progress | None = None,
) -> Plan[Embeddings]:
    """One request for each batch of ``texts``. With late chunking the texts are the chunks of one document."""
    job = _start(channel, texts, options, progress, _in_texts)
    batches = _groups(job, [len(texts)]) if options.late_chunking else _packed(job, batch_size)
    return plan((_flow(job, batch) for batch in batches), functools.partial(_join, job))


def embed_documents(
    channel: JinaChannel,
    documents: list[list[str]],
    options: EmbeddingOptions,
    *,
    batch_size: int,
    progress: Progress | None = None,
) -> Plan[DocumentEmbeddings]:
    """The chunks of ``documents``. With late chunking no request holds chunks of two documents."""
    sizes = [len(chunks) for chunks in documents]
    job = _start(
        channel, [*itertools.chain(*documents)], options, progress, functools.partial(_in_documents, sizes)
    )
    batches = _groups(job, sizes) if options.late_chunking else _packed(job, batch_size)
    join = functools.partial(_join_documents, job, sizes)
    return plan((_flow(job, batch) for batch in batches), join)


def _start(
    channel: JinaChannel, texts: list[str], options: EmbeddingOptions, progress: Progress | None, where: Where
) -> _Job:
    from ragbridge.services.jina._vectors import Sheet  # brings NumPy

    sheet = Sheet(len(texts), options.width)
    return _Job(channel, texts, options, channel.tokens(options.model), sheet, progress, where)


def _packed(job: _Job, batch_size: int) -> Iterator[Batch]:
    limiter = job.channel.limiter(PRODUCT)
    budget = limiter.request_budget if limiter else None
    return pack(job.texts, items=batch_size, estimator=job.tokens, tokens=MAX_REQUEST_TOKENS, budget=budget)


def _groups(job: _Job, sizes: Iterable[int]) -> Iterator[Batch]:
    """One batch for each document, or as few as its length asks for: late chunking joins what stands in one request."""
    row = job.options.row
    start = 0
    for size in sizes:
        groups = list(_within(job, start, start + size, row.context if row else None))
        if len(groups) > 1:
            _warn_of_cut(job, start, start + size, len(groups))
        yield from groups
        start += size


def _within(job: _Job, start: int, stop: int, context: int | None) -> Iterator[Batch]:
    """The chunks ``[start:stop]`` of one document in groups that will probably fit ``context`` tokens."""
    budget = None if context is None else context * FILL
    while start < stop:
        batches = pack(job.texts[start:stop], items=MAX_ITEMS, estimator=job.tokens, budget=budget)
        end = start + next(batches).stop
        yield Batch(start, end, job.tokens.measure_all(job.texts[start:end]))
        start = end


def _warn_of_cut(job: _Job, start: int, stop: int, groups: int) -> None:
    warnings.warn(
        f"{job.where(start, stop)}: longer than the context of {job.options.model}; late chunking sees it in "
        f"{groups} pieces, and chunks of one piece do not know those of another",
        stacklevel=2,
    )


def _flow(job: _Job, batch: Batch) -> Flow[_Part]:
    try:
        part = yield from _request(job, batch)
    except InvalidRequestError as error:
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


def _halves(job: _Job, batch: Batch) -> Flow[_Part]:
    """A group that the service finds too long, in two: what was estimated to fit did not."""
    _warn_of_cut(job, batch.start, batch.stop, 2)
    middle = (batch.start + batch.stop) // 2
    parts = []
    for start, stop in ((batch.start, middle), (middle, batch.stop)):
        half = Batch(start, stop, job.tokens.measure_all(job.texts[start:stop]))
        parts.append((yield from _flow(job, half)))
    return _Part(parts[0].model, parts[0].usage + parts[1].usage)


def _longest(job: _Job, batch: Batch) -> Flow[Batch]:
    """The text of ``batch`` that is too long, or the whole of it where that cannot be told.

    The service does not say which it is. A refusal costs nothing, so the longest is asked about alone.
    """
    index = max(range(batch.start, batch.stop), key=lambda i: len(job.texts[i].encode()))
    alone = Batch(index, index + 1, job.tokens.measure(job.texts[index]))
    try:
        yield from _request(job, alone)
    except InvalidRequestError:
        return alone
    return batch


def _request(job: _Job, batch: Batch) -> Flow[_Part]:
    from ragbridge.services.jina._vectors import read_vectors

    part = job.texts[batch.start : batch.stop]
    body = encode(
        job.options.payload(part),
        texts=part,
        name=lambda index: job.where(batch.start + index, batch.start + index + 1),
    )
    read = functools.partial(
        read_vectors, sheet=job.sheet, start=batch.start, stop=batch.stop, asked=job.options.model
    )
    model, billed = yield from job.channel.post(
        "/embeddings",
        body,
        product=PRODUCT,
        model=job.options.model,
        read=read,
        measure=lambda: batch.features,
    )
    return _Part(model, Usage(billed or 0, 1))


def _join(job: _Job, parts: list[_Part]) -> Embeddings:
    usage = sum((part.usage for part in parts), Usage())
    return Embeddings(job.sheet.vectors, parts[0].model if parts else job.options.model, usage)


def _join_documents(job: _Job, sizes: list[int], parts: list[_Part]) -> DocumentEmbeddings:
    whole = _join(job, parts)
    ends = list(itertools.accumulate(sizes))
    documents = tuple(whole.vectors[end - size : end] for size, end in zip(sizes, ends, strict=True))
    return DocumentEmbeddings(documents, whole.model, whole.usage)


def _in_texts(start: int, stop: int) -> str:
    return f"texts[{start}]" if stop - start == 1 else f"texts[{start}:{stop}]"


def _in_documents(sizes: list[int], start: int, stop: int) -> str:
    ends = list(itertools.accumulate(sizes))
    first, last = bisect_right(ends, start), bisect_right(ends, stop - 1)
    if first != last:
        return f"documents[{first}:{last + 1}]"
    begin = ends[first] - sizes[first]
    if (start, stop) == (begin, ends[first]) and sizes[first] > 1:
        return f"documents[{first}]"
    inner = f"{start - begin}" if stop - start == 1 else f"{start - begin}:{stop - begin}"
    return f"documents[{first}][{inner}]"
