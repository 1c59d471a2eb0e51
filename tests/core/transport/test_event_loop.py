"""Coroutines that another event loop than asyncio's runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.transport.event_loop import require_asyncio


async def begin() -> None:
    require_asyncio()


def test_without_asyncio_nothing_begins() -> None:
    """What trio would run, a coroutine without a loop of asyncio, is refused in words that name the way out."""
    with pytest.raises(ConfigurationError, match="trio"):
        begin().send(None)


def test_under_asyncio_it_goes_on() -> None:
    """On asyncio's event loop there is nothing to say."""
    asyncio.run(begin())


@pytest.mark.parametrize("base", ["local", "http://127.0.0.1:1"])
@pytest.mark.parametrize(
    "begun",
    [
        lambda jina: jina.aembed(["one"]),
        lambda jina: jina.aembed([str(number) for number in range(2000)]),
        lambda jina: anext(jina.aembed_stream(["one"])),
        lambda jina: jina.aclose(),
    ],
    ids=["one", "many", "stream", "close"],
)
def test_every_awaitable_method_says_so(base: str, begun: Callable[[Jina], Awaitable[object]]) -> None:
    """Whatever is awaited without asyncio, of the embedded engine or over HTTP, ends in the same typed error."""
    jina = Jina("key-0123456789", base_url=base, host="jina", limits=None)
    with pytest.raises(ConfigurationError, match="trio"):
        begun(jina).__await__().__next__()


def test_a_stream_may_be_made_before_its_event_loop() -> None:
    """A generator that is made where no event loop runs works on the one that reads it."""
    stream = Jina(base_url="local").aembed_stream(["one", "two"])

    async def read() -> list[str]:
        return [item async for item, _ in stream]

    assert asyncio.run(read()) == ["one", "two"]
