"""One request made safe: paced by the limiter, retried where it may help, its failures typed.

Every product of every service sends through ``call``. It is a flow: what it does is tested by hand.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ragbridge.client.retry import Retry
from ragbridge.errors import (
    RagbridgeError,
    RateLimitError,
    RequestError,
    ResponseError,
    ServiceError,
    StatusError,
)
from ragbridge.flow import Flow, Request, Response, send, sleep, wait
from ragbridge.ground.addresses import shown

if TYPE_CHECKING:
    from ragbridge.client.accounts import Turn
    from ragbridge.limiter.limits import RateLimiter, Reason, Ticket

log = logging.getLogger("ragbridge")

T = TypeVar("T")


@dataclass(slots=True)
class Totals:
    """What a client has used since it was made.

    Attributes:
        tokens: Tokens billed, as the service counted them.
        requests: Requests sent, refused and failed ones included.
        retries: Requests that were sent again after a failure.
        refusals: Answers of status 429.
        waits: Times that a request waited for the limiter.
        waited: Seconds that requests waited for the limiter, added up over all of them.
    """

    tokens: int = 0
    requests: int = 0
    retries: int = 0
    refusals: int = 0
    waits: int = 0
    waited: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(
        self,
        *,
        tokens: int = 0,
        requests: int = 0,
        retries: int = 0,
        refusals: int = 0,
        waits: int = 0,
        waited: float = 0.0,
    ) -> None:
        """Count what just happened; safe from any thread."""
        with self._lock:
            self.tokens += tokens
            self.requests += requests
            self.retries += retries
            self.refusals += refusals
            self.waits += waits
            self.waited += waited


@dataclass(frozen=True, slots=True)
class Policy:
    """How requests of one product are paced, retried and counted.

    Where they are not ``idempotent``, only what the service surely has not done is asked for again.
    """

    retry: Retry = field(default_factory=Retry)
    limiter: RateLimiter | None = None
    totals: Totals = field(default_factory=Totals)
    now: Callable[[], float] = time.monotonic
    draw: Callable[[], float] = random.random
    idempotent: bool = True
    reason: Callable[[RateLimitError], Reason | None] = lambda _: None
    """Which of its limits the service says was reached; None where it does not say."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request is expected to be billed, in tokens, and the variance of that guess."""

    tokens: float = 0.0
    variance: float = 0.0


def call(
    request: Request,
    *,
    policy: Policy,
    cost: Callable[[], Cost],
    read: Callable[[Response], tuple[T, int | None]],
    refusal: Callable[[Response], StatusError],
    turn: Turn | None = None,
    renew: Callable[[Request], Request] | None = None,
) -> Flow[tuple[T, int | None]]:
    """Send ``request`` until it succeeds or there is no point in going on.

    Args:
        request: What to send.
        policy: Limiter, retry rules and counters.
        cost: Says what the request will probably be billed; asked again for each attempt, since estimates improve.
        read: Turns a success into a result and the tokens billed; raises ``ResponseError`` on anything odd, and a
            ``StatusError`` where an answer calls itself a success and is a refusal.
        refusal: Turns an answer of 400 or more into the error to raise.
        turn: Chooses among several keys, or asks for the key of the moment; None where the request is signed already.
        renew: Makes the request of a further attempt, where that is to be another one; None for the same.

    Returns:
        What ``read`` returned.

    Raises:
        RagbridgeError: The last attempt's error.
    """
    failures = refusals = 0
    broken: str | None = None
    while True:
        try:
            return (
                yield from _attempt(
                    request, policy=policy, cost=cost(), read=read, refusal=refusal, turn=turn
                )
            )
        except RagbridgeError as error:
            if turn is not None and turn.another(
                error, policy.retry.cap(getattr(error, "retry_after", None))
            ):
                policy.totals.add(retries=1)
                log.info("%s %s: %s; trying with another key", request.method, request.place, error)
                continue
            if not policy.idempotent and may_be_done(error):
                raise
            if isinstance(error, RateLimitError) and policy.limiter is not None:
                refusals += 1
                if refusals > policy.retry.refusals:
                    raise
                delay = 0.0  # the limiter has paused the whole quota: it knows for how long
            else:
                failures += 1
                before, broken = broken, _shape_of(error)
                if broken is not None and broken == before:
                    raise _repeated(error) from None
                pause = policy.retry.delay(failures, error, draw=policy.draw())
                if pause is None:
                    raise
                delay = pause
            policy.totals.add(retries=1)
            log.info("%s %s: %s; trying again in %.2f s", request.method, request.place, error, delay)
        yield from sleep(delay)
        if renew is not None:
            request = renew(request)


def _attempt(
    request: Request,
    *,
    policy: Policy,
    cost: Cost,
    read: Callable[[Response], tuple[T, int | None]],
    refusal: Callable[[Response], StatusError],
    turn: Turn | None,
) -> Flow[tuple[T, int | None]]:
    request, ticket = yield from _admitted(request, policy, cost, turn)
    start = policy.now()
    billed: float | None = None
    try:
        policy.totals.add(requests=1)
        response = yield from send(request)
        if response.status >= 400:
            raise _placed(refusal(response), request)
        result, tokens = read(response)
        billed = tokens
    except RateLimitError as error:
        policy.totals.add(refusals=1)
        if ticket is not None:
            ticket.refuse(reason=policy.reason(error), retry_after=policy.retry.cap(error.retry_after))
        raise
    except StatusError as error:
        if not error.retryable:
            billed = 0.0  # what is refused as wrong is not billed
        raise
    finally:
        if (
            ticket is not None
        ):  # without an answer the service may have counted the request: the estimate stands
            ticket.settle(billed)
    policy.totals.add(tokens=tokens or 0)
    log.info("%s %s: %d tokens in %.3f s", request.method, request.place, tokens or 0, policy.now() - start)
    return result, tokens


def _placed(error: StatusError, request: Request) -> StatusError:
    """``error``; of a 404, with the address that was asked, since that may be what is wrong."""
    if error.status != 404:
        return error
    return error.replace(message=f"{error.message} ({request.method} {shown(request.place)})")


def _admitted(
    request: Request, policy: Policy, cost: Cost, turn: Turn | None
) -> Flow[tuple[Request, Ticket | None]]:
    """The request, signed, and its booking, once the quota has room."""
    ticket: Ticket | None
    if turn is not None:
        ticket = yield from turn.reserve(cost.tokens, cost.variance)
    else:
        ticket = policy.limiter.reserve(cost.tokens, variance=cost.variance) if policy.limiter else None
    try:
        if ticket is not None:
            yield from wait(ticket)
        if turn is not None:
            request = yield from turn.sign(request)
    except BaseException:
        if ticket is not None:
            ticket.cancel()
        raise
    if ticket is not None and ticket.waited:
        policy.totals.add(waits=1, waited=ticket.waited)
    return request, ticket


def _shape_of(error: RagbridgeError) -> str | None:
    """Which promise an answer broke, without the numbers of this answer; None where it was damaged, or there is none."""
    if isinstance(error, ResponseError) and not error.damaged:
        return re.sub(r"\d+", "#", str(error))
    return None


def _repeated(error: RagbridgeError) -> RagbridgeError:
    """The error of a service that means what it says: each further answer would be billed as well."""
    repeated = type(error)(f"{error}; two answers in a row were wrong in this way, so no third is asked for")
    repeated.retryable = False
    return repeated


def may_be_done(error: RagbridgeError) -> bool:
    """Whether the service may have done what it was asked for, although the request failed."""
    if isinstance(error, RequestError):
        return error.sent
    if isinstance(error, ServiceError):
        return error.status not in {409, 503}
    return isinstance(error, ResponseError)
