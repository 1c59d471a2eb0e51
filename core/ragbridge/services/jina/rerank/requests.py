"""``POST /v1/rerank``: build the requests, read the answers, put the ranking together."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ragbridge.client.arguments import listed
from ragbridge.client.batching import MAX_REQUEST_BYTES
from ragbridge.client.wire import encode
from ragbridge.errors import ConfigurationError, InvalidRequestError
from ragbridge.flow import Flow, Plan, plan, wait
from ragbridge.limiter.tokens import Features, plus, times
from ragbridge.services.jina.items import Item, are_texts, media_of, text_of
from ragbridge.services.jina.places import located_at, name_of
from ragbridge.services.jina.rerank.answers import read_ranking
from ragbridge.services.jina.rerank.options import RerankOptions, read_documents, read_query
from ragbridge.services.jina.rerank.tournament import Entrants, Round, rounds
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.embeddings import Usage
from ragbridge.values.inputs import Media
from ragbridge.values.media import bytes_of
from ragbridge.values.rankings import Document, RankedDocument, Ranking

PRODUCT = "rerank"

IMAGE_TOKENS = 768
"""What an image is taken to cost: no formula is published. ``jina-reranker-m0`` sees an image as 768 patches of 28 x 28
pixels at most (its model card), and a patch is a token of its base model."""


@dataclass(frozen=True, slots=True)
class _Job:
    """All that the requests of one call share."""

    channel: JinaChannel
    query: Item
    documents: Sequence[Item]
    options: RerankOptions

    @property
    def wanted(self) -> int:
        return min(self.options.top_n or len(self.documents), len(self.documents))


@dataclass(frozen=True, slots=True)
class _Call:
    """What one request brought.

    Attributes:
        entrants: Positions of the documents that it ranked, in the caller's list.
        rows: Its rows, best first.
        model: The model's name.
        usage: What it cost.
        round: Which round it belonged to.
    """

    entrants: Sequence[int]
    rows: Sequence[RankedDocument]
    model: str
    usage: Usage
    round: int = 0


@dataclass(frozen=True, slots=True)
class _Match:
    """One call of a round: who is in it, and who hears of its outcome."""

    shape: Round
    number: int
    entrants: Entrants
    following: Entrants


def rerank(
    channel: JinaChannel, query: Document, documents: Iterable[Document], options: RerankOptions
) -> Plan[Ranking]:
    """One request where one may hold all documents, none for no document.

    Raises:
        ConfigurationError: The query or a document is not what the model ranks.
    """
    given = listed(documents, "documents", of="texts and images")
    job = _Job(channel, read_query(query, options), read_documents(given, options), options)
    if not given:
        return plan((), lambda _: Ranking((), options.model))
    flows = _rounds(job) if options.listwise else _blocks(job)
    return plan(flows, functools.partial(_join, job, given if options.return_documents else None))


def _blocks(job: _Job) -> Iterator[Flow[_Call]]:
    """Calls side by side: a score depends on the query and its document alone."""
    for start, stop in pairwise(_borders(job)):
        yield _call(job, range(start, stop), job.options.top_n)


def _borders(job: _Job) -> list[int]:
    """Where the documents are cut: by number, and where one request cannot hold all, by tokens and by images' bytes."""
    count = len(job.documents)
    most = job.options.max_documents_per_call or count
    room = _room(job)
    if room is None and are_texts(job.documents):
        return [*range(0, count, most), count]
    borders, tokens, size = [0], 0.0, 0
    for index, document in enumerate(job.documents):
        more = _tokens(job, [document], _features(job, [document], 1)) if room else 0.0
        heavier = sum(map(bytes_of, media_of(document)))
        full = (room and tokens + more > room) or size + heavier > MAX_REQUEST_BYTES
        if index > borders[-1] and (full or index - borders[-1] == most):
            borders.append(index)
            tokens, size = 0.0, 0
        tokens, size = tokens + more, size + heavier
    return [*borders, count]


def _room(job: _Job) -> float | None:
    """Tokens that one request should have at most; None where all documents fit into one."""
    limiter = job.channel.limiter(PRODUCT)
    if limiter is None or limiter.capacity is None:
        return None
    everything = _tokens(job, job.documents, _features(job, job.documents, len(job.documents)))
    return None if everything <= limiter.capacity else limiter.request_budget or limiter.capacity


def _rounds(job: _Job) -> Iterator[Flow[_Call]]:
    """Rounds of calls: each waits for the one before it. Drivers start flows in order, so none waits for ever."""
    count = len(job.documents)
    most = job.options.max_documents_per_call or count
    entrants = Entrants(0, range(count))
    for shape in rounds(count, most, job.wanted):
        following = Entrants(shape.calls)
        for number in range(shape.calls):
            # Those who do not go on have a place in the result where more are wanted than meet in the last call.
            rows = None if job.wanted > most else shape.through(number)
            top_n = job.options.top_n if shape.calls == 1 else rows
            yield _match(job, _Match(shape, number, entrants, following), top_n)
        entrants = following


def _match(job: _Job, match: _Match, top_n: int | None) -> Flow[_Call]:
    yield from wait(match.entrants)
    call = yield from _call(job, match.shape.deal(match.entrants.order, match.number), top_n)
    match.following.add([row.index for row in call.rows[: match.shape.through(match.number)]])
    return replace(call, round=match.shape.number)


def _call(job: _Job, entrants: Sequence[int], top_n: int | None) -> Flow[_Call]:
    documents = [job.documents[index] for index in entrants]
    options = job.options
    body = encode(
        options.payload(job.query, documents, top_n),
        texts=[text_of(job.query), *(documents if are_texts(documents) else map(text_of, documents))],
        name=lambda index: name_of("documents", [entrants[index - 1]]) if index else "query",
    )
    read = functools.partial(
        read_ranking,
        entrants=entrants,
        top_n=top_n,
        embeddings=options.return_embeddings,
        asked=options.model,
    )
    try:
        (rows, model), tokens = yield from job.channel.post(
            "/rerank",
            body,
            product=PRODUCT,
            model=options.model,
            read=read,
            measure=functools.partial(_measure, job, documents),
            extra=_image_tokens(job, documents),
        )
    except InvalidRequestError as error:
        raise located_at(error, "documents", entrants) from None
    return _Call(entrants, rows, model, Usage(tokens or 0, 1))


def _measure(job: _Job, documents: Sequence[Item]) -> Features:
    """Whether the query is billed once or once per document is not published: the dearer reading is safe.

    It must not keep a request from being sent, though, that the cheaper one has room for.

    Raises:
        ConfigurationError: Neither fits, and the documents may be ranked in several calls.
    """
    limiter = job.channel.limiter(PRODUCT)
    room = limiter.capacity if limiter else None
    dear = _features(job, documents, len(documents))
    if room is None or _tokens(job, documents, dear) <= room:
        return dear
    cheap = _features(job, documents, 1)
    least = _tokens(job, documents, cheap)
    if least > room and len(documents) > 1:
        raise ConfigurationError(
            f"{len(documents)} documents of about {least:.0f} tokens can never fit into one request under a limit of "
            f"{room:.0f}: set max_documents_per_call= to rank them in several, or raise tokens_per_minute in limits= "
            "if the account allows"
        )
    return cheap


def _features(job: _Job, documents: Sequence[Item], queries: int) -> Features:
    tokens = job.channel.tokens(job.options.model)
    query, texts = tokens.measure(text_of(job.query)), tokens.measure_all(map(text_of, documents))
    return plus(times(query, queries), texts)


def _tokens(job: _Job, documents: Sequence[Item], features: Features) -> float:
    return job.channel.tokens(job.options.model).estimate(features)[0] + _image_tokens(job, documents)


def _image_tokens(job: _Job, documents: Sequence[Item]) -> float:
    images = 0 if are_texts(documents) else sum(len(media_of(document)) for document in documents)
    return float(IMAGE_TOKENS * (images + len(documents) * isinstance(job.query, Media)))


def _join(job: _Job, documents: Sequence[Document] | None, calls: list[_Call]) -> Ranking:
    """Rows of calls whose scores may be compared, best first; after them those of earlier rounds.

    These stand in the order in which they left: later rounds first, then by the place that they had in their call.
    """
    if job.options.listwise:
        rows, met = _standings(calls), frozenset(calls[-1].entrants)
    else:
        rows = sorted((row for call in calls for row in call.rows), key=lambda row: (-row.score, row.index))
        met = frozenset(range(len(job.documents)))
    rows = rows[: job.wanted]
    if documents is not None:
        rows = [replace(row, document=documents[row.index]) for row in rows]
    usage = sum((call.usage for call in calls), Usage())
    return Ranking(tuple(rows), calls[-1].model, usage, met)


def _standings(calls: Sequence[_Call]) -> list[RankedDocument]:
    """The last row of each document; those first that came farthest."""
    last: dict[int, tuple[tuple[float, ...], RankedDocument]] = {}
    for call in calls:
        for place, row in enumerate(call.rows):
            last[row.index] = (-call.round, place, -row.score, row.index), row
    return [row for _, row in sorted(last.values(), key=lambda entry: entry[0])]
