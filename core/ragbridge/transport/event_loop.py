"""Whose event loop a coroutine of ours runs on: asyncio's, or nobody's that we could use."""

from __future__ import annotations

from ragbridge.errors import ConfigurationError


def require_asyncio() -> None:
    """Refuse to begin where no event loop of asyncio runs, as under trio.

    Raises:
        ConfigurationError: None runs in this thread. Without this check, what the loop of another library is handed are
            asyncio's futures, about which it raises a ``TypeError`` of its own.
    """
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "the awaitable methods need an event loop of asyncio, and none runs here; under trio, call the blocking method "
            "in a thread: await trio.to_thread.run_sync(client.embed, texts)"
        ) from None
