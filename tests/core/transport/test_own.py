"""A transport of the caller's own: half of one is enough, and what it answers is checked."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from ragbridge import ConfigurationError, Jina, Request, RequestError, Response, Retry, Transport
from ragbridge.testing import ScriptedTransport

ONCE = Retry(attempts=1)


class Blocking:
    """Only what one face needs."""

    def __init__(self) -> None:
        self.right = ScriptedTransport()
        self.threads: list[threading.Thread] = []

    def send(self, request: Request) -> Response:
        self.threads.append(threading.current_thread())
        return self.right.send(request)


class Awaited:
    """Only what the other face needs."""

    async def send_async(self, request: Request) -> Response:
        return ScriptedTransport().send(request)


def asked(transport: Any, face: str) -> Any:
    client = Jina("k", limits=None, retry=ONCE, transport=transport)
    if face == "sync":
        with client:
            return client.embed(["a"])

    async def ask() -> Any:
        async with client:
            return await client.aembed(["a"])

    return asyncio.run(ask())


def test_a_blocking_transport_serves_awaited_calls_beside_the_loop():
    """In a thread, so that the event loop goes on."""
    transport = Blocking()
    assert asked(transport, "sync").vectors.shape == asked(transport, "async").vectors.shape == (1, 1024)
    assert transport.threads[1] is not threading.main_thread()


def test_an_awaited_transport_says_that_it_does_not_block():
    """Its own loop cannot be made up here."""
    assert asked(Awaited(), "async").vectors.shape == (1, 1024)
    with pytest.raises(ConfigurationError, match="Awaited has no send, only send_async: use the awaitable"):
        asked(Awaited(), "sync")


def test_a_transport_that_is_written_down_is_one_for_type_checkers_as_well():
    """The protocol's methods are the ones that are called."""
    transport: Transport = ScriptedTransport()
    assert asked(transport, "sync").vectors.shape == (1, 1024)


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("answer", [None, {"status": 200}, b"{}"], ids=["nothing", "a dict", "bytes"])
def test_an_answer_of_another_kind_is_refused_in_words(face, answer):
    """Not by an attribute error somewhere in the client."""

    class Odd(ScriptedTransport):
        def send(self, request: Request) -> Any:
            return answer

    with pytest.raises(
        ConfigurationError, match=r"transport=Odd answered with \w+, not with a ragbridge.Response"
    ):
        asked(Odd(), face)


def test_names_of_headers_are_read_in_any_case():
    """Many libraries give them as the server wrote them."""
    odd = Response(429, {"Retry-After": "0", "X-Request-Id": "abc"}, b"{}")
    client = Jina("k", limits=None, retry=ONCE, transport=ScriptedTransport(odd))
    with pytest.raises(Exception, match="abc") as raised:
        client.embed(["a"])
    assert raised.value.retry_after == 0


def test_no_answer_is_retried_and_other_errors_are_the_callers_own():
    """A ``RequestError`` may pass; a mistake in the transport does not."""
    transport = ScriptedTransport(RequestError("no line"))
    Jina("k", limits=None, retry=Retry(initial=0), transport=transport).embed(["a"])
    assert len(transport.requests) == 2
    transport = ScriptedTransport(ZeroDivisionError("mine"))
    with pytest.raises(ZeroDivisionError, match="mine"):
        Jina("k", limits=None, retry=Retry(initial=0), transport=transport).embed(["a"])
    assert len(transport.requests) == 1
