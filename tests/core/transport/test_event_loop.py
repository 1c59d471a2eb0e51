"""Coroutines that another event loop than asyncio's runs."""

from __future__ import annotations

import asyncio

import pytest

from ragbridge import ConfigurationError
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
