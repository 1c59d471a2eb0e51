"""Documents by their relevance to a query."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ragbridge.client import sizes
from ragbridge.client.answers import Scored, read_scores
from ragbridge.client.arguments import named
from ragbridge.client.items import Inputs, Item, text_of
from ragbridge.client.wire import encode
from ragbridge.errors import ConfigurationError
from ragbridge.flow import Flow, Plan, Response, plan, single
from ragbridge.limiter.tokens import plus
from ragbridge.services.elastic.content import check_media, part_to_wire
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.session import ElasticChannel
from ragbridge.services.elastic.wire import decode_numbers, rows
from ragbridge.values.inputs import Image, from_text
from ragbridge.values.media import ASSUMED_TOKENS, tokens_of
from ragbridge.values.rankings import Document, RankedDocument, Ranking

TASK = "rerank"
_IMAGE_TOKENS = float(ASSUMED_TOKENS["image"])

_OURS = {
    "top_n": "pass top_n=, which comes before any setting",
    "return_documents": "the Elastic Inference Service refuses it; pass return_documents=True, which needs no request",
}


def rerank(
    channel: ElasticChannel,
    query: Item,
    documents: list[Document],
    inputs: Inputs,
    options: InferenceOptions,
    *,
    top_n: int | None,
    return_documents: bool,
) -> Plan[Ranking]:
    """One request for all documents, since scores of different calls need not be comparable; none for no document."""
    about = functools.partial(options.operation, len(documents), top_n)
    if not documents:
        return plan((), lambda _: Ranking((), options.inference_id), about=about)
    wanted = min(top_n or len(documents), len(documents))
    shown = documents if return_documents else [None] * len(documents)
    flow = _flow(channel, query, inputs, options, wanted=wanted, shown=shown)
    return single(flow, about=about)


def read_query(query: Document) -> Item:
    """What is asked.

    Raises:
        ConfigurationError: It is neither a text nor an image, or empty.
    """
    item = _read(query, "query")
    if not item:
        raise ConfigurationError("query must be a text that is not empty, or an Image")
    return item


def read_documents(documents: list[Document]) -> Inputs:
    """What is ranked.

    Raises:
        ConfigurationError: One of them is neither a text nor an image.
    """
    return Inputs.read(
        documents,
        lambda value, index: _read(value, f"documents[{index}]"),
        functools.partial(tokens_of, row=None),
    )


def _read(value: object, where: str) -> Item:
    """A text or an image; of a caller's object, which may hold more, its ``text``, or else its ``image``."""
    try:
        found = _from_object(value) if isinstance(value, Mapping) else value
        if isinstance(found, (str, Image)):
            return check_media(found)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    raise ConfigurationError(
        f"{where} is {type(value).__name__}, not str, Image or an object with 'text' or 'image'"
    )


def _from_object(value: Mapping[str, Any]) -> object:
    found = value.get("text")
    if found is not None:
        return found
    found = value.get("image")
    # Text of an object may have come from afar: it is never taken for the path of a file on this machine.
    return from_text(found, Image) if isinstance(found, str) else found and Image(found)


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
    query: Item,
    inputs: Inputs,
    options: InferenceOptions,
    *,
    wanted: int,
    shown: Sequence[Document | None],
) -> Flow[Ranking]:
    # The number is sent although it is all of them: the endpoint's own top_n would cut the list. Documents are never
    # asked back: the caller has them, and one of the services refuses to send them.
    payload = options.payload(query=_wire(query), input=_documents(inputs), top_n=wanted)
    asked = text_of(query)
    body = encode(
        payload,
        texts=[asked, *inputs.texts],
        name=lambda index: named("documents", [index - 1]) if index else "query",
    )
    meter, places = channel.meter(options.product, options.inference_id), range(len(inputs.texts))
    send = channel.exchange(
        "POST",
        options.path,
        product=meter,
        read=functools.partial(_read_ranking, places=places, wanted=wanted),
        query=options.query,
        body=body,
        timeout=options.timeout,
        measure=lambda: plus(meter.tokens.measure(asked), meter.tokens.measure_all(inputs.texts)),
        extra=sum(load.tokens for load in inputs.loads.values())
        + (0.0 if isinstance(query, str) else _IMAGE_TOKENS),
        most=sizes.of_rows(len(inputs.texts), repeated=body),
    )
    scored, usage = yield from channel.naming(send, functools.partial(named, "documents"), places)
    ranked = tuple(RankedDocument(index, score, shown[index]) for index, score, _ in scored)
    return Ranking(ranked, options.inference_id, usage)


def _wire(query: Item) -> Any:
    return part_to_wire(query) if isinstance(query, Image) else query


def _documents(inputs: Inputs) -> list[Any]:
    """Strings; or objects, all of them, where one is an image."""
    if not inputs.others:
        return inputs.texts
    return [part_to_wire(cast("str | Image", inputs[index])) for index in range(len(inputs.texts))]


def _read_ranking(response: Response, *, places: Sequence[int], wanted: int) -> list[Scored]:
    """The rows, best first. Numbers may be texts, as examples of older versions have them.

    Raises:
        ResponseError: A row is missing, surplus, duplicate, unknown, or has no finite score.
    """
    listing = rows(decode_numbers(response), TASK)
    return read_scores(listing, TASK, places, least=wanted, most=wanted, texts=True)
