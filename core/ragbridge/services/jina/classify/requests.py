"""``POST /v1/classify``: build the requests, read the answers."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from ragbridge.client import sizes
from ragbridge.client.arguments import named
from ragbridge.client.batching import Batch
from ragbridge.client.bills import Bill
from ragbridge.client.job import Ask, Job
from ragbridge.client.lookup import Lookup, Manner
from ragbridge.client.meter import Meter
from ragbridge.client.results import Results
from ragbridge.client.wire import encode
from ragbridge.flow import Flow, Plan
from ragbridge.limiter.tokens import plus
from ragbridge.models import MAX_CLASSIFY_INPUTS, MAX_REQUEST_TOKENS
from ragbridge.observers import Operation
from ragbridge.services.jina.classify.answers import read_classifications
from ragbridge.services.jina.classify.options import Input, Target, read_inputs
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.keys import item_keys, names_of
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.classification import Classification, Classifications
from ragbridge.values.embeddings import Usage

PRODUCT = "classify"

Labelled: TypeAlias = tuple[Classification, ...]
"""What one input was given: a label, or one of each group of labels."""

_WHERE = functools.partial(named, "inputs")


def classify(
    channel: JinaChannel,
    inputs: Iterable[Input],
    target: Target,
    *,
    batch_size: int,
    manner: Manner,
) -> Plan[Classifications]:
    """Requests side by side, each of one kind of input: whether the service mixes texts and images is disputed.

    Raises:
        ConfigurationError: An input is neither text nor image, or the model takes no images.
    """
    items = read_inputs(inputs, target.row)
    # Labels are billed as well, so that embeddings of the model say little about its classes.
    meter = channel.meter(PRODUCT, f"{PRODUCT}/{target.classifier or target.model}")
    results = Results[Labelled](len(items.texts), (), encode=_encode, decode=_decode)
    keys = channel.keys(PRODUCT, target.payload(()))
    lookup = channel.lookup(
        names_of(items),
        results,
        manner=manner,
        # A classifier may be trained further, and answers differently from then on.
        keys=functools.partial(item_keys, keys, items) if target.classifier is None else None,
    )
    most = min(batch_size, MAX_CLASSIFY_INPUTS)

    def flows(places: Sequence[int]) -> Iterator[Flow[None]]:
        return _flows(channel, lookup, meter, items, target, places=places, results=results, most=most)

    def join(usage: Usage, _: str | None, places: Sequence[int] | None) -> Classifications:
        rows = results.all() if places is None else results.only(places)
        numbered = zip(range(len(rows)) if places is None else places, rows, strict=True)
        labelled = tuple(replace(row, index=place) for place, group in numbered for row in group)
        return Classifications(labelled, target.model, usage, lookup.failures if places is None else ())

    about = functools.partial(Operation, model=target.model or target.classifier, items=len(items.texts))
    return lookup.plan(flows, join, about=about)


def _encode(rows: Labelled) -> bytes:
    return json.dumps([[row.label, row.score, list(row.scores.items()), row.group] for row in rows]).encode()


def _decode(value: bytes) -> Labelled:
    try:
        return tuple(
            Classification(0, str(label), float(score), {str(name): float(of) for name, of in scores}, group)
            for label, score, scores, group in json.loads(value)
        )
    except TypeError as error:
        raise ValueError(str(error)) from None


def _flows(
    channel: JinaChannel,
    lookup: Lookup,
    meter: Meter,
    items: Items,
    target: Target,
    *,
    places: Sequence[int],
    results: Results[Labelled],
    most: int,
) -> Iterator[Flow[None]]:
    """One flow for each batch. Labels go with each request, and take their share of its tokens."""
    labels = (
        0.0 if meter.budget is None else meter.tokens.estimate(meter.tokens.measure_all(target.labels))[0]
    )
    texts = [place for place in places if place not in items.others]
    images = [place for place in places if place in items.others]
    for kind in (texts, images):
        part = items.at(kind)
        job = channel.job(
            meter,
            lookup,
            part.texts,
            _asking(channel, part, target, results),
            where=_WHERE,
            places=kind,
            weigh=part.loads.get if part.loads else None,
        )
        for batch in job.batches(items=most, tokens=MAX_REQUEST_TOKENS, beside=labels):
            yield job.run(batch)


def _asking(channel: JinaChannel, part: Items, target: Target, results: Results[Labelled]) -> Ask:
    """Sends batches of ``part``, and puts the answers into ``results``."""
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
        rows, usage = yield from channel.post(
            "/classify",
            body,
            product=job.meter,
            read=functools.partial(read_classifications, places=places, target=target),
            measure=lambda: plus(batch.features, job.meter.tokens.measure_all(labels)),
            extra=batch.extra,
            most=sizes.of_rows(batch.stop - batch.start, each=sum(map(_label_bytes, labels))),
        )
        results.write(places, rows)
        return Bill(target.model or "", usage)

    return ask


def _label_bytes(label: str) -> int:
    """Bytes that each row of an answer may have for ``label``."""
    return sizes.LABEL + sizes.ESCAPED * len(label.encode(errors="replace"))
