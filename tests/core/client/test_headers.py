"""Headers of the caller's own go along with each request to the service, and are shown nowhere."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import traceback
from typing import Any

import pytest

from ragbridge import ConfigurationError, Elastic, Jina, RagbridgeError, RateLimit, Request, Response, Retry
from ragbridge.client.headers import OwnHeaders
from ragbridge.testing import ScriptedTransport

SECRET = "s3cretQ-tenant"
ONCE = Retry(attempts=1)
TEXTS = ["a boat", "the sea"]


def jina(transport: Any, **settings: Any) -> Jina:
    return Jina(
        **{"base_url": "http://a.example", "host": "jina", "limits": None, "retry": ONCE, **settings},
        transport=transport,
    )


@pytest.mark.parametrize("face", ["sync", "async"])
def test_they_go_along_with_every_request_to_the_service(face):
    """Of every product, beside what the request itself says."""
    transport = ScriptedTransport()
    client = jina(transport, api_key="k", headers={"X-Tenant": SECRET, "User-Agent": "mine/1"})
    if face == "sync":
        client.embed(TEXTS)
        client.rerank("q", TEXTS)
    else:
        asyncio.run(client.aembed(TEXTS))
        asyncio.run(client.arerank("q", TEXTS))
    for request in transport.requests:
        assert request.headers["x-tenant"] == SECRET
        assert request.headers["user-agent"] == "mine/1"
        assert request.headers["authorization"] == "Bearer k"
        assert request.headers["content-type"] == "application/json"
    elastic = Elastic("http://es", headers={"X-Tenant": SECRET}, transport=transport, retry=ONCE)
    elastic.embed(TEXTS, inference_id="e")
    assert transport.requests[-1].headers["x-tenant"] == SECRET


@pytest.mark.parametrize("library", ["httpx", "httpx2", "fast"])
def test_every_library_sends_them_alike(raw_server, on_the_wire, right_answer, library):
    """As bytes on a wire, once each, and in place of the library's own name."""
    pytest.importorskip({"fast": "httpx"}.get(library, library))
    seen: list[Request] = []

    def answer(wire: Any, request: Request) -> None:
        seen.append(request)
        wire.send(on_the_wire(right_answer(request)))

    url = raw_server(answer)
    client = Jina(
        base_url=url,
        host="jina",
        limits=None,
        transport=library,
        headers={"X-Tenant": "a b", "User-Agent": "mine"},
    )
    client.embed(["1"], model="mine")
    asyncio.run(client.aembed(["1"], model="mine"))
    for request in seen:
        assert (request.headers["x-tenant"], request.headers["user-agent"]) == ("a b", "mine")


WRONG: dict[str, tuple[Any, str]] = {
    "a list": ([("X-A", "1")], "headers is list, not a dict"),
    "a text": ("X-A: 1", "headers is str, not a dict"),
    "a number as value": ({"X-A": 1}, r"headers\['X-A'\] is int, not str"),
    "bytes as value": ({"X-A": b"1"}, r"headers\['X-A'\] is bytes, not str"),
    "a number as name": ({1: "a"}, "headers: int is no name of a header"),
    "no name": ({"": "a"}, "headers: '' is no name"),
    "a colon": ({"X-A:": "a"}, "'X-A:' is no name"),
    "a line break in a name": ({f"X-A\r\nX-{SECRET}": "a"}, "headers: str is no name"),
    "a line break": ({"X-A": f"{SECRET}\r\nX-B: 1"}, r"headers\['X-A'\] holds a line break"),
    "nothing": ({"X-A": f"{SECRET}\x00"}, r"headers\['X-A'\] holds a line break, a control"),
    "beyond ASCII": ({"X-A": f"{SECRET}ä"}, r"headers\['X-A'\].*beyond ASCII.*percent-encode"),
    "half a letter": ({"X-A": f"{SECRET}\ud800"}, r"headers\['X-A'\].*beyond ASCII"),
    "twice": ({"X-A": "1", "x-a": "2"}, r"headers\['x-a'\] is given twice"),
    "too much": ({"X-A": SECRET * 5000}, "headers hold more than 32768 characters"),
    "content type": ({"Content-Type": "text/plain"}, r"headers\['Content-Type'\].*leave it out"),
    "length": ({"content-length": "1"}, r"headers\['content-length'\].*leave it out"),
    "encoding": ({"Accept-Encoding": "gzip"}, r"headers\['Accept-Encoding'\].*leave it out"),
    "host": ({"Host": "b.example"}, r"headers\['Host'\].*leave it out"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_header_is_refused_by_its_name_alone(case):
    """When the client is made; the value is not shown."""
    given, message = WRONG[case]
    for kind in (Jina, Elastic):
        with pytest.raises(ConfigurationError, match=message) as refused:
            kind("http://es" if kind is Elastic else "k", headers=given)
        assert SECRET not in "".join(traceback.format_exception(refused.value)) + repr(refused.value)


def test_authorization_takes_the_place_of_a_key(monkeypatch):
    """Also of the environment's; beside one that is given it is refused."""
    monkeypatch.setenv("JINA_API_KEY", "of-the-environment")
    monkeypatch.setenv("ELASTIC_API_KEY", "of-the-environment")
    transport = ScriptedTransport()
    Jina(headers={"Authorization": "Token abc"}, limits=None, transport=transport).embed(TEXTS)
    Elastic("http://es", headers={"authorization": "Token abc"}, transport=transport).embed(
        TEXTS, inference_id="e"
    )
    assert {request.headers["authorization"] for request in transport.requests} == {"Token abc"}
    for make in (
        lambda: Jina("k", headers={"Authorization": "Token abc"}),
        lambda: Elastic("http://es", api_key="k", headers={"Authorization": "Token abc"}),
    ):
        with pytest.raises(
            ConfigurationError, match=r"api_key= and headers\['Authorization'\]: give one of them"
        ):
            make()


@pytest.mark.parametrize("said", [SECRET, f"Bearer {SECRET}", "Basic bWU6czNjcmV0US10ZW5hbnQ="])
def test_no_error_and_no_log_shows_what_a_service_repeats(said, caplog):
    """Neither the whole value nor what stands behind its scheme, nor the password in it."""
    caplog.set_level(logging.DEBUG)

    def echo(request: Request) -> Response:
        body = {"detail": f"no such tenant: {request.headers['x-tenant']}, {SECRET}"}
        return Response(400, {"x-request-id": SECRET}, json.dumps(body).encode())

    for client in (
        jina(echo_transport := ScriptedTransport(default=echo), headers={"X-Tenant": said}),
        Elastic("http://es", headers={"X-Tenant": said}, transport=echo_transport, retry=ONCE),
    ):
        with pytest.raises(RagbridgeError) as raised:
            client.embed(TEXTS) if isinstance(client, Jina) else client.embed(TEXTS, inference_id="e")
        shown = (
            "".join(traceback.format_exception(raised.value)) + repr(pickle.dumps(raised.value)) + caplog.text
        )
        assert SECRET not in shown
        assert SECRET not in repr(client) + repr(vars(client)) + repr(vars(client._channel))


def test_values_do_not_travel_and_the_other_process_says_which_it_misses(monkeypatch):
    """It takes them from its environment, as keys; without them the first request says what to set."""
    for client in (
        Jina(
            host="jina", base_url="http://127.0.0.1:9", headers={"X-Tenant": SECRET}, limits=None, retry=ONCE
        ),
        Elastic("http://127.0.0.1:9", headers={"X-Tenant": SECRET}, retry=ONCE),
    ):
        kept = pickle.dumps(client)
        assert SECRET.encode() not in kept
        again = pickle.loads(kept)
        with pytest.raises(
            ConfigurationError, match="X-Tenant.*set RAGBRIDGE_HEADER_X_TENANT in this process"
        ):
            again.embed(TEXTS) if isinstance(again, Jina) else again.embed(TEXTS, inference_id="e")
        with monkeypatch.context() as patch:
            patch.setenv("RAGBRIDGE_HEADER_X_TENANT", SECRET)
            assert pickle.loads(kept)._channel.headers.sent() == {"x-tenant": SECRET}
        assert copy.deepcopy(client)._channel.headers.sent() == {"x-tenant": SECRET}


def test_none_stands_for_the_environment(monkeypatch):
    """Also where it is given so: a file of settings then holds no secret."""
    with pytest.raises(ConfigurationError, match="RAGBRIDGE_HEADER_X_TENANT"):
        Jina("k", headers={"X-Tenant": None})
    monkeypatch.setenv("RAGBRIDGE_HEADER_X_TENANT", SECRET)
    assert Jina("k", headers={"X-Tenant": None})._channel.headers.sent() == {"x-tenant": SECRET}


def test_answers_of_one_tenant_are_not_found_by_another():
    """What a header says may change the answer; who pays, and a client's name, do not."""
    cache: dict[bytes, bytes] = {}
    transport = ScriptedTransport()
    asked = []
    for headers in (
        None,
        {"X-Tenant": "a"},
        {"X-Tenant": "b"},
        {"x-tenant": "b"},
        {"X-Tenant": "b", "Api-Key": "1", "User-Agent": "x"},
        {"Authorization": "Bearer 2"},
    ):
        before = len(transport.requests)
        jina(transport, headers=headers, cache=cache).embed(["a"])
        asked.append(len(transport.requests) - before)
    assert asked == [1, 1, 1, 0, 0, 0]


def test_quotas_of_two_keys_in_headers_are_two():
    """A gateway that is told who asks by a header of its own keeps a quota for each."""
    limit = RateLimit(requests_per_minute=5, tokens_per_minute=None, concurrency=1)

    def limiter(**headers: str) -> Any:
        return Jina(host="jina", base_url="http://a.example", headers=headers, limits=limit)._channel.limiter(
            "embeddings"
        )

    assert limiter(**{"api-key": "one"}) is limiter(**{"Api-Key": "one", "X-Tenant": "a"})
    assert limiter(**{"api-key": "one"}) is not limiter(**{"api-key": "two"})


def test_short_and_plain_words_are_left_in_messages():
    """A header that says "true" must not blank that word out of every error."""
    headers = OwnHeaders({"X-Debug": "true", "X-Shard": "12", "X-Tenant": SECRET})
    assert [*headers.secrets()] == [SECRET, ""]
    assert SECRET not in repr(headers)
