"""Documents by their relevance to a query."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

from ragbridge.client.arguments import named_items
from ragbridge.client.wire import encode
from ragbridge.errors import ConfigurationError, InvalidRequestError, ResponseError
from ragbridge.flow import Flow, Plan, Response, plan, single
from ragbridge.limiter.tokens import plus
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.inference.requests import placed
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
    body = encode(payload, texts=[query, *texts], name=lambda index: _where(index - 1, index))
    tokens = channel.tokens(options.inference_id)
    read = functools.partial(_read, texts=texts, wanted=wanted)
    try:
        found = yield from channel.send(
            "POST",
            options.path,
            product=options.product,
            read=read,
            query=options.query,
            body=body,
            timeout=options.timeout,
            model=options.inference_id,
            measure=lambda: plus(tokens.measure(query), tokens.measure_all(texts)),
        )
    except InvalidRequestError as error:
        raise placed(error, 0, len(texts), "documents") from None
    ranked = tuple(RankedDocument(index, score, shown[index]) for index, score in found)
    return Ranking(ranked, options.inference_id, Usage(0, 1))


def _where(start: int, stop: int) -> str:
    return named_items(start, stop, "documents") if start >= 0 else "query"


def _read(response: Response, *, texts: Sequence[str], wanted: int) -> list[tuple[int, float]]:
    """Indices and scores, best first.

    Raises:
        ResponseError: A row is missing, double, unknown, or has no finite score.
    """
    found = rows(decode(response), TASK)
    if not wanted <= len(found) <= len(texts):
        raise ResponseError(f"{TASK!r} has {len(found)} rows where {wanted} were asked for")
    scores: dict[int, float] = {}
    for row in found:
        index = _number(row.get("index"))
        score = _number(row.get("relevance_score"))
        if index is None or index != int(index) or not 0 <= index < len(texts):
            raise ResponseError(f"a row has the index {row.get('index')!r} for {len(texts)} documents")
        if index in scores:
            raise ResponseError(f"{TASK!r} has two rows of index {index:.0f}")
        if score is None:
            raise ResponseError(
                f"the score of document {index:.0f} is {row.get('relevance_score')!r}, no finite number"
            )
        scores[int(index)] = score
    return sorted(scores.items(), key=lambda row: (-row[1], row[0]))[:wanted]


def _number(value: Any) -> float | None:
    """A finite number, which examples of older versions have as a text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
