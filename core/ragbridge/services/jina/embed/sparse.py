"""``POST /v1/embeddings`` for sparse models: tokens and their weights.

Jina's API description of 2026-04 shows each row as the object of tokens and weights itself. Rows that carry it as
``embedding``, beside ``index``, are read as well, as dense ones have it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.client import weights
from ragbridge.client.answers import no_list, read_rows
from ragbridge.client.lookup import Manner
from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.client.results import Results
from ragbridge.client.sizes import of_rows
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.flow import Flow, Plan, Response
from ragbridge.models import DEFAULT_SPARSE_MODEL, Role, SparseModel
from ragbridge.observers import Operation
from ragbridge.services.jina.embed.fitting import for_host
from ragbridge.services.jina.embed.inputs import Text, check_inputs
from ragbridge.services.jina.embed.options import EmbeddingOptions, check_sparse_options
from ragbridge.services.jina.embed.requests import job_of, requests
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.keys import item_keys, names_of
from ragbridge.services.jina.place import able
from ragbridge.services.jina.session import JinaChannel, JinaMethods
from ragbridge.services.jina.wire import billed, decode, model_of
from ragbridge.values.embeddings import Usage
from ragbridge.values.partial import OnError
from ragbridge.values.sparse import SparseEmbeddings

if TYPE_CHECKING:
    from ragbridge.hosts import Finding

MOST_TOKENS = 1024
WEIGHT = 300
"""Tokens that a text may have in an answer, and bytes of one with its weight: ELSER gives some 100 to 300 of a passage, words
of its vocabulary of 30,522 (Elastic's documentation of ELSER v2, 2023)."""


def sparse_embed(
    channel: JinaChannel, inputs: Items, options: EmbeddingOptions, *, batch_size: int, manner: Manner
) -> Plan[SparseEmbeddings]:
    """One request for each batch of texts; none for no text."""
    about = functools.partial(options.operation, len(inputs.texts))
    return channel.hosted(
        lambda finding: _sparse_embed(
            channel, inputs, options, finding, batch_size=batch_size, manner=manner, about=about
        ),
        sends=bool(inputs.texts),
        about=about,
    )


def _sparse_embed(
    channel: JinaChannel,
    inputs: Items,
    options: EmbeddingOptions,
    finding: Finding,
    *,
    batch_size: int,
    manner: Manner,
    about: Callable[[], Operation],
) -> Plan[SparseEmbeddings]:
    if not finding.host.products:
        raise ConfigurationError(
            f"sparse_embed: {finding.host.title} gives no sparse vectors; hosts that do: {able(lambda host: host.products)}"
        )
    options, inputs = for_host(channel, inputs, options, finding, where=manner.where("texts"))
    results = Results[weights.Row](
        len(inputs.texts), ({}, False), encode=weights.encode, decode=weights.decode
    )
    keys = channel.keys("sparse", options.asked)
    lookup = channel.lookup(
        names_of(inputs), results, manner=manner, keys=functools.partial(item_keys, keys, inputs)
    )

    def read(response: Response, places: Sequence[int]) -> tuple[str, int | None]:
        body = decode(response)
        results.write(places, [(row, False) for row in _read(body, len(places))])
        return model_of(body, options.model), billed(body)

    most = of_rows(min(batch_size, len(inputs.texts)), each=MOST_TOKENS * WEIGHT)
    post = functools.partial(channel.post, "/embeddings", most=most, api=finding.api)

    def flows(places: Sequence[int]) -> Iterator[Flow[None]]:
        job = job_of(
            channel, lookup, inputs, options, places=places, post=post, read=read, where=manner.where("texts")
        )
        return requests(job, options.most(batch_size))

    def join(usage: Usage, model: str | None, places: Sequence[int] | None) -> SparseEmbeddings:
        rows = results.all() if places is None else results.only(places)
        failed = lookup.failures if places is None else ()
        return SparseEmbeddings(tuple(row for row, _ in rows), model or options.model, usage, failed=failed)

    return lookup.plan(flows, join, about=about)


def _read(body: dict[str, Any], count: int) -> list[dict[str, float]]:
    """The weights of each text, in the order of the texts.

    Raises:
        ResponseError: A row is missing or double, or is no object of tokens and finite numbers.
    """
    rows = body.get("data")
    if not isinstance(rows, list):
        raise no_list("data")
    if rows and all(isinstance(row, dict) and isinstance(row.get("embedding"), dict) for row in rows):
        return read_rows(rows, "data", count, lambda row: weights.read(row["embedding"]))
    if len(rows) != count:
        raise ResponseError(f"'data' has {len(rows)} rows for {count} inputs")
    return [weights.read(row) for row in rows]


class SparseMethods(JinaMethods):
    """Sparse embeddings of texts."""

    def _sparse_embed(
        self,
        texts: Sequence[Text],
        *,
        model: SparseModel = DEFAULT_SPARSE_MODEL,
        role: Role | None = None,
        task: str | None = None,
        progress: Callable[[int], object] | None = None,
        on_error: OnError = "raise",
    ) -> Plan[SparseEmbeddings]:
        """The tokens that stand for each text with their weights, in the order of the texts.

        Texts are cut into requests that fit the quota; requests run side by side as far as it allows.

        Args:
            texts: What to embed. An empty list sends nothing.
            model: The model's name.
            role: What the texts are for: ``"query"`` or ``"document"``.
            task: The service's own word instead, such as ``"retrieval.query"``.
            progress: Called with the number of texts of each request that is done, from whichever thread did it.
            on_error: ``"report"`` names texts that fail in ``failed`` and embeds the others. ``"raise"`` ends the call with
                the error, whose ``partial`` has the texts that were done by then.

        Returns:
            ``SparseEmbeddings``: for each text a mapping of tokens to weights; ``indices()`` has numbers for tokens.

        Raises:
            ConfigurationError: An argument is wrong, or the model gives no sparse vectors; nothing was sent.
            InvalidRequestError: The service refuses a text; ``index`` says which.
            QuotaExhaustedError: The account's balance is used up.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = check_sparse_options(model=model, role=role, task=task)
        found = check_inputs(texts, options.row, late_chunking=False)
        return sparse_embed(
            self._channel, found, options, batch_size=self._batch_size, manner=Manner(progress, on_error)
        )

    sparse_embed = Blocking(_sparse_embed)
    asparse_embed = Awaitable(_sparse_embed)
