"""One thread per task, for blocking calls that their callers must be able to leave.

The event loop's own pool of threads is not used. It is bounded, and may be full of the caller's blocking calls that wait
for the very request that needs a thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, act: Callable[[], T]) -> T:
    """Run ``act`` in a thread and return its result. The thread is abandoned after ``seconds``.

    For blocking clients, which bound each wait for data but not the whole.

    Raises:
        TimeoutError: ``act`` has not ended in time.
    """
    future = _started(act)
    return act() if future is None else future.result(min(seconds, threading.TIMEOUT_MAX))


async def in_thread(act: Callable[[], T]) -> T:
    """Run ``act`` in a thread and return its result, while the running event loop goes on."""
    future = _started(act)
    return act() if future is None else await asyncio.wrap_future(future)


def _started(act: Callable[[], T]) -> concurrent.futures.Future[T] | None:
    """The future result of ``act``. None if no thread can be started, as while the interpreter exits."""
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()  # a thread cannot be stopped: a caller that gives up abandons it

    def work() -> None:
        try:
            future.set_result(act())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            future.set_exception(error)

    run = contextvars.copy_context().run
    try:
        threading.Thread(target=run, args=(work,), name="ragbridge", daemon=True).start()
    except RuntimeError:
        return None
    return future
