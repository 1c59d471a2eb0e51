"""``POST /v1/embeddings``: one vector for each input."""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ragbridge.client.arguments import Where
from ragbridge.client.job import TEXTS, Bill, Progress, total
from ragbridge.flow import Flow, Plan, Response, plan
from ragbridge.services.jina.embed.inputs import is_pdf
from ragbridge.services.jina.embed.options import EmbeddingOptions
from ragbridge.services.jina.embed.requests import document_requests, job_of, requests
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.embeddings import DocumentEmbeddings, Embeddings

if TYPE_CHECKING:
    from ragbridge.client.vectors import Sheet


def embed(
    channel: JinaChannel,
    inputs: Items,
    options: EmbeddingOptions,
    *,
    batch_size: int,
    progress: Progress | None = None,
) -> Plan[Embeddings]:
    """One request for each batch of inputs. With late chunking the texts are the chunks of one document."""
    sizes = [len(inputs.texts)]
    flows, sheet = _start(channel, inputs, options, TEXTS, sizes, batch_size=batch_size, progress=progress)
    return plan(flows, functools.partial(_join, sheet, options))


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
    inputs = Items([*itertools.chain(*documents)], {}, {})
    where = functools.partial(_in_documents, sizes)
    flows, sheet = _start(channel, inputs, options, where, sizes, batch_size=batch_size, progress=progress)
    return plan(flows, functools.partial(_join_documents, sheet, options, sizes))


def _start(
    channel: JinaChannel,
    inputs: Items,
    options: EmbeddingOptions,
    where: Where,
    sizes: list[int],
    *,
    batch_size: int,
    progress: Progress | None,
) -> tuple[Iterator[Flow[Bill]], Sheet]:
    from ragbridge.client.vectors import Sheet
    from ragbridge.services.jina.embed.answers import read_pages, read_vectors  # brings NumPy

    sheet = Sheet(len(inputs.texts), options.width, options.embedding_type)

    def read(response: Response, start: int, stop: int) -> tuple[str, int | None]:
        if is_pdf(inputs):
            return read_pages(response, sheet=sheet, asked=options.model)
        return read_vectors(response, sheet=sheet, start=start, stop=stop, asked=options.model)

    post = functools.partial(channel.post, "/embeddings")
    job = job_of(channel, inputs, options, post=post, read=read, where=where, progress=progress)
    if options.late_chunking:
        return document_requests(job, options, sizes), sheet
    return requests(job, inputs, batch_size), sheet


def _join(sheet: Sheet, options: EmbeddingOptions, bills: list[Bill]) -> Embeddings:
    whole = total(bills, options.model)
    return Embeddings(sheet.vectors, whole.model, whole.usage, options.embedding_type)


def _join_documents(
    sheet: Sheet, options: EmbeddingOptions, sizes: list[int], bills: list[Bill]
) -> DocumentEmbeddings:
    whole = _join(sheet, options, bills)
    ends = list(itertools.accumulate(sizes))
    documents = tuple(whole.vectors[end - size : end] for size, end in zip(sizes, ends, strict=True))
    return DocumentEmbeddings(documents, whole.model, whole.usage, whole.embedding_type)


def _in_documents(sizes: list[int], places: Sequence[int]) -> str:
    start, stop = places[0], places[-1] + 1
    ends = list(itertools.accumulate(sizes))
    first, last = bisect_right(ends, start), bisect_right(ends, stop - 1)
    if first != last:
        return f"documents[{first}:{last + 1}]"
    begin = ends[first] - sizes[first]
    if (start, stop) == (begin, ends[first]) and sizes[first] > 1:
        return f"documents[{first}]"
    inner = f"{start - begin}" if stop - start == 1 else f"{start - begin}:{stop - begin}"
    return f"documents[{first}][{inner}]"
