"""The flow that every request goes through, driven by hand."""

from __future__ import annotations

import pytest

from ragbridge import (
    InvalidRequestError,
    Limiter,
    RateLimit,
    RateLimitError,
    RequestError,
    ResponseError,
    Retry,
    ServiceError,
    Usage,
)
from ragbridge.client.call import Cost, Policy, call
from ragbridge.flow import Request, Response, Send, Sleep, Wait

REQUEST = Request("POST", "https://x/v1/embeddings")
OK = Response(200, {}, b"fine")


def read(response):
    if response.body != b"fine":
        raise ResponseError("odd")
    return "result", 10


def refusal(response):
    kinds = {429: RateLimitError, 422: InvalidRequestError}
    after = response.headers.get("retry-after")
    return kinds.get(response.status, ServiceError)(
        "no", status=response.status, retry_after=float(after) if after else None
    )


def start(policy, tokens=10.0):
    return call(REQUEST, policy=policy, cost=lambda: Cost(tokens), read=read, refusal=refusal)


def result_of(flow, answer):
    with pytest.raises(StopIteration) as done:
        flow.send(answer)
    return done.value.value


def test_a_success_takes_one_request():
    """Nothing but the request itself is asked for."""
    flow = start(Policy())
    assert next(flow) == Send(REQUEST)
    assert result_of(flow, OK) == ("result", Usage(10, 1))


@pytest.mark.parametrize(
    "failure",
    [RequestError("reset"), Response(503), Response(429, {"retry-after": "0"}), Response(200, {}, b"odd")],
)
def test_a_passing_failure_is_slept_off(failure):
    """No answer, a busy service and an odd answer are met with a wait and the same request again."""
    policy = Policy(draw=lambda: 0.0)
    flow = start(policy)
    next(flow)
    effect = flow.throw(failure) if isinstance(failure, Exception) else flow.send(failure)
    if not (isinstance(failure, Response) and failure.status == 429):
        assert effect == Sleep(0.25)
        effect = flow.send(None)
    assert effect == Send(REQUEST)
    assert result_of(flow, OK) == ("result", Usage(10, 1, retries=1))
    assert (policy.totals.requests, policy.totals.retries, policy.totals.tokens) == (2, 1, 10)


def test_a_final_refusal_is_raised_at_once():
    """What would be refused again is not sent again."""
    policy = Policy()
    flow = start(policy)
    next(flow)
    with pytest.raises(InvalidRequestError):
        flow.send(Response(422))
    assert policy.totals.requests == 1


def test_the_last_error_is_raised_when_attempts_are_used_up():
    """Two attempts, two requests, and the second one's error."""
    flow = start(Policy(retry=Retry(attempts=2)))
    next(flow)
    flow.send(Response(500))
    flow.send(None)
    with pytest.raises(ServiceError) as raised:
        flow.send(Response(503))
    assert raised.value.status == 503


def test_under_a_limiter_a_429_is_a_pause_and_no_failure(clock):
    """The quota pauses as long as the service says; attempts are not used up by it."""
    limiter = Limiter(RateLimit(100, 1000, 1), clock=clock.now)
    flow = start(Policy(limiter=limiter, retry=Retry(attempts=1), now=clock.now))
    ticket = next(flow).waitable
    assert ticket.poll() is None
    assert flow.send(None) == Send(REQUEST)
    effect = flow.send(Response(429, {"retry-after": "3"}))
    assert isinstance(effect, Wait)
    pause = effect.waitable.poll()
    assert pause >= 3
    clock.advance(pause)
    assert effect.waitable.poll() is None
    assert flow.send(None) == Send(REQUEST)
    assert result_of(flow, OK) == ("result", Usage(10, 1, retries=1))


def test_endless_refusals_end(clock):
    """A quota that somebody else uses up for good is reported, not waited for until the end of time."""
    limiter = Limiter(RateLimit(100, 1000, 1), clock=clock.now)
    flow = start(Policy(limiter=limiter, retry=Retry(refusals=2), now=clock.now))
    effect = next(flow)
    for _ in range(2):
        clock.advance(effect.waitable.poll() or 0.0)
        flow.send(None)
        effect = flow.send(Response(429))
    clock.advance(effect.waitable.poll() or 0.0)
    flow.send(None)
    with pytest.raises(RateLimitError):
        flow.send(Response(429))


def test_a_flow_closed_while_it_waits_gives_its_place_back(clock):
    """Cancellation in line costs the quota nothing."""
    limiter = Limiter(RateLimit(100, 1000, 1), clock=clock.now)
    first, second, third = (start(Policy(limiter=limiter)) for _ in range(3))
    assert next(first).waitable.poll() is None
    assert next(second).waitable.poll() is not None
    waiting = next(third).waitable
    second.close()
    first.send(None)
    result_of(first, OK)
    assert waiting.poll() is None


def test_what_was_sent_stays_booked_when_the_flow_is_closed(clock):
    """The service may have counted it: the estimate stands for a window."""
    limiter = Limiter(RateLimit(None, 100, None), clock=clock.now)
    flow = start(Policy(limiter=limiter), tokens=60.0)
    assert next(flow).waitable.poll() is None
    flow.send(None)
    flow.close()
    second = start(Policy(limiter=limiter), tokens=60.0)
    assert next(second).waitable.poll() == pytest.approx(60.0)


def lost(*, sent):
    error = RequestError("no answer")
    error.sent = sent
    return error


@pytest.mark.parametrize(
    "failure", [lost(sent=True), Response(500), Response(504), Response(200, {}, b"odd")]
)
def test_what_may_have_been_done_is_not_asked_for_twice(failure):
    """A request that does more when it comes twice is given up where the service may have got it."""
    flow = start(Policy(idempotent=False))
    next(flow)
    with pytest.raises((RequestError, ServiceError, ResponseError)):
        flow.throw(failure) if isinstance(failure, Exception) else flow.send(failure)


@pytest.mark.parametrize("failure", [lost(sent=False), Response(409), Response(503), Response(429)])
def test_what_was_surely_not_done_is_asked_for_again(failure):
    """No connection, a busy service and a reached limit leave nothing done."""
    flow = start(Policy(idempotent=False))
    next(flow)
    effect = flow.throw(failure) if isinstance(failure, Exception) else flow.send(failure)
    assert isinstance(effect, Sleep)


def test_a_refusal_in_the_dress_of_a_success_pauses_the_quota_as_well():
    """Some answers have the status 200 and say 429 inside: under a limiter that is a pause like any other."""

    def disguised(response):
        raise RateLimitError("no", status=429, retry_after=7)

    limiter = Limiter(RateLimit(), clock=lambda: 0.0)
    flow = call(
        REQUEST, policy=Policy(limiter=limiter), cost=lambda: Cost(1.0), read=disguised, refusal=refusal
    )
    assert isinstance(next(flow), Wait)
    assert flow.send(None) == Send(REQUEST)
    waiting = flow.send(OK)
    assert isinstance(waiting, Wait)
    assert waiting.waitable.poll() >= 7
