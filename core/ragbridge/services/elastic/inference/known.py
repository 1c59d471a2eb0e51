"""What has to be known of an inference endpoint before it is asked. The endpoint is read once."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any

from ragbridge.client.items import Inputs, Item
from ragbridge.errors import AuthenticationError
from ragbridge.flow import Flow, do, wait
from ragbridge.rules.endpoints import BATCH_CAPS
from ragbridge.services.elastic.endpoints import requests as endpoints
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.session import ElasticChannel
from ragbridge.values.endpoints import Endpoint
from ragbridge.values.inputs import Group

logger = logging.getLogger("ragbridge")

SMALLEST = min(BATCH_CAPS.values())
"""For services that are not in the table, and where nobody may ask which it is."""

_MEANS = frozenset({"adaptive_allocations", "num_allocations", "num_threads", "rate_limit"})
"""Settings that say how fast an endpoint answers, and nothing about what. Some change by themselves."""


def cap_of(channel: ElasticChannel, inference_id: str) -> Flow[int]:
    """Inputs that the endpoint takes in one request; the least where reading it is not allowed."""
    endpoint = yield from _endpoint_of(channel, inference_id)
    return SMALLEST if endpoint is None else endpoint.batch_cap or SMALLEST


def input_keys(
    channel: ElasticChannel, inputs: Inputs, options: InferenceOptions, places: Sequence[int]
) -> Flow[Sequence[bytes | None]]:
    """The key of each input in a cache, as far as they can be told.

    None where the endpoint may not be read: it may be remade with another model. A caller who has given a
    ``cache_version`` answers for that.
    """
    endpoint = yield from _endpoint_of(channel, options.inference_id)
    if endpoint is None and not channel.cache_version:
        return [None] * len(places)
    asked = {"path": options.path, "endpoint": None if endpoint is None else _made_of(endpoint)}
    keys = channel.keys(options.task, {**options.payload(), **asked})
    if not inputs.others:
        return [keys.of(inputs.texts[place]) for place in places]
    return (
        yield from do(lambda: [keys.of(_content_of(inputs[place])) for place in places])
    )  # files are read


def _content_of(item: Item) -> str | bytes:
    """What an input is told from others by: a text itself, of others a digest of each part with its kind."""
    if isinstance(item, str):
        return item
    digest = hashlib.blake2b()
    for part in item.parts if isinstance(item, Group) else [item]:
        kind, content = (
            ("text", part.encode("utf-8", "surrogatepass"))
            if isinstance(part, str)
            else (part.KIND, part.read())
        )
        digest.update(f"{kind} {len(content)} ".encode() + hashlib.blake2b(content).digest())
    return digest.digest()


def _made_of(endpoint: Endpoint) -> Any:
    """What the endpoint's answers depend on."""
    settings = {name: value for name, value in endpoint.service_settings.items() if name not in _MEANS}
    made_of = [endpoint.service, settings, endpoint.task_settings, endpoint.chunking_settings]
    return json.loads(json.dumps(made_of, default=str))


def _endpoint_of(channel: ElasticChannel, inference_id: str) -> Flow[Endpoint | None]:
    """The endpoint: asked for once, by one request alone; None where that is not allowed."""
    gate = channel.gate(inference_id)
    with gate.enter() as turn:
        yield from wait(turn)
        if inference_id in channel.endpoints:
            return channel.endpoints[inference_id]
        endpoint = yield from _read(channel, inference_id)
        if gate is channel.gate(inference_id):  # this client did not change the endpoint meanwhile
            channel.endpoints[inference_id] = endpoint
            gate.open()
    return endpoint


def _read(channel: ElasticChannel, inference_id: str) -> Flow[Endpoint | None]:
    try:
        return (yield from endpoints.get(channel, inference_id, None))
    except AuthenticationError as error:
        if error.status != 403:
            raise
        logger.debug(
            "%s may not be read with these credentials: requests of %d texts", inference_id, SMALLEST
        )
        if channel.cache is not None and not channel.cache_version:
            logger.warning(
                "%s may not be read with these credentials, so its answers are not kept: it could be remade with another "
                "model. Grant the cluster privilege monitor_inference, or set cache_version=",
                inference_id,
            )
        return None
