"""Polls a job until it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ragbridge.flow import Flow, sleep
from ragbridge.ground.numbers import check_number

T = TypeVar("T")

FIRST_PAUSE = 1.0
"""Seconds between the first two polls. Each further pause is twice as long, up to the caller's ``poll``."""

POLL = 30.0
"""Default longest pause in seconds. Jina's documentation recommends 10 to 30 seconds."""


def check(poll: float, timeout: float | None) -> tuple[float, float | None]:
    """The pause and the timeout, validated.

    Raises:
        ConfigurationError: A value is not a positive, finite number.
    """
    wanted = "a number of seconds above 0"
    poll = check_number("poll", poll, wanted, above=0)
    return poll, None if timeout is None else check_number("timeout", timeout, wanted, above=0)


def watch(
    fetch_status: Callable[[], Flow[T]],
    *,
    ended: Callable[[T], bool],
    poll: float,
    timeout: float | None,
    now: Callable[[], float],
) -> Flow[T]:
    """Polls until the job has ended or the timeout is over, and returns the last status.

    Args:
        fetch_status: A flow that fetches the status.
        ended: Whether a status is final.
        poll: Longest pause in seconds.
        timeout: Maximum wait in seconds; None for no limit.
        now: The clock, in seconds.
    """
    end = None if timeout is None else now() + timeout
    pause = min(FIRST_PAUSE, poll)
    while True:
        status = yield from fetch_status()
        left = pause if end is None else end - now()
        if ended(status) or left <= 0:
            return status
        yield from sleep(min(pause, left))
        pause = min(pause * 2, poll)
