"""What ``Jina`` sends, what it refuses before sending, and what it says."""

from __future__ import annotations

import inspect
import json
import pickle

import numpy as np
import pytest

from ragbridge import (
    ConfigurationError,
    InvalidRequestError,
    Jina,
    Limiter,
    QuotaExhaustedError,
    RateLimit,
    Retry,
)
from ragbridge.flow import Response


@pytest.fixture
def sent(scripted):
    """``sent(**embed_arguments)``: the one body that a call sends."""

    def call(texts=("1 a",), *, width=8, **arguments):
        transport = scripted(width=width)
        Jina(base_url="http://x", limits=None, transport=transport).embed(list(texts), **arguments)
        (request,) = transport.requests
        return json.loads(request.body)

    return call


def test_the_body_of_a_request_holds_what_was_asked_and_nothing_else(sent):
    """Defaults are the service's own: they are not sent. Vectors travel as base64."""
    assert sent(width=1024) == {
        "model": "jina-embeddings-v5-text-small",
        "embedding_type": "base64",
        "input": ["1 a"],
    }
    assert sent(width=256, role="query", dimensions=256, truncate=True, normalized=False) == {
        "model": "jina-embeddings-v5-text-small",
        "task": "retrieval.query",
        "dimensions": 256,
        "truncate": True,
        "normalized": False,
        "embedding_type": "base64",
        "input": ["1 a"],
    }


REFUSED = [
    ({"model": "jina-embeddings-v4", "normalized": True}, "normalized"),
    ({"model": "jina-embeddings-v5-text-small", "late_chunking": True}, "late_chunking"),
    ({"model": "jina-embeddings-v3", "late_chunking": True, "role": "query"}, "query"),
    ({"model": "jina-embeddings-v3", "task": "clustering"}, "separation"),
    ({"model": "jina-embeddings-v5-text-nano", "task": "separation"}, "clustering"),
    ({"model": "jina-embeddings-v5-text-nano", "task": "retrieval"}, "retrieval.query"),
    ({"model": "jina-embeddings-v5-text-nano", "dimensions": 1024}, "768"),
    ({"model": "jina-embeddings-v2-base-en", "dimensions": 256}, "768"),
    ({"model": "jina-embeddings-v2-base-en", "task": "retrieval.query"}, "no tasks"),
    ({"model": "jina-clip-v2", "task": "retrieval.passage"}, "retrieval.query"),
    ({"dimensions": 0}, "dimensions"),
    ({"dimensions": 1.5}, "dimensions"),
    ({"role": "passage"}, "role"),
    ({"role": "query", "task": "classification"}, "task"),
    ({"model": "jina-reranker-v3"}, "cannot embed"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
def test_what_a_model_does_not_have_is_refused_before_sending(scripted, arguments, says):
    """The service would ignore it or answer 422; both cost more than this error, which names the way out."""
    transport = scripted()
    with pytest.raises(ConfigurationError, match=says):
        Jina(base_url="http://x", limits=None, transport=transport).embed(["1 a"], **arguments)
    assert transport.requests == []


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ("one string", "is one str: pass a list of texts"),
        (b"bytes", "is one bytes: pass a list"),
        (7, "is int: pass a list"),
        (["fine", None], r"texts\[1\] is NoneType"),
        (["fine", ["nested"]], r"texts\[1\] is list"),
        (["fine"] * 200 + ["half \ud800 a pair"], r"texts\[200\].*character 5"),
    ],
)
def test_texts_that_are_no_texts_are_named(scripted, texts, says):
    """By their place in the caller's list, whatever batch they would have been in."""
    with pytest.raises(ConfigurationError, match=says):
        Jina(base_url="http://x", limits=None, transport=scripted()).embed(texts, model="m")


def test_no_text_sends_nothing(scripted):
    """An empty list is an empty array of the right width."""
    transport = scripted()
    jina = Jina(base_url="http://x", transport=transport)
    assert jina.embed([], dimensions=64).vectors.shape == (0, 64)
    assert jina.embed([]).vectors.shape == (0, 1024)
    assert jina.rerank("q", []).results == ()
    assert transport.requests == []


def test_batches_are_bounded_and_keep_the_order(scripted):
    """No request has more items than asked for, and rows come back in the order of the texts."""
    transport = scripted()
    jina = Jina(base_url="http://x", limits=None, batch_size=100, transport=transport)
    result = jina.embed((f"{n} x" for n in range(250)), model="m")
    assert result.vectors[:, 0].tolist() == list(range(250))
    assert sorted(len(json.loads(request.body)["input"]) for request in transport.requests) == [50, 100, 100]
    assert result.usage.requests == 3


def test_late_chunking_sends_one_request_however_many_chunks(sent):
    """The texts are one document: cutting them would change every vector."""
    body = sent(
        [f"{n} chunk" for n in range(300)], width=1024, model="jina-embeddings-v3", late_chunking=True
    )
    assert (len(body["input"]), body["late_chunking"]) == (300, True)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://x", "http://x/v1/embeddings"),
        ("http://x/", "http://x/v1/embeddings"),
        ("http://x/v1", "http://x/v1/embeddings"),
        ("http://x/v1/", "http://x/v1/embeddings"),
        ("http://x/v1/embeddings", "http://x/v1/embeddings"),
        ("http://x/v1/rerank/", "http://x/v1/embeddings"),
        ("https://gate.example:8443/jina/v1", "https://gate.example:8443/jina/v1/embeddings"),
        (" http://x ", "http://x/v1/embeddings"),
    ],
)
def test_base_urls_are_taken_as_users_paste_them(scripted, given, asked):
    """With and without /v1, with the whole endpoint."""
    transport = scripted()
    Jina(base_url=given, transport=transport, limits=None).embed(["1 a"], model="m")
    assert transport.requests[0].url == asked


@pytest.mark.parametrize(
    "wrong",
    [
        "api.jina.ai",
        "ftp://x",
        "",
        "http://",
        "https://user:pa55@x/v1",
        "http://x/#key=pa55",
        "http://x/?key=pa55 x",
        "https://user:pa55?x@host",
        "user:pa55@x",
        "https:/user:pa55@x",
        "https://user:pa55/@x",
        "https://user:12/pa55@x",
        "https://user:pa55%40x",
        "https://a..invalid",
        "https://api.example/\ud800",
        "https://api.example/a\nb",
    ],
)
def test_a_wrong_base_url_is_named_without_what_may_be_secret(wrong):
    """The message shows the address, but no password in it."""
    with pytest.raises(ConfigurationError, match="base_url") as raised:
        Jina("k", base_url=wrong)
    assert "pa55" not in str(raised.value)


def test_the_key_is_found_in_the_environment_in_a_fixed_order(monkeypatch, scripted):
    """An argument wins; then JINA_API_KEY, JINAAI_API_KEY, JINA_AUTH_TOKEN."""

    def header(*arguments):
        transport = scripted()
        Jina(*arguments, limits=None, transport=transport).embed(["1 a"], model="m")
        return transport.requests[0].headers["authorization"]

    for name in ("JINA_AUTH_TOKEN", "JINAAI_API_KEY", "JINA_API_KEY"):
        monkeypatch.setenv(name, name.lower())
        assert header() == f"Bearer {name.lower()}"
    assert header("mine") == "Bearer mine"


def test_no_key_is_an_error_that_names_the_ways_to_give_one():
    """At the public host, at once; elsewhere a key is optional."""
    with pytest.raises(ConfigurationError, match="JINA_API_KEY") as raised:
        Jina()
    assert "local" in str(raised.value)
    Jina(base_url="http://127.0.0.1:9")


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"timeout": None},
        {"concurrency": 0},
        {"batch_size": 513},
        {"batch_size": 0},
        {"limits": "platinum"},
        {"limits": 7},
        {"api_key": ""},
        {"api_key": "two words"},
        {"api_key": "schlüssel"},
        {"api_key": 7},
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(wrong):
    """At construction, by its own name."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Jina(**{"base_url": "http://x", **wrong})


def test_the_key_shows_nowhere():
    """Not in a repr, not in a pickle, not in the attributes of the object as a debugger prints them."""
    key = "jina_" + "s3cret" * 5
    jina = Jina(key, base_url="http://x", limits=RateLimit(1, 2, 3), retry=Retry(attempts=2), batch_size=7)
    state = pickle.dumps(jina)
    assert key.encode() not in state
    assert key not in repr(jina) + repr(vars(jina)) + repr(vars(jina._channel))
    assert repr(pickle.loads(state)) == repr(jina)


def test_a_pickle_takes_the_key_of_the_process_that_opens_it(monkeypatch, scripted):
    """Workers read their own environment; without a key there, the first request says so."""
    monkeypatch.setenv("JINA_API_KEY", "first")
    state = pickle.dumps(Jina("given"))
    monkeypatch.setenv("JINA_API_KEY", "second")
    copy = pickle.loads(state)
    copy._transport = scripted(width=1024)
    copy.embed(["1 a"])
    assert copy._transport.requests[0].headers["authorization"] == "Bearer second"
    monkeypatch.delenv("JINA_API_KEY")
    keyless = pickle.loads(state)
    with pytest.raises(ConfigurationError, match="no key"):
        keyless.embed(["1 a"])


def test_what_cannot_be_pickled_says_so(scripted):
    """A client of the caller's own stays in its process."""
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Jina(base_url="http://x", transport=scripted()))


def test_a_refused_item_is_named_by_its_place_in_the_callers_list(scripted):
    """The service counts in the batch; the caller does not know batches."""
    refusal = Response(
        422, {}, b'{"detail": "x", "errors": [{"field": "input.3", "message": "Invalid value"}]}'
    )
    jina = Jina(
        base_url="http://x", limits=None, concurrency=1, batch_size=10, transport=scripted(None, refusal)
    )
    with pytest.raises(InvalidRequestError, match=r"texts\[13\]") as raised:
        jina.embed([f"{n} x" for n in range(20)], model="m")
    assert raised.value.index == 13


def test_a_too_long_item_is_found_although_the_service_does_not_name_it(scripted):
    """A refusal costs nothing, so the longest item is asked about alone."""
    refusal = Response(400, {}, b'{"detail": {"message": "too long", "code": "INPUT_TOKEN_LIMIT_EXCEEDED"}}')
    transport = scripted(refusal, refusal)
    texts = ["1 short", "2 " + "long " * 99, "3 short"]
    with pytest.raises(InvalidRequestError) as raised:
        Jina(base_url="http://x", limits=None, transport=transport).embed(texts, model="m")
    assert raised.value.index == 1
    assert json.loads(transport.requests[1].body)["input"] == [texts[1]]


def test_an_empty_balance_ends_the_job(scripted):
    """One request, one loud error, no retry."""
    empty = Response(
        403, {}, b'{"detail": "Insufficient account balance", "code": "AUTHZ_INSUFFICIENT_BALANCE"}'
    )
    transport = scripted(*[empty] * 9)
    with pytest.raises(QuotaExhaustedError):
        Jina(base_url="http://x", concurrency=1, limits=None, transport=transport).embed(
            ["1 a", "2 b"], model="m"
        )
    assert len(transport.requests) == 1


def test_both_faces_have_one_signature_and_one_docstring():
    """help() and completion say the same of both."""
    for sync, awaited in ((Jina.embed, Jina.aembed), (Jina.rerank, Jina.arerank)):
        assert inspect.signature(sync) == inspect.signature(awaited)
        assert sync.__doc__ == awaited.__doc__
        assert inspect.iscoroutinefunction(awaited)
    assert str(inspect.signature(Jina.embed)).endswith("-> 'Embeddings'")


def test_clients_with_one_key_share_one_quota():
    """Five objects do not get five quotas; another key or host has its own."""
    clients = [Jina("key-a", base_url="http://x", limits="free") for _ in range(5)]
    limiters = {id(client._channel.limiter("embeddings")) for client in clients}
    assert len(limiters) == 1
    other = (
        Jina("key-b", base_url="http://x", limits="free"),
        Jina("key-a", base_url="http://y", limits="free"),
    )
    assert not limiters & {id(client._channel.limiter("embeddings")) for client in other}


def test_a_limiter_of_ones_own_is_used_as_it_is(scripted):
    """One object can pace several clients, whatever their keys."""
    limiter = Limiter(RateLimit(10, 1000, 1))
    jina = Jina(base_url="http://x", limits=limiter, transport=scripted())
    assert jina._channel.limiter("rerank") is limiter


def test_the_local_engine_is_unlimited_unless_asked():
    """No quota is imposed where nobody has one."""
    assert Jina(base_url="local")._channel.limiter("embeddings") is None
    assert Jina(base_url="local", limits="paid")._channel.limiter("embeddings") is not None


def test_progress_is_told_of_every_text(scripted):
    """The figures add up to the number of texts, whatever the batches."""
    told = []
    jina = Jina(base_url="http://x", limits=None, batch_size=4, transport=scripted())
    jina.embed([f"{n} x" for n in range(10)], model="m", progress=told.append)
    assert sorted(told) == [2, 4, 4]


def test_usage_adds_up_over_calls(scripted):
    """``jina.usage`` counts what the object has used."""
    jina = Jina(
        base_url="http://x", limits=None, transport=scripted(Response(500, {}, b"")), retry=Retry(initial=0)
    )
    jina.embed(["1 abc"], model="m")
    jina.embed(["2 abc"], model="m")
    assert (jina.usage.tokens, jina.usage.requests, jina.usage.retries) == (10, 3, 1)


def test_unknown_models_are_sent_as_they_are(sent):
    """A model newer than the table works; its width is what the service gives."""
    body = sent(model="jina-embeddings-v9", role="query", dimensions=8, normalized=True)
    assert body["task"] == "retrieval.query"
    assert isinstance(body["normalized"], bool)


def test_results_do_not_print_a_million_numbers(scripted):
    """A repr fits on a line."""
    result = Jina(base_url="http://x", limits=None, transport=scripted()).embed(["1 a"], model="m")
    assert "(1, 8)" in repr(result)
    assert len(repr(result)) < 120
    assert result.tolist() == np.asarray(result.vectors).tolist()
