"""How the requests of one job are paced, by flows alone."""

from __future__ import annotations

import pytest

from ragbridge import RateLimit, Usage
from ragbridge.client.call import Policy
from ragbridge.client.meter import Meter
from ragbridge.errors import ServiceError
from ragbridge.flow import Request, Response, Send
from ragbridge.limiter.limiter import Limiter
from ragbridge.limiter.tokens import TokenEstimator


def sent(meter, billed, status=200):
    """What one request brings, whose answer says that it was billed so much."""
    flow = meter.send(
        Request("POST", "http://service/"),
        read=lambda response: ("found", billed),
        refusal=lambda response: ServiceError("no", status=response.status),
        measure=lambda: meter.tokens.measure("a text"),
    )
    effect = next(flow)
    try:
        while True:
            effect = flow.send(Response(status) if isinstance(effect, Send) else None)
    except StopIteration as done:
        return done.value


def free(meter, count=3):
    """How many of so many requests go at once."""
    waiting = [meter.tokens.pilot() for _ in range(count)]
    return sum(one.poll() is None for one in waiting)


@pytest.fixture
def meter():
    return Meter(Policy(limiter=Limiter(RateLimit(1000, 1_000_000))), TokenEstimator(), counts=True)


@pytest.mark.parametrize("billed", [None, 0, 7])
def test_after_a_success_no_request_waits_for_the_first_one(meter, billed):
    """Whatever its answer says of tokens: a service that does not count them never will."""
    assert free(meter) == 1
    assert sent(meter, billed) == ("found", Usage(billed or 0, 1))
    assert free(meter) == 3


def test_after_a_failure_the_next_request_goes_alone(meter):
    """Nothing has been learnt from it."""
    meter = Meter(Policy(limiter=meter.policy.limiter, idempotent=False), meter.tokens, counts=True)
    with pytest.raises(ServiceError):
        sent(meter, 7, status=500)
    assert free(meter) == 1
