"""Sending again what is not the same when it is done twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ragbridge._call import may_be_done
from ragbridge._errors import RagbridgeError
from ragbridge._flow import Flow, sleep

if TYPE_CHECKING:
    from ragbridge._retry import Retry

T = TypeVar("T")


def resend(send: Callable[[], Flow[T]], *, retry: Retry, in_doubt: Callable[[], object]) -> Flow[T]:
    """What ``send`` returns, which a channel must send as not idempotent: it retries only what surely was not done.

    Where the answer is lost, Elasticsearch may have done its work. Then ``in_doubt`` is called before the next attempt,
    so that "it exists already" can be told from "it existed before".

    Raises:
        RagbridgeError: The last attempt's error.
    """
    attempt = 0
    while True:
        try:
            return (yield from send())
        except RagbridgeError as error:
            attempt += 1
            pause = retry.delay(attempt, error, draw=random.random())  # noqa: S311 - no secret
            if pause is None or not may_be_done(error):
                raise
            in_doubt()
        yield from sleep(pause)
