"""Several keys, each with a quota of its own, and functions that give the key of the moment."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import pickle
import threading
import traceback
from collections import Counter
from typing import Any

import pytest

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    Elastic,
    Jina,
    QuotaExhaustedError,
    RateLimit,
    RateLimitError,
    Request,
    Response,
    Retry,
)
from ragbridge.testing import ScriptedTransport, VirtualClock

ONE, TWO, THREE = "jina_one_s3cretQ", "jina_two_s3cretQ", "jina_three_s3cretQ"
TEXTS = [str(number) for number in range(40)]
ONCE = Retry(attempts=1)


def by_key(refusals: dict[str, Response]) -> ScriptedTransport:
    """Refuses some keys, and answers the others."""
    right = ScriptedTransport()

    def answer(request: Request) -> Response:
        return refusals.get(key_of(request)) or right.send(request)

    return ScriptedTransport(default=answer)


def key_of(request: Request) -> str:
    return request.headers["authorization"].partition(" ")[2]


def keys_of(transport: ScriptedTransport) -> list[str]:
    return [key_of(request) for request in transport.requests]


def embed(client: Jina, face: str, texts: list[str] = TEXTS) -> Any:
    return client.embed(texts) if face == "sync" else asyncio.run(client.aembed(texts))


faces = pytest.mark.parametrize("face", ["sync", "async"])


@faces
def test_each_key_has_its_own_quota_and_a_job_uses_all_of_them(face):
    """Three keys with two requests a minute each: six requests go at once, the seventh waits."""
    clock, transport = VirtualClock(), ScriptedTransport()
    limit = RateLimit(requests_per_minute=2, tokens_per_minute=None, concurrency=2)
    client = Jina(
        [ONE, TWO, THREE], limits=limit, batch_size=4, transport=transport, clock=clock, concurrency=1
    )
    embed(client, face, TEXTS[:24])
    assert Counter(keys_of(transport)) == {ONE: 2, TWO: 2, THREE: 2}
    assert clock.now() < 1
    embed(client, face, TEXTS[24:28])
    assert clock.now() > 30


@faces
def test_the_first_key_with_room_is_asked(face):
    """In the order of the list: the others are not touched before they are needed."""
    transport = ScriptedTransport()
    embed(Jina([ONE, TWO], limits=None, batch_size=4, transport=transport), face)
    assert {*keys_of(transport)} == {ONE}
    assert Jina([ONE, TWO], limits="free")._concurrency == 4


@faces
@pytest.mark.parametrize(
    "refusal",
    [
        Response(401, {}, b'{"detail": "revoked"}'),
        Response(402, {}, b'{"detail": "no balance"}'),
        Response(403, {}, b'{"code": "AUTHZ_INSUFFICIENT_BALANCE"}'),
    ],
    ids=["revoked", "no balance", "no balance, as a code"],
)
def test_a_key_that_is_refused_is_set_aside_and_the_job_goes_on(face, refusal, caplog):
    """One warning says which by its place; nothing of the job is lost, whatever the limits."""
    for limits in (None, "free"):
        caplog.clear()
        transport = by_key({ONE: refusal})
        clock = VirtualClock()
        client = Jina([ONE, TWO], limits=limits, batch_size=4, transport=transport, clock=clock, retry=ONCE)
        assert len(embed(client, face).vectors) == 40
        assert Counter(keys_of(transport))[TWO] == 10
        embed(client, face, ["more"])
        assert keys_of(transport)[-1] == TWO
        warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert len(warnings) == 1
        assert "key 1 of 2 is set aside" in warnings[0]
        assert "s3cretQ" not in caplog.text


@faces
def test_where_no_key_is_left_the_error_is_raised_and_all_are_tried_again(face):
    """An account that is topped up works again without a new client."""
    refusals = {ONE: Response(402, {}, b"{}"), TWO: Response(401, {}, b"{}")}
    transport = by_key(refusals)
    client = Jina([ONE, TWO], limits=None, transport=transport, retry=ONCE, concurrency=1)
    for _ in range(2):
        with pytest.raises((QuotaExhaustedError, AuthenticationError)):
            embed(client, face)
    assert keys_of(transport) == [ONE, TWO, ONE, TWO]
    refusals.clear()
    embed(client, face)
    assert keys_of(transport)[-1] == ONE


@faces
def test_without_a_limiter_a_429_sends_the_request_to_the_next_key(face):
    """At once; the key that was refused rests for as long as the service says."""
    clock = VirtualClock()
    transport = by_key({ONE: Response(429, {"retry-after": "20"}, b"{}")})
    client = Jina([ONE, TWO], limits=None, batch_size=4, transport=transport, clock=clock, concurrency=1)
    embed(client, face)
    assert keys_of(transport) == [ONE] + [TWO] * 10
    assert clock.now() == 0
    clock.advance(21)
    embed(client, face, ["later"])
    assert keys_of(transport)[-2:] == [ONE, TWO]


def test_where_every_key_gets_a_429_the_client_waits_as_with_one():
    """And gives up as with one."""
    clock = VirtualClock()
    refusal = Response(429, {"retry-after": "7"}, b"{}")
    transport = by_key({ONE: refusal, TWO: refusal})
    client = Jina([ONE, TWO], limits=None, transport=transport, clock=clock, retry=Retry(attempts=3))
    with pytest.raises(RateLimitError):
        client.embed(["a"])
    assert 14 <= clock.now() < 60
    assert len(transport.requests) < 10


def test_keys_that_rest_are_not_asked_in_turns():
    """In real time: two keys that both get a 429 are no reason to ask without a pause."""
    refusal = Response(429, {"retry-after": "60"}, b"{}")
    transport = by_key({ONE: refusal, TWO: refusal})
    with pytest.raises(RateLimitError):
        Jina([ONE, TWO], limits=None, transport=transport, retry=ONCE).embed(["a"])
    assert keys_of(transport) == [ONE, TWO]


@faces
def test_a_function_is_called_before_each_request_and_nothing_it_gives_is_kept(face):
    """Right before it is sent, in a thread beside an event loop; each attempt asks again."""
    given, threads = [], []

    def rotating() -> str:
        threads.append(threading.current_thread())
        given.append(f"key{len(given)}_s3cretQ")
        return given[-1]

    transport = ScriptedTransport(503)
    client = Jina(
        rotating, limits=None, batch_size=8, transport=transport, clock=VirtualClock(), concurrency=1
    )
    embed(client, face)
    assert keys_of(transport) == given
    assert len(given) == 6
    if face == "async":
        assert threading.main_thread() not in threads


@faces
def test_a_function_is_asked_once_more_where_its_key_was_just_replaced(face):
    """A 401 may mean that the key was renewed between two calls; a second one is final."""
    keys = iter(["old", "new", "new"])
    transport = by_key({"old": Response(401, {}, b"{}")})
    client = Jina(lambda: next(keys), limits=None, transport=transport, retry=ONCE)
    assert len(embed(client, face, ["a"]).vectors) == 1
    transport = by_key({"old": Response(401, {}, b"{}")})
    client = Jina(lambda: "old", limits=None, transport=transport, retry=ONCE)
    with pytest.raises(AuthenticationError):
        embed(client, face, ["a"])
    assert keys_of(transport) == ["old", "old"]


class VaultError(Exception):
    """Somebody else's."""


@faces
def test_what_a_function_raises_is_the_callers_own(face):
    """It is neither retried nor taken for an answer of the service, and no place of the quota is lost."""

    def sealed() -> str:
        raise VaultError("sealed")

    transport = ScriptedTransport()
    client = Jina(sealed, limits="free", transport=transport)
    for _ in range(5):
        with pytest.raises(VaultError, match="sealed"):
            embed(client, face, ["a"])
    assert transport.requests == []


async def awaited() -> str:
    return ONE


class Awaited:
    async def __call__(self) -> str:
        return ONE


def wants_more(name: str) -> str:
    return name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (awaited, "api_key is an async function: give one that blocks"),
        (Awaited(), "api_key is an async function"),
        (wants_more, "api_key is a function that cannot be called without arguments"),
        ([], "api_key is an empty list"),
        ([ONE, 5], r"api_key\[1\] is int, not str"),
        ([ONE, None], r"api_key\[1\] is NoneType, not str"),
        ([ONE, " "], r"api_key\[1\] is empty"),
        ([ONE, f"{TWO}\n{TWO}"], r"api_key\[1\] holds characters"),
        ([ONE, TWO, ONE], r"api_key\[2\] is the same as api_key\[0\]"),
        ({ONE: TWO}, "api_key is dict, not str"),
        (5, "api_key is int, not str"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_key_is_refused_when_the_client_is_made(given, message):
    """By its place, and without the keys."""
    with pytest.raises(ConfigurationError, match=message) as refused:
        Jina(given)
    assert "s3cretQ" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "the function given as api_key gives NoneType, not str"),
        (5, "gives int, not str"),
        ("", "what the function given as api_key gives is empty"),
        ("s3cretQ\r\nx: y", "what the function given as api_key gives holds characters"),
        ("s3cretQ ä", "gives holds characters"),
    ],
    ids=["None", "a number", "empty", "a line break", "beyond ASCII"],
)
@faces
def test_what_a_function_gives_is_checked_before_it_is_sent(face, given, message):
    """As a key that is passed in."""
    transport = ScriptedTransport()
    with pytest.raises(ConfigurationError, match=message) as refused:
        embed(Jina(lambda: given, limits="free", transport=transport), face, ["a"])
    assert transport.requests == []
    assert "s3cretQ" not in "".join(traceback.format_exception(refused.value))


def test_a_function_that_gives_a_coroutine_says_so():
    """Without a warning that it was never awaited."""
    with pytest.raises(ConfigurationError, match="gives what must be awaited"):
        Jina(functools.partial(lambda: awaited()), limits=None, transport=ScriptedTransport()).embed(["a"])


@faces
def test_no_error_and_no_log_shows_any_of_them(face, caplog):
    """What the service repeats of the key that was sent, of another one, or of one that a function gave before."""
    caplog.set_level(logging.DEBUG)
    given = iter([ONE, TWO, THREE])

    def echo(request: Request) -> Response:
        body = {"detail": f"bad key {key_of(request)}; also {ONE} and {TWO}"}
        return Response(400, {"x-request-id": key_of(request)}, json.dumps(body).encode())

    for key, times in (([ONE, TWO], 1), (lambda: next(given), 2)):
        client = Jina(key, limits=None, transport=ScriptedTransport(default=echo), retry=ONCE)
        for _ in range(times):
            with pytest.raises(Exception, match="bad key") as raised:
                embed(client, face, ["a"])
        shown = "".join(traceback.format_exception(raised.value)) + repr(pickle.dumps(raised.value))
        assert "s3cretQ" not in shown + caplog.text + repr(client) + repr(vars(client._channel))


def key_of_a_module() -> str:
    return os.environ.get("SESAME", "sesame")


def test_a_function_of_a_module_travels_and_others_say_that_they_do_not(monkeypatch):
    """By its name, so that no key does; what a closure or an object holds may be one."""
    monkeypatch.setenv("SESAME", "from-the-function")
    for client in (Jina(key_of_a_module), Elastic("http://es", api_key=key_of_a_module)):
        again = pickle.loads(pickle.dumps(client))
        again._transport = ScriptedTransport()
        again.embed(["a"], **({} if isinstance(again, Jina) else {"inference_id": "e"}))
        assert keys_of(again._transport)[-1] == "from-the-function"
    for find in (lambda: ONE, functools.partial(wants_more, ONE), Held(ONE), Held(ONE).get):
        for client in (Jina(find), Elastic("http://es", bearer_auth=find)):
            with pytest.raises(TypeError, match="is no function of a module cannot be pickled"):
                pickle.dumps(client)


class Held:
    """A function that holds what it gives."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self) -> str:
        return self._key

    def get(self) -> str:
        return self._key


def test_several_keys_do_not_travel(monkeypatch):
    """The other process takes the one of its environment."""
    kept = pickle.dumps(Jina([ONE, TWO]))
    assert b"s3cretQ" not in kept
    monkeypatch.setenv("JINA_API_KEY", THREE)
    assert [key.reveal() for key in pickle.loads(kept)._channel.accounts.secrets()] == [THREE]


@faces
def test_elasticsearch_takes_functions_for_keys_and_tokens(face):
    """A key as it gives it, encoded or in two parts, and a token."""
    for setting, give, sent in (
        ("api_key", "ZW52", "ApiKey ZW52"),
        ("api_key", ("id", "key"), "ApiKey aWQ6a2V5"),
        ("bearer_auth", "a.b.c", "Bearer a.b.c"),
    ):
        transport = ScriptedTransport()
        client = Elastic("http://es", **{setting: lambda give=give: give}, transport=transport)
        call = functools.partial(client.embed if face == "sync" else client.aembed, ["a"], inference_id="e")
        call() if face == "sync" else asyncio.run(call())
        assert transport.requests[-1].headers["authorization"] == sent


def test_threads_share_the_keys_without_losing_one():
    """Eight threads, two keys, one of them revoked on the way: every text has its vector."""
    transport = by_key({ONE: Response(401, {}, b"{}")})
    client = Jina([ONE, TWO], limits=None, batch_size=1, concurrency=4, transport=transport, retry=ONCE)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(client.embed(TEXTS).vectors))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [40] * 8


async def test_a_cancelled_wait_for_a_function_leaves_no_booking():
    """The place in the quota is given back; the next call goes at once."""
    go = threading.Event()

    def slow() -> str:
        go.wait(10)
        return ONE

    limit = RateLimit(requests_per_minute=None, tokens_per_minute=None, concurrency=1)
    client = Jina(slow, limits=limit, transport=ScriptedTransport())
    task = asyncio.create_task(client.aembed(["a"]))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    assert len((await asyncio.wait_for(client.aembed(["b"]), 10)).vectors) == 1
