"""Late chunking: the chunks of a document, in as few groups as the model's context allows. A group is one request."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence

from ragbridge.cache.keys import Keys
from ragbridge.client.arguments import Where
from ragbridge.client.batching import Batch, pack
from ragbridge.client.job import Job
from ragbridge.flow import Flow
from ragbridge.limiter.tokens import TokenEstimator
from ragbridge.models import MAX_ITEMS
from ragbridge.services.jina.embed.options import EmbeddingOptions

FILL = 0.9
"""Share of a model's context that a document's estimate may fill: estimates are off by some percent."""


class Groups:
    """How the chunks of documents are put together.

    Args:
        sizes: Number of chunks of each document.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._cut: list[list[range]] | None = None

    def keys(
        self, keys: Keys, texts: Sequence[str], estimator: TokenEstimator, options: EmbeddingOptions
    ) -> Flow[Sequence[bytes | None]]:
        """The key of each chunk: its vector depends on all of its group, and on its place there."""
        yield from ()
        self._cut = list(self._within(texts, estimator, options))
        made: list[bytes | None] = []
        for group in (group for groups in self._cut for group in groups):
            digest = hashlib.blake2b()
            for place in group:
                text = texts[place].encode("utf-8", "surrogatepass")
                digest.update(len(text).to_bytes(8, "big") + text)
            made += [keys.of(digest.digest() + index.to_bytes(4, "big")) for index in range(len(group))]
        return made

    def requests(self, job: Job, options: EmbeddingOptions, places: Sequence[int]) -> Iterator[Flow[None]]:
        """One flow for each group of which something is among ``places``."""
        missing = None if len(places) == len(job.texts) else set(places)
        for groups in self._cut or self._within(job.texts, job.meter.tokens, options):
            if missing is not None and not any(missing.intersection(group) for group in groups):
                continue
            if len(groups) > 1:
                warn_of_cut(options, job.where, len(groups), Batch(groups[0].start, groups[-1].stop))
            for group in groups:
                if missing is None or missing.intersection(group):
                    yield job.run(job.batch(group.start, group.stop))

    def _within(
        self, texts: Sequence[str], estimator: TokenEstimator, options: EmbeddingOptions
    ) -> Iterator[list[range]]:
        """The groups of each document, as will probably fit the model's context."""
        context = options.row.context if options.row else None
        budget = None if context is None else context * FILL
        end = 0
        for size in self._sizes:
            start, end = end, end + size
            groups = []
            while start < end:
                batches = pack(texts[start:end], items=MAX_ITEMS, estimator=estimator, budget=budget)
                stop = start + next(batches).stop
                groups.append(range(start, stop))
                start = stop
            yield groups


def warn_of_cut(options: EmbeddingOptions, where: Where, groups: int, batch: Batch) -> None:
    """Say that a document does not fit the model's context."""
    warnings.warn(
        f"{where(range(batch.start, batch.stop))}: longer than the context of {options.model}; late chunking sees it "
        f"in {groups} pieces, and chunks of one piece do not know those of another",
        stacklevel=2,
    )
