"""One request made safe: paced by the limiter, retried where it may help, its failures typed.

Every product of every service sends through ``call``. It is a flow: what it does is tested by hand.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

from ragbridge.client.retry import Retry
from ragbridge.client.tally import Tally, Totals
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
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from ragbridge.client.accounts import Turn
    from ragbridge.limiter.limits import RateLimiter, Reason, Ticket
    from ragbridge.values.embeddings import Usage

T = TypeVar("T")


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
    product: str = ""
    """Whose quota counts the requests."""


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
    learn: Callable[[int], object] | None = None,
) -> Flow[tuple[T, Usage]]:
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
        learn: Told the tokens billed, where the service says them.

    Returns:
        The result that ``read`` returned, and what it cost.

    Raises:
        RagbridgeError: The last attempt's error.
    """
    tally = Tally(policy.totals, policy.product)
    failures = refusals = 0
    broken: str | None = None
    while True:
        try:
            return (
                yield from _attempt(
                    request,
                    policy=policy,
                    tally=tally,
                    cost=cost(),
                    read=read,
                    refusal=refusal,
                    turn=turn,
                    learn=learn,
                )
            )
        except RagbridgeError as error:
            tally.note(error)
            if turn is not None and turn.another(
                error, policy.retry.cap(getattr(error, "retry_after", None))
            ):
                tally.again(request, error, 0.0, how="with another key")
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
                    raise _repeated(error, tally) from None
                pause = policy.retry.delay(failures, error, draw=policy.draw())
                if pause is None:
                    raise
                delay = pause
            tally.again(request, error, delay, how=f"again in {delay:.2f} s")
        yield from sleep(delay)
        if renew is not None:
            request = renew(request)


def _attempt(
    request: Request,
    *,
    policy: Policy,
    tally: Tally,
    cost: Cost,
    read: Callable[[Response], tuple[T, int | None]],
    refusal: Callable[[Response], StatusError],
    turn: Turn | None,
    learn: Callable[[int], object] | None,
) -> Flow[tuple[T, Usage]]:
    request, ticket = yield from _admitted(request, policy, cost, turn)
    tally.admitted(ticket)
    start = policy.now()
    billed: float | None = None
    try:
        tally.sent()
        response = yield from send(request)
        if response.status >= 400:
            raise _placed(refusal(response), request)
        result, tokens = read(response)
        billed = tokens
    except RateLimitError as error:
        reason, pause = policy.reason(error), 0.0
        if ticket is not None:
            pause = ticket.refuse(reason=reason, retry_after=policy.retry.cap(error.retry_after))
        tally.refused(error, reason, pause, policy.now() - start)
        raise
    except RagbridgeError as error:
        if isinstance(error, StatusError) and not error.retryable:
            billed = 0.0  # what is refused as wrong is not billed
        tally.failed(error, policy.now() - start)
        raise
    finally:
        if (
            ticket is not None
        ):  # without an answer the service may have counted the request: the estimate stands
            ticket.settle(billed)
    if learn is not None and tokens is not None:
        learn(tokens)
    return result, tally.answered(request, response, tokens, policy.now() - start)


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
    return request, ticket


def _shape_of(error: RagbridgeError) -> str | None:
    """Which promise an answer broke, without the numbers of this answer; None where it was damaged, or there is none."""
    if isinstance(error, ResponseError) and not error.damaged:
        return re.sub(r"\d+", "#", str(error))
    return None


def _repeated(error: RagbridgeError, tally: Tally) -> RagbridgeError:
    """The error of a service that means what it says: each further answer would be billed as well."""
    repeated = type(error)(f"{error}; two answers in a row were wrong in this way, so no third is asked for")
    repeated.retryable = False
    tally.note(repeated)
    return repeated


def may_be_done(error: RagbridgeError) -> bool:
    """Whether the service may have done what it was asked for, although the request failed."""
    if isinstance(error, RequestError):
        return error.sent
    if isinstance(error, ServiceError):
        return error.status not in {409, 503}
    return isinstance(error, ResponseError)
