"""``_inference/_services``: what services the engine knows."""

from __future__ import annotations

import pytest

from ragbridge import Elastic, ResponseError
from ragbridge.elastic import InferenceService
from ragbridge.local.elastic.catalogue import NAMES
from ragbridge.rules import RULES


def test_services_and_their_settings_are_listed(ask) -> None:
    """In the shape that Kibana's forms read: a list, each with its settings; what ``jinaai`` has is what its source says."""
    status, found = ask("GET", "/_inference/_services")
    assert (status, [row["service"] for row in found]) == (200, sorted(RULES))
    (jinaai,) = (row for row in found if row["service"] == "jinaai")
    assert (jinaai["name"], set(jinaai["task_types"])) == (
        "Jina AI",
        {"text_embedding", "rerank", "embedding"},
    )
    assert jinaai["configurations"]["api_key"] == {
        "label": "Api key",
        "required": True,
        "sensitive": True,
        "updatable": True,
        "type": "str",
        "supported_task_types": ["text_embedding", "rerank", "embedding"],
    }
    assert jinaai["configurations"]["dimensions"]["type"] == "int"
    assert "rate_limit.requests_per_minute" in jinaai["configurations"]


def test_those_of_a_task_type(ask, refused) -> None:
    """A task type that is none is refused."""
    _, found = ask("GET", "/_inference/_services/sparse_embedding")
    assert [row["service"] for row in found] == ["elastic", "elasticsearch"]
    assert refused("GET", "/_inference/_services/smell")[::2] == (400, "Unknown task_type [smell]")
    _, names = ask("GET", "/_inference/_services/rerank?filter_path=service")
    assert {"service": "cohere"} in names


def test_every_service_has_a_name() -> None:
    """For people, as for requests."""
    assert set(NAMES) == set(RULES)


def test_the_client_reads_them() -> None:
    """As values, from the engine as from a cluster."""
    pytest.importorskip("model2vec")
    with Elastic("local") as elastic:
        found = elastic.endpoints.services("rerank")
        assert all(isinstance(one, InferenceService) and "rerank" in one.task_types for one in found)
        assert {one.service for one in found} == {"cohere", "elastic", "elasticsearch", "jinaai"}
        assert len(elastic.endpoints.services()) == len(RULES)


@pytest.mark.parametrize("body", [{"services": []}, [3], [{"service": "a"}]])
def test_an_answer_that_is_none_is_refused(body) -> None:
    """Before anything is made of it."""
    import json

    from ragbridge import Retry
    from ragbridge.testing import Response, ScriptedTransport

    headers = {"x-elastic-product": "Elasticsearch"}
    transport = ScriptedTransport(Response(200, headers, json.dumps(body).encode()))
    elastic = Elastic("http://es:9200", transport=transport, retry=Retry(attempts=1))
    with pytest.raises(ResponseError, match=r"service"):
        elastic.endpoints.services()
