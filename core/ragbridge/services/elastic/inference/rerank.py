"""Documents by their relevance to a query."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ragbridge.client import sizes
from ragbridge.client.answers import Scored, read_scores
from ragbridge.client.arguments import named
from ragbridge.client.wire import encode
from ragbridge.errors import ConfigurationError
from ragbridge.flow import Flow, Plan, Response, plan, single
from ragbridge.limiter.tokens import plus
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.session import ElasticChannel
from ragbridge.services.elastic.wire import decode, rows
from ragbridge.values.embeddings import Usage
from ragbridge.values.rankings import Document, RankedDocument, Ranking

TASK = "rerank"

_OURS = {
    "top_n": "pass top_n=, which comes before any setting",
    "return_documents": "the Elastic Inference Service refuses it; pass return_documents=True, which needs no request",
}


def rerank(
    channel: ElasticChannel,
    query: str,
    documents: list[Document],
    texts: list[str],
    options: InferenceOptions,
    *,
    top_n: int | None,
    return_documents: bool,
) -> Plan[Ranking]:
    """One request for all documents, since scores of different calls need not be comparable; none for no document."""
    if not documents:
        return plan((), lambda _: Ranking((), options.inference_id))
    wanted = min(top_n or len(texts), len(texts))
    shown = documents if return_documents else [None] * len(documents)
    flow = _flow(channel, query, texts, options, wanted=wanted, shown=shown)
    return single(flow)


def check_settings(options: InferenceOptions) -> None:
    """Refuse settings that would say something else than the arguments do.

    Raises:
        ConfigurationError: There is one.
    """
    for name, way in _OURS.items():
        if name in (options.task_settings or {}):
            raise ConfigurationError(f"task_settings[{name!r}]: {way}")


def _flow(
    channel: ElasticChannel,
    query: str,
    texts: list[str],
    options: InferenceOptions,
    *,
    wanted: int,
    shown: Sequence[Document | None],
) -> Flow[Ranking]:
    # The number is sent although it is all of them: the endpoint's own top_n would cut the list. Documents are never
    # asked back: the caller has them, and one of the services refuses to send them.
    payload = options.payload(query=query, input=texts, top_n=wanted)
    body = encode(
        payload,
        texts=[query, *texts],
        name=lambda index: named("documents", [index - 1]) if index else "query",
    )
    meter, places = channel.meter(options.product, options.inference_id), range(len(texts))
    send = channel.send(
        "POST",
        options.path,
        product=meter,
        read=functools.partial(_read, places=places, wanted=wanted),
        query=options.query,
        body=body,
        timeout=options.timeout,
        measure=lambda: plus(meter.tokens.measure(query), meter.tokens.measure_all(texts)),
        most=sizes.of_rows(len(texts), repeated=body),
    )
    scored = yield from channel.naming(send, functools.partial(named, "documents"), places)
    ranked = tuple(RankedDocument(index, score, shown[index]) for index, score, _ in scored)
    return Ranking(ranked, options.inference_id, Usage(0, 1))


def _read(response: Response, *, places: Sequence[int], wanted: int) -> list[Scored]:
    """The rows, best first. Numbers may be texts, as examples of older versions have them.

    Raises:
        ResponseError: A row is missing, surplus, duplicate, unknown, or has no finite score.
    """
    listing = rows(decode(response), TASK)
    return read_scores(listing, TASK, places, least=wanted, most=wanted, texts=True)
