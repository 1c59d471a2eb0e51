"""``POST /v1/embeddings``: one vector for each input."""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_right
from typing import TYPE_CHECKING

from ragbridge.client.arguments import named_items
from ragbridge.flow import Plan, Response, plan
from ragbridge.services.jina.embed.inputs import Inputs
from ragbridge.services.jina.embed.options import EmbeddingOptions
from ragbridge.services.jina.embed.requests import PRODUCT, Bill, Job, Progress, Where, total
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.embeddings import DocumentEmbeddings, Embeddings

if TYPE_CHECKING:
    from ragbridge.client.vectors import Sheet


def embed(
    channel: JinaChannel,
    inputs: Inputs,
    options: EmbeddingOptions,
    *,
    batch_size: int,
    progress: Progress | None = None,
) -> Plan[Embeddings]:
    """One request for each batch of inputs. With late chunking the texts are the chunks of one document."""
    job, sheet = _start(channel, inputs, options, progress, named_items)
    flows = job.document_requests([len(inputs.texts)]) if options.late_chunking else job.requests(batch_size)
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
    inputs = Inputs([*itertools.chain(*documents)], {})
    job, sheet = _start(channel, inputs, options, progress, functools.partial(_in_documents, sizes))
    flows = job.document_requests(sizes) if options.late_chunking else job.requests(batch_size)
    return plan(flows, functools.partial(_join_documents, sheet, options, sizes))


def _start(
    channel: JinaChannel,
    inputs: Inputs,
    options: EmbeddingOptions,
    progress: Progress | None,
    where: Where,
) -> tuple[Job, Sheet]:
    from ragbridge.client.vectors import Sheet
    from ragbridge.services.jina.embed.answers import read_pages, read_vectors  # brings NumPy

    sheet = Sheet(len(inputs.texts), options.width, options.embedding_type)

    def read(response: Response, start: int, stop: int) -> tuple[str, int | None]:
        if inputs.single:
            return read_pages(response, sheet=sheet, asked=options.model)
        return read_vectors(response, sheet=sheet, start=start, stop=stop, asked=options.model)

    post = functools.partial(channel.post, "/embeddings", product=PRODUCT)
    job = Job(channel, inputs, options, channel.tokens(options.model), post, read, where, progress)
    return job, sheet


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
