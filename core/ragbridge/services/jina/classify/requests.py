"""``POST /v1/classify``: build the requests, read the answers."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence

from ragbridge.client.arguments import named
from ragbridge.client.batching import Batch
from ragbridge.client.job import Ask, Bill, Job, total
from ragbridge.client.meter import Meter
from ragbridge.client.wire import encode
from ragbridge.flow import Flow, Plan, plan
from ragbridge.limiter.tokens import plus
from ragbridge.models import MAX_CLASSIFY_INPUTS, MAX_REQUEST_TOKENS
from ragbridge.services.jina.classify.answers import read_classifications
from ragbridge.services.jina.classify.options import Input, Target, read_inputs
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.classification import Classification, Classifications

PRODUCT = "classify"

_WHERE = functools.partial(named, "inputs")


def classify(
    channel: JinaChannel, inputs: Iterable[Input], target: Target, *, batch_size: int
) -> Plan[Classifications]:
    """Requests side by side, each of one kind of input: whether the service mixes texts and images is disputed.

    Raises:
        ConfigurationError: An input is neither text nor image, or the model takes no images.
    """
    items = read_inputs(inputs, target.row)
    # Labels are billed as well, so that embeddings of the model say little about its classes.
    meter = channel.meter(PRODUCT, f"{PRODUCT}/{target.classifier or target.model}")
    rows: list[Sequence[Classification]] = [()] * len(items.texts)
    flows = _flows(channel, meter, items, target, rows=rows, most=min(batch_size, MAX_CLASSIFY_INPUTS))
    return plan(flows, functools.partial(_join, target, rows))


def _flows(
    channel: JinaChannel,
    meter: Meter,
    items: Items,
    target: Target,
    *,
    rows: list[Sequence[Classification]],
    most: int,
) -> Iterator[Flow[Bill]]:
    """One flow for each batch. Labels go with each request, and take their share of its tokens."""
    labels = (
        0.0 if meter.budget is None else meter.tokens.estimate(meter.tokens.measure_all(target.labels))[0]
    )
    images = frozenset(items.others)
    everything = range(len(items.texts))
    for places in ([place for place in everything if place not in images], sorted(images)):
        part = items.at(places)
        ask = _asking(channel, part, target, rows)
        job = channel.job(meter, part.texts, ask, where=_WHERE, places=places)
        weigh = part.loads.get if part.loads else None
        for batch in job.batches(items=most, tokens=MAX_REQUEST_TOKENS, beside=labels, weigh=weigh):
            yield job.run(batch)


def _asking(channel: JinaChannel, part: Items, target: Target, rows: list[Sequence[Classification]]) -> Ask:
    """Sends batches of ``part``, and puts the answers into ``rows``."""
    labels = target.labels

    def ask(job: Job, batch: Batch) -> Flow[Bill]:
        places = job.places[batch.start : batch.stop]
        body = encode(
            target.payload(part.to_wire(batch.start, batch.stop)),
            texts=[*labels, *part.texts[batch.start : batch.stop]],
            name=lambda index: (
                f"the label {index}" if index < len(labels) else _WHERE([places[index - len(labels)]])
            ),
        )
        results, billed = yield from channel.post(
            "/classify",
            body,
            product=job.meter,
            read=functools.partial(read_classifications, places=places, target=target),
            measure=lambda: plus(batch.features, job.meter.tokens.measure_all(labels)),
            extra=batch.extra,
        )
        for result in results:
            rows[result.index] = (*rows[result.index], result)
        return Bill.of(target.model or "", billed)

    return ask


def _join(target: Target, rows: Sequence[Sequence[Classification]], bills: list[Bill]) -> Classifications:
    usage = total(bills, "").usage
    return Classifications(tuple(row for group in rows for row in group), target.model, usage)
