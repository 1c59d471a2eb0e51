"""``Jina.models`` and ``Jina.balance``."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from ragbridge import ConfigurationError, Jina, QuotaExhaustedError, ResponseError, Retry
from ragbridge.flow import Response

ROW = {
    "id": "jina-ai/jina-embeddings-v3",
    "name": "Jina Embeddings v3",
    "context_length": 8192,
    "input_modalities": ["text"],
    "output_modalities": ["embeddings"],
    "pricing": {"prompt": "0.00000005", "request": "0", "note": "soon"},
}


@pytest.fixture
def client(scripted):
    """``client(answer, **settings)``: a client that gets it, and its transport."""

    def make(*bodies, **settings):
        answers = [
            Response(200, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
            for body in bodies
        ]
        transport = scripted(*answers)
        return Jina(transport=transport, retry=Retry(attempts=1), **settings), transport

    return make


def test_models_without_a_key(client):
    """Names as requests have them, prices as exact numbers, and all that the service said."""
    jina, transport = client({"data": [ROW]}, limits="keyless")
    (model,) = jina.models()
    assert transport.requests[0].url == "https://api.jina.ai/v1/models"
    assert (model.id, model.context) == ("jina-embeddings-v3", 8192)
    assert (model.input_modalities, model.output_modalities) == (("text",), ("embeddings",))
    assert model.prices == {"prompt": Decimal("0.00000005"), "request": 0}
    assert model.raw == ROW


def test_models_that_say_little(client):
    """A name is enough; the embedded engine and gateways give no more."""
    jina, _ = client({"data": [{"id": "m", "pricing": None, "context_length": "8k"}]}, base_url="http://x")
    (model,) = jina.models()
    assert (model.id, model.name, model.context, model.prices) == ("m", "", None, {})


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"data": [{}]}, {"data": [7]}, [], b"<html>"])
def test_odd_lists_are_errors(client, body):
    """A model without a name is none."""
    jina, _ = client(body, base_url="http://x")
    with pytest.raises(ResponseError):
        jina.models()


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b"[Homepage] https://jina.ai/reader\n\n[Authenticated as] u (U)\n[Balance left] 992083\n", 992083),
        (b"[Balance left] 1,000,000", 1000000),
        (b"[Balance left] -5", -5),
        ({"code": 200, "status": 20000, "data": {"authenticatedAs": "u", "balanceLeft": 7}}, 7),
        ({"balanceLeft": 0}, 0),
    ],
)
def test_the_balance_is_read_from_the_readers_page(client, body, tokens):
    """In the text that it shows to people, or in the object that it gives to programs."""
    jina, transport = client(body, api_key="k")
    assert jina.balance() == tokens
    (request,) = transport.requests
    assert (request.method, request.url) == ("GET", "https://r.jina.ai/")
    assert request.headers["authorization"] == "Bearer k"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[Usage] https://r.jina.ai/YOUR_URL",
        {"code": 200, "data": {}},
        b"{",
        b"[Balance left] " + b"9" * 5000,
    ],
)
def test_no_balance_is_an_error(client, body):
    """Nothing is made up."""
    jina, _ = client(body, api_key="k")
    with pytest.raises(ResponseError):
        jina.balance()


def test_an_error_in_place_of_a_balance(client):
    """Is what it is."""
    jina, _ = client({"code": 402, "status": 40203, "message": "empty", "data": None}, api_key="k")
    with pytest.raises(QuotaExhaustedError):
        jina.balance()


def test_the_balance_needs_a_key(client):
    """It is that of the key's account."""
    jina, transport = client(limits="keyless")
    with pytest.raises(ConfigurationError, match="balance needs a key"):
        jina.balance()
    assert transport.requests == []


async def test_the_asynchronous_face_does_the_same(client):
    """Models and balance."""
    jina, _ = client({"data": [ROW]}, {"balanceLeft": 7}, api_key="k")
    assert [model.id for model in await jina.amodels()] == ["jina-embeddings-v3"]
    assert await jina.abalance() == 7
