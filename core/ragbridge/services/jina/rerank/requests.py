"""``POST /v1/rerank``: build the requests, read the answers, put the ranking together."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from ragbridge.client import sizes
from ragbridge.client.arguments import listed, named
from ragbridge.client.batching import Batch, Load, pack
from ragbridge.client.bills import Bill
from ragbridge.client.items import Item, text_of
from ragbridge.client.lookup import Manner
from ragbridge.client.meter import Meter
from ragbridge.client.wire import encode
from ragbridge.errors import ConfigurationError
from ragbridge.flow import Flow, Plan, plan, wait
from ragbridge.ground.records import dataclass
from ragbridge.limiter.tokens import Features, plus, times
from ragbridge.observers import Operation
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.keys import names_of
from ragbridge.services.jina.rerank.answers import read_ranking
from ragbridge.services.jina.rerank.options import (
    PRODUCT,
    RerankOptions,
    check_media,
    for_host,
    image_tokens,
    read_documents,
    read_query,
)
from ragbridge.services.jina.rerank.scores import Scores, score_keys
from ragbridge.services.jina.rerank.tournament import Entrants, Round, rounds
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.embeddings import Usage
from ragbridge.values.inputs import Media
from ragbridge.values.rankings import Document, RankedDocument, Ranking

_WHERE = functools.partial(named, "documents")


@dataclass(frozen=True, slots=True)
class _Job:
    """All that the requests of one call share."""

    channel: JinaChannel
    meter: Meter
    query: Item
    documents: Items
    options: RerankOptions
    api: str

    @property
    def count(self) -> int:
        return len(self.documents.texts)

    @property
    def wanted(self) -> int:
        return min(self.options.top_n or self.count, self.count)


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
    read = read_query(query, options), read_documents(given, options)
    about = functools.partial(Operation, model=options.model, items=len(given), top_n=options.top_n)
    return channel.hosted(
        lambda finding: _rerank(
            channel, *read, for_host(options, finding), given=given, api=finding.api, about=about
        ),
        sends=bool(given),
        about=about,
    )


def _rerank(
    channel: JinaChannel,
    query: Item,
    documents: Items,
    options: RerankOptions,
    *,
    given: Sequence[Document],
    api: str,
    about: Callable[[], Operation],
) -> Plan[Ranking]:
    check_media(query, "query", options)
    for place, item in documents.others.items():
        check_media(item, f"documents[{place}]", options)
    job = _Job(channel, channel.meter(PRODUCT, options.model), query, documents, options, api)
    if not given:
        return plan((), lambda _: Ranking((), options.model, score_kind=options.score_kind), about=about)
    back = given if options.return_documents else None
    if options.listwise:
        return plan(_rounds(job), functools.partial(_join, job, back), about=about)
    return _blocks(job, back, about)


def _blocks(job: _Job, back: Sequence[Document] | None, about: Callable[[], Operation]) -> Plan[Ranking]:
    """Calls side by side: a score depends on the query and its document alone."""
    channel, options, scores = job.channel, job.options, Scores()
    keeps = channel.cache is not None and not options.return_embeddings
    keys = functools.partial(score_keys, channel, job.query, job.documents, options)
    lookup = channel.lookup(names_of(job.documents), scores, manner=Manner(), keys=keys if keeps else None)
    # All scores cost what the best ones do, and the next call may ask for more of them.
    top_n = None if keeps else options.top_n

    def flows(places: Sequence[int]) -> Iterator[Flow[None]]:
        part = replace(job, documents=job.documents.at(places))
        for batch in _batches(part):
            yield flow(places[batch.start : batch.stop])

    def flow(places: Sequence[int]) -> Flow[None]:
        call = yield from _call(job, places, top_n)
        scores.write(call.rows)
        yield from lookup.done([row.index for row in call.rows], Bill(call.model, call.usage))

    def join(usage: Usage, model: str | None, places: Sequence[int] | None) -> Ranking:
        met = frozenset(range(job.count) if places is None else places)
        return _ranking(job, scores.ranked(places), back, model=model or options.model, usage=usage, met=met)

    return lookup.plan(flows, join, about=about)


def _batches(job: _Job) -> Iterator[Batch]:
    """The documents cut by number, and where one request cannot hold all, by tokens and by images' bytes."""
    room, loads = _room(job), job.documents.loads
    query = job.meter.tokens.estimate(_features(job, (), 1))[0] + _query_tokens(job) if room else 0.0

    def weigh(index: int) -> Load:
        tokens, size = loads.get(index, (0.0, 0))
        return Load(query + tokens, size)

    return pack(
        job.documents.texts,
        items=job.options.max_documents_per_call or job.count,
        estimator=job.meter.tokens,
        budget=room,
        weigh=weigh if room or loads else None,
    )


def _room(job: _Job) -> float | None:
    """Tokens that one request should have at most; None where all documents fit into one."""
    capacity = job.meter.capacity
    if capacity is None:
        return None
    everything = _tokens(job, job.documents, _features(job, job.documents.texts, job.count))
    return None if everything <= capacity else job.meter.budget or capacity


def _rounds(job: _Job) -> Iterator[Flow[_Call]]:
    """Rounds of calls: each waits for the one before it. Drivers start flows in order, so none waits for ever."""
    count = job.count
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
    entrants = match.shape.deal(match.entrants.order, match.number)
    call = yield from _call(job, entrants, top_n, match.shape.number)
    match.following.add([row.index for row in call.rows[: match.shape.through(match.number)]])
    return call


def _call(job: _Job, entrants: Sequence[int], top_n: int | None, round_number: int = 0) -> Flow[_Call]:
    documents, options = job.documents.at(entrants), job.options
    body = encode(
        options.payload(job.query, documents, top_n),
        texts=[text_of(job.query), *documents.texts],
        name=lambda index: _WHERE(entrants[index - 1 : index]) if index else "query",
    )
    read = functools.partial(
        read_ranking,
        entrants=entrants,
        top_n=top_n,
        embeddings=options.return_embeddings,
        asked=options.model,
        host=options.host,
    )
    flow = job.channel.post(
        _path(options),
        body,
        api=job.api,
        product=job.meter,
        read=read,
        measure=functools.partial(_measure, job, documents),
        extra=_image_tokens(job, documents),
        most=sizes.of_rows(len(entrants), each=_vector_bytes(job), repeated=body),
    )
    (rows, model), usage = yield from job.channel.naming(flow, _WHERE, entrants)
    return _Call(entrants, rows, model, usage, round_number)


def _path(options: RerankOptions) -> str:
    return "/rerank" if options.host.reranking is None else options.host.reranking.path


def _vector_bytes(job: _Job) -> int:
    """Bytes of the vector that each row of an answer has, where they were asked for."""
    if not job.options.return_embeddings:
        return 0
    return sizes.NUMBER * ((job.options.row and job.options.row.document_dimensions) or sizes.WIDEST)


def _measure(job: _Job, documents: Items) -> Features:
    """Whether the query is billed once or once per document is not published: the dearer reading is safe.

    It must not keep a request from being sent, though, that the cheaper one has room for.

    Raises:
        ConfigurationError: Neither fits, and the documents may be ranked in several calls.
    """
    room, count = job.meter.capacity, len(documents.texts)
    dear = _features(job, documents.texts, count)
    if room is None or _tokens(job, documents, dear) <= room:
        return dear
    cheap = _features(job, documents.texts, 1)
    least = _tokens(job, documents, cheap)
    if least > room and count > 1:
        raise ConfigurationError(
            f"{count} documents of about {least:.0f} tokens can never fit into one request under a limit of "
            f"{room:.0f}: set max_documents_per_call= to rank them in several, or raise tokens_per_minute in limits= "
            "if the account allows"
        )
    return cheap


def _features(job: _Job, texts: Sequence[str], queries: int) -> Features:
    tokens = job.meter.tokens
    return plus(times(tokens.measure(text_of(job.query)), queries), tokens.measure_all(texts))


def _tokens(job: _Job, documents: Items, features: Features) -> float:
    return job.meter.tokens.estimate(features)[0] + _image_tokens(job, documents)


def _image_tokens(job: _Job, documents: Items) -> float:
    images = sum(load.tokens for load in documents.loads.values())
    return images + len(documents.texts) * _query_tokens(job)


def _query_tokens(job: _Job) -> float:
    return image_tokens(job.query, job.options.row) if isinstance(job.query, Media) else 0.0


def _join(job: _Job, back: Sequence[Document] | None, calls: list[_Call]) -> Ranking:
    """Rows of the last round, whose scores may be compared, best first; after them those of earlier rounds.

    These stand in the order in which they left: later rounds first, then by the place that they had in their call.
    """
    usage = sum((call.usage for call in calls), Usage())
    met = frozenset(calls[-1].entrants)
    return _ranking(job, _standings(calls), back, model=calls[-1].model, usage=usage, met=met)


def _ranking(
    job: _Job,
    rows: Sequence[RankedDocument],
    back: Sequence[Document] | None,
    *,
    model: str,
    usage: Usage,
    met: frozenset[int],
) -> Ranking:
    rows, kind = _with_documents(rows[: job.wanted], back), job.options.score_kind
    if job.options.maps_scores:
        rows, kind = [replace(row, score=_logistic(row.score)) for row in rows], "probability"
    return Ranking(tuple(rows), model, usage, met, kind)


def _logistic(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit > 0 else math.exp(max(logit, -700.0)) / (1 + math.exp(logit))


def _with_documents(
    rows: Sequence[RankedDocument], back: Sequence[Document] | None
) -> Sequence[RankedDocument]:
    return rows if back is None else [replace(row, document=back[row.index]) for row in rows]


def _standings(calls: Sequence[_Call]) -> list[RankedDocument]:
    """The last row of each document; those first that came farthest."""
    if len(calls) == 1:
        return [*calls[0].rows]
    last: dict[int, tuple[tuple[float, ...], RankedDocument]] = {}
    for call in calls:
        for place, row in enumerate(call.rows):
            last[row.index] = (-call.round, place, -row.score, row.index), row
    return [row for _, row in sorted(last.values(), key=lambda entry: entry[0])]
