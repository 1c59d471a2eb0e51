"""``POST /v1/embeddings``: one vector for each input."""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ragbridge.client.arguments import Where
from ragbridge.client.lookup import FindKeys, Lookup, Manner
from ragbridge.client.sizes import of_vectors
from ragbridge.flow import Flow, Plan, Response
from ragbridge.models import MAX_ITEMS
from ragbridge.services.jina.embed.fitting import for_host
from ragbridge.services.jina.embed.inputs import is_pdf
from ragbridge.services.jina.embed.late import Groups
from ragbridge.services.jina.embed.options import EmbeddingOptions
from ragbridge.services.jina.embed.requests import PRODUCT, Read, job_of, requests
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.keys import item_keys, names_of
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.embeddings import DocumentEmbeddings, Embeddings, Usage
from ragbridge.values.partial import Failure

if TYPE_CHECKING:
    from ragbridge.client.vectors import Sheet
    from ragbridge.hosts import Finding
    from ragbridge.observers import Operation
    from ragbridge.values.embeddings import Vectors


def embed(
    channel: JinaChannel,
    inputs: Items,
    options: EmbeddingOptions,
    *,
    batch_size: int,
    manner: Manner,
) -> Plan[Embeddings]:
    """One request for each batch of inputs. With late chunking the texts are the chunks of one document."""
    about = functools.partial(options.operation, len(inputs.texts))
    return channel.hosted(
        lambda finding: _embed(
            channel, inputs, options, finding, batch_size=batch_size, manner=manner, about=about
        ),
        sends=bool(inputs.texts),
        about=about,
    )


def _embed(
    channel: JinaChannel,
    inputs: Items,
    options: EmbeddingOptions,
    finding: Finding,
    *,
    batch_size: int,
    manner: Manner,
    about: Callable[[], Operation],
) -> Plan[Embeddings]:
    starts = (0,) if options.late_chunking and inputs.texts else None
    options, inputs = for_host(channel, inputs, options, finding, where=manner.where("texts"), starts=starts)
    sheet = _sheet(inputs, options)
    names = len(inputs.texts) if options.late_chunking or is_pdf(inputs) else names_of(inputs)
    groups = Groups([len(inputs.texts)]) if options.late_chunking else None
    lookup = channel.lookup(
        names,
        sheet,
        manner=manner,
        keys=None if channel.cache is None or is_pdf(inputs) else _keys(channel, inputs, options, groups),
    )
    flows = _flows(
        channel,
        lookup,
        inputs,
        options,
        sheet,
        where=manner.where("texts"),
        batch_size=batch_size,
        groups=groups,
        api=finding.api,
    )

    def join(usage: Usage, model: str | None, places: Sequence[int] | None) -> Embeddings:
        vectors = sheet.vectors if places is None else sheet.only(places)
        failed = lookup.failures if places is None else ()
        return Embeddings(vectors, model or options.model, usage, options.embedding_type, failed)

    return lookup.plan(flows, join, about=about)


def embed_documents(
    channel: JinaChannel,
    documents: list[list[str]],
    options: EmbeddingOptions,
    *,
    batch_size: int,
    manner: Manner,
) -> Plan[DocumentEmbeddings]:
    """The chunks of ``documents``. With late chunking no request holds chunks of two documents.

    Args:
        channel: The way to the service.
        documents: The chunks of each.
        options: How they are embedded.
        batch_size: Chunks in one request at most, where they do not belong together.
        manner: How the call goes about the chunks; its numbers are those of the documents.
    """
    about = functools.partial(options.operation, sum(map(len, documents)))
    return channel.hosted(
        lambda finding: _embed_documents(
            channel, documents, options, finding, batch_size=batch_size, manner=manner, about=about
        ),
        sends=any(documents),
        about=about,
    )


def _embed_documents(
    channel: JinaChannel,
    documents: list[list[str]],
    options: EmbeddingOptions,
    finding: Finding,
    *,
    batch_size: int,
    manner: Manner,
    about: Callable[[], Operation],
) -> Plan[DocumentEmbeddings]:
    inputs = Items([*itertools.chain(*documents)], {}, {})
    sizes = [len(chunks) for chunks in documents]
    table = _Documents(sizes, manner.numbers)
    starts = table.starts if options.late_chunking else None
    options, inputs = for_host(channel, inputs, options, finding, where=table.name, starts=starts)
    sheet = _sheet(inputs, options)
    groups = Groups(sizes) if options.late_chunking else None
    lookup = channel.lookup(
        len(inputs.texts) if options.late_chunking else inputs.texts,
        sheet,
        manner=manner,
        keys=_keys(channel, inputs, options, groups),
    )
    flows = _flows(
        channel,
        lookup,
        inputs,
        options,
        sheet,
        where=table.name,
        batch_size=batch_size,
        groups=groups,
        api=finding.api,
    )

    def join(usage: Usage, model: str | None, places: Sequence[int] | None) -> DocumentEmbeddings:
        vectors = sheet.vectors if places is None else sheet.only(places)
        failed = () if places is not None else lookup.failures
        return DocumentEmbeddings(
            table.split(vectors, places),
            model or options.model,
            usage,
            options.embedding_type,
            tuple(Failure(table.of(each.index), each.error) for each in failed),
        )

    return lookup.plan(flows, join, whole=table.whole, about=about)


def _sheet(inputs: Items, options: EmbeddingOptions) -> Sheet:
    from ragbridge.client.vectors import Sheet  # brings NumPy

    return Sheet(len(inputs.texts), options.width, options.embedding_type)


def _keys(channel: JinaChannel, inputs: Items, options: EmbeddingOptions, groups: Groups | None) -> FindKeys:
    keys = channel.keys(PRODUCT, options.asked)
    if groups is None:
        return functools.partial(item_keys, keys, inputs)
    tokens = channel.tokens(options.model)
    return lambda _: groups.keys(keys, inputs.texts, tokens, options)


def _flows(
    channel: JinaChannel,
    lookup: Lookup,
    inputs: Items,
    options: EmbeddingOptions,
    sheet: Sheet,
    *,
    where: Where,
    batch_size: int,
    groups: Groups | None,
    api: str,
) -> Callable[[Sequence[int]], Iterator[Flow[None]]]:
    """The requests for some places, sent below ``api``."""
    batch_size = options.most(batch_size)
    count = min(MAX_ITEMS if groups else batch_size, len(inputs.texts))
    most = None if is_pdf(inputs) else of_vectors(count, options.width)
    post = functools.partial(channel.post, options.host.embedding.path, most=most, api=api)

    def flows(places: Sequence[int]) -> Iterator[Flow[None]]:
        # Late chunking joins what stands in one request: a document is sent whole, whatever is known of it.
        sent = range(len(inputs.texts)) if groups else places
        job = job_of(
            channel,
            lookup,
            inputs,
            options,
            places=sent,
            post=post,
            read=_reading(inputs, options, sheet),
            where=where,
        )
        return groups.requests(job, options, places) if groups else requests(job, batch_size)

    return flows


def _reading(inputs: Items, options: EmbeddingOptions, sheet: Sheet) -> Read:
    from ragbridge.services.jina.embed.answers import read_pages, read_vectors

    def read(response: Response, places: Sequence[int]) -> tuple[str, int | None]:
        if is_pdf(inputs):
            return read_pages(response, sheet=sheet, asked=options.model)
        return read_vectors(response, sheet=sheet, places=places, asked=options.model, host=options.host)

    return read


class _Documents:
    """Where the chunks of each document stand among all chunks."""

    def __init__(self, sizes: list[int], numbers: Sequence[int] | None) -> None:
        self._sizes = sizes
        self._ends = list(itertools.accumulate(sizes))
        self._numbers = range(len(sizes)) if numbers is None else numbers

    @property
    def starts(self) -> list[int]:
        """Where the first chunk of each document stands that has any."""
        return [end - size for end, size in zip(self._ends, self._sizes, strict=True) if size]

    def of(self, place: int) -> int:
        """The document that the chunk at ``place`` belongs to."""
        return bisect_right(self._ends, place)

    def whole(self, places: Sequence[int]) -> tuple[tuple[int, ...], list[int]]:
        """The documents all of whose chunks are among ``places``, and where these chunks stand."""
        there = set(places)
        spans = [range(end - size, end) for end, size in zip(self._ends, self._sizes, strict=True)]
        documents = tuple(index for index, span in enumerate(spans) if there.issuperset(span))
        return documents, [place for index in documents for place in spans[index]]

    def split(self, vectors: Vectors, places: Sequence[int] | None) -> tuple[Vectors, ...]:
        """``vectors`` by document; those of the whole ones, where only the chunks at ``places`` are there."""
        documents = range(len(self._sizes)) if places is None else self.whole(places)[0]
        sizes = [self._sizes[index] for index in documents]
        ends = itertools.accumulate(sizes)
        return tuple(vectors[end - size : end] for size, end in zip(sizes, ends, strict=True))

    def name(self, places: Sequence[int]) -> str:
        """The chunks at ``places``, as an error calls them."""
        start, stop = places[0], places[-1] + 1
        first, last = self.of(start), self.of(stop - 1)
        number = self._numbers[first]
        if first != last:
            return f"documents[{number}:{self._numbers[last] + 1}]"
        begin = self._ends[first] - self._sizes[first]
        if (start, stop) == (begin, self._ends[first]) and self._sizes[first] > 1:
            return f"documents[{number}]"
        inner = f"{start - begin}" if stop - start == 1 else f"{start - begin}:{stop - begin}"
        return f"documents[{number}][{inner}]"
