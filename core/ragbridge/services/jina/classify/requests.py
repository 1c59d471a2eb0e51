"""``POST /v1/classify``: build the requests, read the answers."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ragbridge.client.batching import Batch, Load, pack
from ragbridge.client.wire import encode
from ragbridge.errors import InvalidRequestError
from ragbridge.flow import Flow, Plan, plan
from ragbridge.limiter.tokens import Features, TokenEstimator, plus
from ragbridge.models import MAX_CLASSIFY_INPUTS, MAX_REQUEST_TOKENS
from ragbridge.services.jina.classify.answers import read_classifications
from ragbridge.services.jina.classify.options import Input, Target, read_inputs
from ragbridge.services.jina.items import Item, media_of, text_of, to_wire
from ragbridge.services.jina.places import located_at, name_of
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.classification import Classification, Classifications
from ragbridge.values.embeddings import Usage
from ragbridge.values.inputs import Media
from ragbridge.values.media import bytes_of, tokens_of

PRODUCT = "classify"


@dataclass(frozen=True, slots=True)
class _Job:
    """All that the requests of one call share."""

    channel: JinaChannel
    inputs: Sequence[Item]
    target: Target

    @property
    def account(self) -> str:
        """Whose estimates these are: labels are billed as well, so that embeddings of the model say little about it."""
        return f"{PRODUCT}/{self.target.classifier or self.target.model}"

    @property
    def tokens(self) -> TokenEstimator:
        return self.channel.tokens(self.account)


@dataclass(frozen=True, slots=True)
class _Part:
    rows: Sequence[Classification]
    usage: Usage


def classify(
    channel: JinaChannel, inputs: Iterable[Input], target: Target, *, batch_size: int
) -> Plan[Classifications]:
    """Requests side by side, each of one kind of input: whether the service mixes texts and images is disputed.

    Raises:
        ConfigurationError: An input is neither text nor image, or the model takes no images.
    """
    job = _Job(channel, read_inputs(inputs, target.row), target)
    flows = (
        _flow(job, places, batch) for places, batch in _batches(job, min(batch_size, MAX_CLASSIFY_INPUTS))
    )
    return plan(flows, functools.partial(_join, job))


def _batches(job: _Job, items: int) -> Iterator[tuple[list[int], Batch]]:
    """The places of each request's inputs. Labels go with each request, and take their share of its tokens."""
    limiter = job.channel.limiter(PRODUCT)
    budget = limiter.request_budget if limiter else None
    if budget is not None:
        budget = max(budget - job.tokens.estimate(_labels(job))[0], 1.0)
    for image in (False, True):
        places = [place for place, item in enumerate(job.inputs) if isinstance(item, Media) == image]
        batches = pack(
            [text_of(job.inputs[place]) for place in places],
            items=items,
            estimator=job.tokens,
            tokens=MAX_REQUEST_TOKENS,
            budget=budget,
            weigh=functools.partial(_load, job, places) if image else None,
        )
        for batch in batches:
            yield places[batch.start : batch.stop], batch


def _load(job: _Job, places: Sequence[int], index: int) -> Load:
    """What an image weighs."""
    media = media_of(job.inputs[places[index]])
    return Load(sum(tokens_of(part, job.target.row) for part in media), sum(map(bytes_of, media)))


def _labels(job: _Job) -> Features:
    return job.tokens.measure_all(job.target.labels)


def _flow(job: _Job, places: Sequence[int], batch: Batch) -> Flow[_Part]:
    inputs = [job.inputs[place] for place in places]
    labels = job.target.labels
    body = encode(
        job.target.payload([to_wire(item) for item in inputs]),
        texts=[*labels, *map(text_of, inputs)],
        name=lambda index: (
            f"the label {index}" if index < len(labels) else name_of("inputs", [places[index - len(labels)]])
        ),
    )
    try:
        rows, billed = yield from job.channel.post(
            "/classify",
            body,
            product=PRODUCT,
            model=job.account,
            read=functools.partial(read_classifications, places=places, target=job.target),
            measure=lambda: plus(batch.features, _labels(job)),
            extra=batch.extra,
        )
    except InvalidRequestError as error:
        raise located_at(error, "inputs", places) from None
    return _Part(rows, Usage(billed or 0, 1))


def _join(job: _Job, parts: list[_Part]) -> Classifications:
    usage = sum((part.usage for part in parts), Usage())
    rows = sorted((row for part in parts for row in part.rows), key=lambda row: row.index)
    return Classifications(tuple(rows), job.target.model, usage)
