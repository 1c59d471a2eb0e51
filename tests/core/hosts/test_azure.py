"""Azure and other gateways: parameters in the address, and a key in a header of their own."""

from __future__ import annotations

import asyncio
import logging
import traceback
from typing import Any

import pytest
from fake_hosts import MODEL, Asked, Said, openai_like, served

from ragbridge import ConfigurationError, Jina, RagbridgeError, Retry

KEY = "azure_s3cretQ"
ONCE = Retry(attempts=1)


def azure(asked: Asked) -> Said:
    """``POST /models/embeddings?api-version=``, as Azure's AI inference has it."""
    if asked.headers.get("api-key") != KEY:
        return Said(
            {"error": {"code": "401", "message": f"Access denied: {asked.headers.get('api-key')}"}}, 401
        )
    path, _, query = asked.path.partition("?")
    if query != "api-version=2024-05-01-preview":
        return Said({"error": {"code": "BadRequest", "message": f"API version not supported: {query}"}}, 400)
    if asked.method == "GET" or not path.startswith("/models/"):
        return Said({"error": {"code": "404", "message": "Resource not found"}}, 404)
    return openai_like(Asked(asked.method, path, asked.headers, asked.body))


@pytest.fixture(scope="module")
def server():
    with served(azure) as one:
        yield one


def embed(client: Jina, face: str) -> Any:
    return (
        client.embed(["a", "b"], model=MODEL)
        if face == "sync"
        else asyncio.run(client.aembed(["a", "b"], model=MODEL))
    )


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("host", ["openai", None], ids=["told", "found"])
def test_the_version_and_the_key_go_along_with_every_request(server, face, host):
    """Also with those that ask what the host is."""
    server.asked.clear()
    address = f"{server.url}/models?api-version=2024-05-01-preview"
    client = Jina(base_url=address, headers={"api-key": KEY}, host=host, retry=ONCE)
    assert embed(client, face).vectors.shape == (2, 1024)
    assert client.rerank("a", ["a", "b"], model="mine").results[0].index == 0
    assert {asked.headers["api-key"] for asked in server.asked} == {KEY}
    assert {asked.path.partition("?")[2] for asked in server.asked} == {"api-version=2024-05-01-preview"}
    assert all("authorization" not in asked.headers for asked in server.asked)


def test_an_endpoint_that_is_pasted_whole_is_understood(server):
    """With the path of the product and the parameters behind it."""
    address = f"{server.url}/models/embeddings?api-version=2024-05-01-preview"
    client = Jina(base_url=address, headers={"api-key": KEY}, host="openai", retry=ONCE)
    assert embed(client, "sync").vectors.shape == (2, 1024)


def test_what_the_gateway_says_of_a_version_is_told_and_the_key_is_not(server, caplog):
    """A version is no secret; the key is, and so are longer parameters of another name."""
    caplog.set_level(logging.DEBUG, logger="ragbridge")  # HTTP libraries log whole addresses
    client = Jina(
        base_url=f"{server.url}/models?api-version=1999-01-01",
        headers={"api-key": KEY},
        host="openai",
        retry=ONCE,
    )
    with pytest.raises(RagbridgeError, match="not supported: api-version=1999-01-01"):
        embed(client, "sync")
    for settings in (
        {"base_url": f"{server.url}/models?code={KEY}2", "headers": {"api-key": KEY}},
        {"base_url": f"{server.url}/models?api-version=1", "headers": {"api-key": f"{KEY}3"}},
    ):
        client = Jina(host="openai", retry=ONCE, **settings)
        with pytest.raises(RagbridgeError) as raised:
            embed(client, "sync")
        shown = "".join(traceback.format_exception(raised.value)) + repr(client)
        shown += "".join(record.getMessage() for record in caplog.records if record.name == "ragbridge")
        assert "s3cretQ" not in shown


@pytest.mark.parametrize(
    "address",
    [
        "http://a.example/v1?x=a b",
        "http://a.example?x=@b",
        "http://a.example?x=1\r\nh: 2",
        "http://a.example?x=ä",
    ],
)
def test_what_is_no_parameter_is_refused(address):
    """When the client is made, without repeating it."""
    with pytest.raises(
        ConfigurationError, match="base_url=.*behind [?] there may be parameters|no address|must not hold"
    ):
        Jina("k", base_url=address)
