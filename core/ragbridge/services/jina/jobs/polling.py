"""Waiting for a job: look, pause, look again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ragbridge.errors import ConfigurationError
from ragbridge.flow import Flow, sleep

T = TypeVar("T")

FIRST_PAUSE = 1.0
"""Seconds before the second look; each further pause is twice as long, up to what the caller allows."""

POLL = 30.0
"""Longest pause unless asked otherwise: Jina's documentation says 10 to 30 seconds."""


def check(poll: float, timeout: float | None) -> None:
    """Refuse what is no waiting time.

    Raises:
        ConfigurationError: A figure is not positive.
    """
    for name, value in {"poll": poll, "timeout": timeout}.items():
        if value is None and name == "timeout":
            continue
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < float("inf"):
            raise ConfigurationError(f"{name}={value!r} must be a number of seconds above 0")


def watch(
    look: Callable[[], Flow[T]],
    *,
    ended: Callable[[T], bool],
    poll: float,
    timeout: float | None,
    now: Callable[[], float],
) -> Flow[T]:
    """What the last look saw: the job's end, or how it stood when the time was up.

    Args:
        look: One look.
        ended: Whether what was seen is the end.
        poll: Seconds of the longest pause.
        timeout: Seconds to wait at most; None for ever.
        now: Time.
    """
    end = None if timeout is None else now() + timeout
    pause = min(FIRST_PAUSE, poll)
    while True:
        seen = yield from look()
        left = pause if end is None else end - now()
        if ended(seen) or left <= 0:
            return seen
        yield from sleep(min(pause, left))
        pause = min(pause * 2, poll)
