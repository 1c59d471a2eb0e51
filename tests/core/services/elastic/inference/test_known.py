"""What an endpoint's answers are kept under: asked once, and never taken for another model's."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from ragbridge import AuthenticationError, Elastic, Retry
from ragbridge.client.items import Inputs
from ragbridge.elastic import ElasticsearchService
from ragbridge.flow import plan
from ragbridge.services.elastic.inference.known import input_keys
from ragbridge.services.elastic.inference.options import InferenceOptions

ROW = {
    "inference_id": "mine",
    "task_type": "text_embedding",
    "service": "elasticsearch",
    "service_settings": {
        "model_id": "e5",
        "num_threads": 1,
        "num_allocations": 1,
        "rate_limit": {"requests_per_minute": 9},
    },
    "task_settings": {"truncate": "END"},
    "chunking_settings": {"strategy": "sentence"},
}


def keys(elastic, count=1, inference_id="mine"):
    """Those that as many calls at once have for one text."""
    options = InferenceOptions("text_embedding", inference_id)
    flows = (input_keys(elastic._channel, Inputs(["a text"], {}, {}), options, [0]) for _ in range(count))
    return plan(flows, lambda found: [key for (key,) in found])


def found(elastic, *arguments, **options):
    return elastic._run(keys(elastic, *arguments, **options), "keys")


def connect(transport, **settings):
    return Elastic(
        "http://es.example:9200", transport=transport, cache={}, retry=Retry(attempts=1), **settings
    )


def endpoint(answer, **changes):
    return answer({"endpoints": [{**ROW, **changes}]})


def test_many_that_want_to_know_ask_once(cluster, answer):
    """On both faces."""
    transport = cluster(endpoint(answer))
    elastic = connect(transport)
    (key,) = set(found(elastic, 20))
    assert set(asyncio.run(elastic._run_async(keys(elastic, 20), "keys"))) == {key}
    assert transport.paths == ["GET /_inference/mine"]


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"service": "elastic"}, True),
        ({"task_settings": {"truncate": "NONE"}}, True),
        ({"service_settings": {**ROW["service_settings"], "model_id": "elser"}}, True),
        ({"service_settings": {**ROW["service_settings"], "a_later_one": 1}}, True),
        ({"service_settings": {**ROW["service_settings"], "num_allocations": 7, "num_threads": 2}}, False),
        ({"service_settings": {**ROW["service_settings"], "rate_limit": {"requests_per_minute": 1}}}, False),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_what_an_endpoint_is_counts_and_how_much_it_can_do_does_not(cluster, answer, change, differs):
    """Allocations change by themselves."""
    usual, changed = (found(connect(cluster(endpoint(answer, **row)))) for row in ({}, change))
    assert (usual != changed) is differs


def test_each_address_and_each_endpoint_has_its_own(cluster, answer):
    """Also where their settings are the same."""
    here = connect(cluster(endpoint(answer), endpoint(answer, inference_id="other")))
    there = Elastic("http://other.example", transport=cluster(endpoint(answer)), cache={})
    assert len({*found(here), *found(here, inference_id="other"), *found(there)}) == 3


def test_what_this_client_changes_is_asked_anew(cluster, answer):
    """An endpoint may be made again with another model."""
    settings = {**ROW["service_settings"], "model_id": "elser"}
    deleted = answer({"acknowledged": True})
    transport = cluster(endpoint(answer), deleted, answer({**ROW, "service_settings": settings}),
                        endpoint(answer, service_settings=settings))  # fmt: skip
    elastic = connect(transport)
    before = found(elastic)
    elastic.endpoints.delete("mine")
    elastic.endpoints.create(
        "mine", "text_embedding", ElasticsearchService("elser", num_allocations=1, num_threads=1)
    )
    assert found(elastic) != before


def test_an_endpoint_that_may_not_be_read_is_not_kept_unless_the_caller_answers_for_it(
    cluster, refuse, caplog
):
    """A warning says what to do, once."""
    caplog.set_level(logging.WARNING, logger="ragbridge")
    refusals = [refuse(403, "security_exception", "action is unauthorized") for _ in range(4)]
    transport = cluster(*refusals)
    elastic = connect(transport)
    assert found(elastic, 5) == [None] * 5
    (record,) = caplog.records
    assert "Grant the cluster privilege monitor_inference, or set cache_version=" in record.getMessage()
    usual, again, later = (found(connect(transport, cache_version=word))[0] for word in ("a", "a", "b"))
    assert usual == again
    assert None not in {usual, later}
    assert usual != later
    assert len(caplog.records) == 1


def test_wrong_credentials_are_an_error(cluster, refuse):
    """They are no reason to go on without."""
    with pytest.raises(AuthenticationError):
        found(connect(cluster(refuse(401, "security_exception", "unable to authenticate"))))
