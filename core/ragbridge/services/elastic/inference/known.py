"""What has to be known of an inference endpoint before it is asked. The endpoint is read once."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from ragbridge.errors import AuthenticationError
from ragbridge.flow import Flow, wait
from ragbridge.rules.endpoints import BATCH_CAPS
from ragbridge.services.elastic.endpoints import requests as endpoints
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.session import ElasticChannel
from ragbridge.values.endpoints import Endpoint

logger = logging.getLogger("ragbridge")

SMALLEST = min(BATCH_CAPS.values())
"""For services that are not in the table, and where nobody may ask which it is."""

_MEANS = frozenset({"adaptive_allocations", "num_allocations", "num_threads", "rate_limit"})
"""Settings that say how fast an endpoint answers, and nothing about what. Some change by themselves."""


def cap_of(channel: ElasticChannel, inference_id: str) -> Flow[int]:
    """Inputs that the endpoint takes in one request; the least where reading it is not allowed."""
    endpoint = yield from _endpoint_of(channel, inference_id)
    return SMALLEST if endpoint is None else endpoint.batch_cap or SMALLEST


def text_keys(
    channel: ElasticChannel, texts: Sequence[str], options: InferenceOptions, places: Sequence[int]
) -> Flow[Sequence[bytes | None]]:
    """The key of each text in a cache, as far as they can be told.

    None where the endpoint may not be read: it may be remade with another model. A caller who has given a
    ``cache_version`` answers for that.
    """
    endpoint = yield from _endpoint_of(channel, options.inference_id)
    if endpoint is None and not channel.cache_version:
        return [None] * len(places)
    asked = {"path": options.path, "endpoint": None if endpoint is None else _made_of(endpoint)}
    keys = channel.keys(options.task, {**options.payload(), **asked})
    return [keys.of(texts[place]) for place in places]


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
