"""Making indexes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ragbridge import ConfigurationError, InvalidRequestError, RequestError, ResponseError
from ragbridge.elastic import Elastic, semantic_text_mapping
from ragbridge.flow import Response

HEADERS = {"x-elastic-product": "Elasticsearch"}
MADE = Response(200, HEADERS, b'{"acknowledged": true, "shards_acknowledged": true, "index": "docs"}')
REASON = {"type": "resource_already_exists_exception", "reason": "index [docs/x] already exists"}
EXISTS = Response(
    400, HEADERS, json.dumps({"error": {**REASON, "root_cause": [REASON]}, "status": 400}).encode()
)


@pytest.fixture
def connect(clock: Any, scripted: Callable[..., Any]) -> Callable[..., tuple[Elastic, Any]]:
    """Makes a client whose requests are answered in turn, and the transport that has seen them."""

    def make(*outcomes: object) -> tuple[Elastic, Any]:
        transport = scripted(*outcomes)
        return Elastic("http://elasticsearch:9200", transport=transport, clock=clock), transport

    return make


def test_fields_make_an_index(connect: Callable[..., tuple[Elastic, Any]]) -> None:
    """Fields by name become the mapping's properties; settings stand beside them."""
    elastic, transport = connect(MADE)
    assert elastic.create_index(
        "docs", {"content": semantic_text_mapping("e5")}, settings={"number_of_shards": 1}
    )
    (request,) = transport.requests
    assert (request.method, request.url) == ("PUT", "http://elasticsearch:9200/docs")
    assert json.loads(request.body) == {
        "mappings": {"properties": {"content": {"type": "semantic_text", "inference_id": "e5"}}},
        "settings": {"number_of_shards": 1},
    }


@pytest.mark.parametrize(
    ("mappings", "sent"),
    [
        (
            {"dynamic": "strict", "properties": {"a": {"type": "text"}}},
            {"dynamic": "strict", "properties": {"a": {"type": "text"}}},
        ),
        (
            {"properties": {"type": "object", "enabled": False}},
            {"properties": {"properties": {"type": "object", "enabled": False}}},
        ),
        (
            {"properties": {"type": {"type": "keyword"}}},
            {"properties": {"type": {"type": "keyword"}}},
        ),
    ],
    ids=["whole", "field-named-properties", "field-named-type"],
)
def test_a_whole_mapping_is_told_from_fields(
    connect: Callable[..., tuple[Elastic, Any]], mappings: dict[str, Any], sent: dict[str, Any]
) -> None:
    """What is pasted from Elastic's pages works as well, and a field may have any name."""
    elastic, transport = connect(MADE)
    elastic.create_index("docs", mappings)
    assert json.loads(transport.requests[0].body)["mappings"] == sent


def test_an_index_that_is_there_is_an_error_unless_it_may_be(
    connect: Callable[..., tuple[Elastic, Any]],
) -> None:
    """The result says whether it was made."""
    elastic, _ = connect(EXISTS, EXISTS)
    with pytest.raises(InvalidRequestError) as caught:
        elastic.create_index("docs")
    assert caught.value.code == "resource_already_exists_exception"
    assert elastic.create_index("docs", exist_ok=True) is False


@pytest.mark.parametrize("fault", [RequestError("the connection broke"), Response(504, {}, b"")])
def test_an_index_made_by_a_request_whose_answer_was_lost_was_made(
    connect: Callable[..., tuple[Elastic, Any]], fault: object
) -> None:
    """The second attempt finds what the first one made."""
    elastic, transport = connect(fault, EXISTS)
    assert elastic.create_index("docs") is True
    assert len(transport.requests) == 2


def test_another_mistake_is_an_error_after_a_lost_answer_too(
    connect: Callable[..., tuple[Elastic, Any]],
) -> None:
    """Only "it exists already" says that the first attempt was done."""
    refused = Response(400, HEADERS, b'{"error": {"type": "mapper_parsing_exception", "reason": "no"}}')
    elastic, _ = connect(RequestError("broke"), refused)
    with pytest.raises(InvalidRequestError):
        elastic.create_index("docs")


def test_an_index_that_is_not_acknowledged_is_no_success(
    connect: Callable[..., tuple[Elastic, Any]],
) -> None:
    """A cluster that took too long is told of."""
    elastic, transport = connect(Response(200, HEADERS, b'{"acknowledged": false, "index": "docs"}'))
    with pytest.raises(ResponseError, match="did not acknowledge"):
        elastic.create_index("docs")
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"index": "Docs"}, "index='Docs' must be lowercase"),
        ({"index": "a b"}, "must not hold ' '"),
        ({"mappings": {}}, "mappings is empty"),
        ({"mappings": {"content": "semantic_text"}}, r"mappings\['content'\] is str"),
        ({"mappings": {"properties": {"content": None}}}, r"mappings\['content'\] is NoneType"),
        ({"settings": {}}, "settings is empty"),
    ],
)
def test_what_is_wrong_is_refused_by_name(
    connect: Callable[..., tuple[Elastic, Any]], arguments: dict[str, Any], message: str
) -> None:
    """Nothing is sent."""
    elastic, transport = connect()
    with pytest.raises(ConfigurationError, match=message):
        elastic.create_index(**{"index": "docs", **arguments})
    assert transport.requests == []


async def test_the_asynchronous_method_does_the_same(connect: Callable[..., tuple[Elastic, Any]]) -> None:
    """Lost answers included."""
    elastic, _ = connect(RequestError("broke"), EXISTS)
    assert await elastic.acreate_index("docs") is True
