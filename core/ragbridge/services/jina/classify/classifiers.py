"""``/v1/train`` and ``/v1/classifiers``: classifiers that are trained with examples, and kept by the service."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ragbridge import models
from ragbridge.client.arguments import named
from ragbridge.client.items import text_of
from ragbridge.client.meter import Meter
from ragbridge.client.wire import encode
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.flow import Flow, Plan, Response, single
from ragbridge.ground.numbers import check_whole
from ragbridge.limiter.tokens import Features, times
from ragbridge.observers import Operation
from ragbridge.services.jina.classify.options import check_id
from ragbridge.services.jina.classify.training import Example, Labelled, read_examples
from ragbridge.services.jina.session import JinaChannel
from ragbridge.services.jina.wire import billed, decode, decode_any
from ragbridge.values.classification import Classifier, Training
from ragbridge.values.inputs import Media
from ragbridge.values.media import tokens_of

if TYPE_CHECKING:
    from ragbridge.models import Model

PRODUCT = "train"
ACCESS = ("private", "public")

FILL = 0.9
"""Share of a minute's tokens that a training is booked with at most."""


def train(
    channel: JinaChannel, examples: Sequence[Example], *, model: str, access: str, iterations: int
) -> Plan[Training]:
    """One request that makes a classifier. It is sent as private unless asked otherwise: the service's default is public.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    row = models.find(model, "train")
    if access not in ACCESS:
        raise ConfigurationError(f"access={access!r} must be 'private' or 'public'")
    found = read_examples(examples, row, at_least=2, distinct=2)
    fields = {"model": model, "access": access}
    return _plan(channel, fields, found, row, account=model, iterations=iterations)


def update(
    channel: JinaChannel, classifier_id: str, examples: Sequence[Example], *, iterations: int
) -> Plan[Training]:
    """One request that trains a classifier further.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    fields = {"classifier_id": check_id(classifier_id, "classifier_id")}
    found = read_examples(examples, None, at_least=1, distinct=1)
    return _plan(channel, fields, found, None, account=classifier_id, iterations=iterations)


def _plan(
    channel: JinaChannel,
    fields: dict[str, Any],
    examples: Sequence[Labelled],
    row: Model | None,
    *,
    account: str,
    iterations: int,
) -> Plan[Training]:
    iterations = check_whole("iterations", iterations, "a positive int")
    fields = {**fields, "num_iters": iterations}
    flow = _train(channel, fields, examples, row, account=f"{PRODUCT}/{account}")
    about = functools.partial(Operation, model=None if row is None else row.name, items=len(examples))
    return single(flow, about=about)


def _train(
    channel: JinaChannel,
    fields: dict[str, Any],
    examples: Sequence[Labelled],
    row: Model | None,
    *,
    account: str,
) -> Flow[Training]:
    body = encode(
        {**fields, "input": [example.to_wire() for example in examples]},
        texts=[text for example in examples for text in (text_of(example.item), example.label)],
        name=lambda index: named("examples", [index // 2]),
    )
    meter = channel.meter(PRODUCT, account)
    features, extra = _cost(meter, examples, row, fields["num_iters"])
    flow = channel.post(
        "/train",
        body,
        product=meter,
        read=_read_training,
        measure=lambda: features,
        extra=extra,
        idempotent=False,  # a second classifier, or examples that count twice
    )
    where = functools.partial(named, "examples")
    training, usage = yield from channel.naming(flow, where, range(len(examples)))
    return Training(*training, usage)


def _cost(
    meter: Meter, examples: Sequence[Labelled], row: Model | None, iterations: int
) -> tuple[Features, float]:
    """Input times iterations (jina.ai/reader, rate limits, 2026-05): what texts are measured as, and images' tokens.

    The recommended 200 to 400 examples are dearer than a minute of the lowest tiers. What the service makes of that is
    not published: such a training is booked with what there is, and its bill makes those that follow wait.
    """
    tokens, room = meter.tokens, meter.capacity
    features = tokens.measure_all(text_of(example.item) for example in examples)
    images = sum(tokens_of(example.item, row) for example in examples if isinstance(example.item, Media))
    once = tokens.estimate(features)[0] + images
    factor = iterations if room is None else min(iterations, FILL * room / once)
    return times(features, factor), images * factor


def _read_training(response: Response) -> tuple[tuple[str, int], int | None]:
    body = decode(response)
    found, samples = body.get("classifier_id"), body.get("num_samples")
    if not isinstance(found, str) or not found:
        raise ResponseError("the answer has no 'classifier_id'")
    if type(samples) is not int or samples < 0:
        raise ResponseError(f"'num_samples' of the classifier {found} is {str(samples)[:40]}")
    return (found, samples), billed(body)


def list_all(channel: JinaChannel) -> Plan[tuple[Classifier, ...]]:
    """Every classifier of the account."""
    return single(_list(channel))


def _list(channel: JinaChannel) -> Flow[tuple[Classifier, ...]]:
    found, _ = yield from channel.get("/classifiers", product=PRODUCT, read=_read_list)
    return found


def _read_list(response: Response) -> tuple[tuple[Classifier, ...], None]:
    body = decode_any(response)
    if not isinstance(body, list):
        raise ResponseError("the answer is no list of classifiers")
    return tuple(map(_classifier, body)), None


def _classifier(row: Any) -> Classifier:
    """One row, with an error for each field that is not what it should be."""
    fields = row if isinstance(row, dict) else {}
    labels = fields.get("labels")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ResponseError("the labels of a classifier are no list of str")
    read = functools.partial(_field, fields)
    return Classifier(
        classifier_id=read("classifier_id", str),
        model=read("model", str),
        labels=tuple(labels),
        access=read("access", str),
        user_id=read("user_id", str, None),
        created_at=read("created_at", str, None),
        updated_at=read("updated_at", str, None),
        used_at=read("used_at", str, None),
        updated_number=read("updated_number", int, None),
        used_number=read("used_number", int, None),
        is_active=read("is_active", bool, True),
        is_latest=read("is_latest", bool, True),
        metadata=read("metadata_", dict, {}),
    )


def _field(fields: dict[str, Any], name: str, kind: type, *default: Any) -> Any:
    value = fields.get(name)
    if value is None and default:
        return default[0]
    if type(value) is not kind:
        raise ResponseError(f"{name!r} of a classifier is {type(value).__name__}, not {kind.__name__}")
    return value


def delete(channel: JinaChannel, classifier_id: str) -> Plan[None]:
    """Forget one classifier.

    Raises:
        ConfigurationError: The id is none.
    """
    path = "/classifiers/" + quote(check_id(classifier_id, "classifier_id"), safe="")
    return single(_delete(channel, path))


def _delete(channel: JinaChannel, path: str) -> Flow[None]:
    yield from channel.delete(path, product=PRODUCT, read=_read_nothing, idempotent=False)


def _read_nothing(response: Response) -> tuple[None, None]:
    if response.status >= 300 or response.body.strip():
        decode_any(response)
    return None, None
