"""``POST /order``: ``{"question", "answers"}`` becomes ``{"order": [{"index", "fit"}], "cost": 12}``."""

from __future__ import annotations

import functools

from toy.session import ToyChannel

from ragbridge.client.answers import Scored, read_scores
from ragbridge.client.arguments import named
from ragbridge.client.wire import count_of, encode, read_object
from ragbridge.flow import Flow, Plan, Response, single
from ragbridge.values.rankings import RankedDocument, Ranking

DOCUMENTS = functools.partial(named, "documents")
MODEL = "toy-1"


def rerank(channel: ToyChannel, query: str, documents: list[str]) -> Plan[Ranking]:
    """One request for all documents."""
    return single(_flow(channel, query, documents))


def _flow(channel: ToyChannel, query: str, documents: list[str]) -> Flow[Ranking]:
    places, count = range(len(documents)), len(documents)

    def read(response: Response) -> tuple[list[Scored], int | None]:
        body = read_object(response, setting="base_url")
        scored = read_scores(body.get("order"), "order", places, least=count, most=count, score="fit")
        return scored, count_of(body.get("cost"))

    content = encode(
        {"question": query, "answers": documents}, texts=documents, name=lambda i: DOCUMENTS([i])
    )
    request = channel.post("/order", content, "rerank", read)
    scored, usage = yield from channel.naming(request, DOCUMENTS, places)
    return Ranking(tuple(RankedDocument(index, score) for index, score, _ in scored), MODEL, usage)
