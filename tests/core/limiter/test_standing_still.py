"""Who waits for an event loop that stands still stops waiting for it, and nothing is given out that is not there."""

from __future__ import annotations

import asyncio
import math
import threading

import pytest

from ragbridge import RateLimit
from ragbridge.limiter import loops
from ragbridge.limiter.limiter import Limiter
from ragbridge.limiter.loops import EventLoop, Waker
from ragbridge.limiter.quota import Booking, Quota

WINDOW = 10.0


@pytest.fixture
def event_loop():
    """An event loop that does not run, as the limiter knows it."""
    loop = asyncio.new_event_loop()
    yield loops.known(loop)
    loop.close()


def granted(quota, now, tokens, loop=None):
    booking = Booking(tokens, loop=loop)
    assert quota.delay(now, booking)[0] <= 0
    quota.grant(now, booking)
    return booking


def delay(quota, now, tokens):
    return quota.delay(now, Booking(tokens))


def test_what_a_still_loop_has_in_flight_counts_as_landed(event_loop):
    """Its tokens and requests are used until a window from now, no longer: nobody waits for an answer that cannot come."""
    quota = Quota(RateLimit(12, 600, None, WINDOW), "off")  # 2 requests, 100 tokens a window
    granted(quota, 0.0, 60, event_loop)
    assert delay(quota, 1.0, 50) == (math.inf, "tokens")
    quota.set_adrift(1.0, event_loop)
    assert delay(quota, 2.0, 50) == (pytest.approx(WINDOW - 1.0), "tokens")
    assert delay(quota, 2.0, 40)[0] <= 0
    assert delay(quota, 11.1, 100)[0] <= 0


def test_a_place_more_is_given_out_beside_a_still_loop_and_no_further_one(event_loop):
    """Its requests may still be under way at the service."""
    quota = Quota(RateLimit(None, None, 1, WINDOW), "off")
    granted(quota, 0.0, 0, event_loop)
    assert delay(quota, 0.0, 0) == (math.inf, "concurrency")
    quota.set_adrift(1.0, event_loop)
    one = granted(quota, 1.0, 0)
    assert delay(quota, 2.0, 0) == (pytest.approx(WINDOW - 1.0), "concurrency")
    quota.settle(2.0, one, None)
    assert delay(quota, 2.0, 0)[0] <= 0
    one = granted(quota, 2.0, 0)
    assert delay(quota, 12.0, 0) == (math.inf, "concurrency")  # nothing is held for the loop any more


def test_what_was_adrift_is_counted_as_billed_once_its_answer_comes(event_loop):
    """The estimate goes, the bill comes, and it counts for a window from then."""
    quota = Quota(RateLimit(None, 600, None, WINDOW), "off")
    booking = granted(quota, 0.0, 60, event_loop)
    quota.set_adrift(1.0, event_loop)
    assert quota.settle(5.0, booking, 30)
    assert delay(quota, 5.0, 70)[0] <= 0
    assert delay(quota, 5.0, 80) == (pytest.approx(WINDOW), "tokens")
    assert not quota.settle(6.0, booking, 30)
    assert quota.is_idle(15.1)


def test_an_answer_after_its_window_counts_from_then(event_loop):
    """The estimate has been forgotten by then; what the service counted has not."""
    quota = Quota(RateLimit(None, 600, None, WINDOW), "off")
    booking = granted(quota, 0.0, 60, event_loop)
    quota.set_adrift(1.0, event_loop)
    assert delay(quota, 12.0, 100)[0] <= 0
    assert quota.settle(12.0, booking, 60)
    assert delay(quota, 12.0, 50) == (pytest.approx(WINDOW), "tokens")


def test_cancelled_adrift_gives_everything_back(event_loop):
    """It was not sent."""
    quota = Quota(RateLimit(6, 600, 1, WINDOW), "off")
    booking = granted(quota, 0.0, 100, event_loop)
    quota.set_adrift(1.0, event_loop)
    assert quota.cancel(2.0, booking)
    assert quota.is_idle(2.0)
    assert delay(quota, 2.0, 100)[0] <= 0


def test_a_refusal_of_what_was_adrift_still_pauses(event_loop):
    """A 429 is a 429, however late."""
    quota = Quota(RateLimit(None, 600, None, WINDOW), "off")
    booking = granted(quota, 0.0, 60, event_loop)
    quota.set_adrift(1.0, event_loop)
    assert quota.refuse(3.0, booking, "tokens", None) == WINDOW
    assert quota.is_paused(12.9)
    assert quota.refuse(4.0, booking, "tokens", None) is None


def test_a_closed_loop_holds_nothing_but_what_it_used(event_loop):
    """Nothing of it ends any more: its places are free, its use is forgotten with the window."""
    quota = Quota(RateLimit(None, 600, 1, WINDOW), "off")
    booking = granted(quota, 0.0, 60, event_loop)
    quota.forget(1.0, event_loop)
    assert delay(quota, 1.0, 40)[0] <= 0
    assert delay(quota, 1.0, 41) == (pytest.approx(WINDOW), "tokens")
    assert not quota.settle(2.0, booking, 10)
    assert quota.is_idle(11.1)


def test_loops_that_move_keep_what_they_hold(event_loop):
    """One loop that stands still says nothing about another, nor about threads."""
    quota = Quota(RateLimit(None, None, 3, WINDOW), "off")
    granted(quota, 0.0, 0, event_loop)
    granted(quota, 0.0, 0, EventLoop(asyncio.AbstractEventLoop()))
    granted(quota, 0.0, 0)
    quota.set_adrift(1.0, event_loop)
    granted(quota, 1.0, 0)
    assert delay(quota, 1.0, 0)[1] == "concurrency"


@pytest.fixture
def one_at_once(clock):
    return Limiter(RateLimit(None, None, 1, WINDOW), clock=clock.now)


def on(loop, ticket):
    """``ticket`` as a flow on ``loop`` waits for it; how often that flow is woken."""
    woken = []
    ticket.subscribe(Waker(lambda: woken.append(ticket), loop))
    return woken


def test_a_ticket_of_a_still_loop_is_passed_over_and_keeps_its_place(one_at_once, event_loop):
    """Its flow could not use the grant; once the loop moves it is the first again."""
    first, second, third = (one_at_once.reserve(0) for _ in range(3))
    woken = on(event_loop, second)
    assert first.poll() is None
    with event_loop.blocked():
        first.settle(None)
        assert third.poll() is None
        third.settle(None)
        assert not woken
        fourth = one_at_once.reserve(0)
        assert fourth.poll() is None
        fifth = one_at_once.reserve(0)
        fourth.settle(None)
        assert fifth.poll() is None
    fifth.settle(None)
    assert woken
    assert second.poll() is None


def test_a_loop_that_moves_again_is_served_without_anybody_asking(one_at_once, event_loop):
    """Room that came while its tickets were passed over is theirs as soon as it moves."""
    first, second = one_at_once.reserve(0), one_at_once.reserve(0)
    woken = on(event_loop, second)
    assert first.poll() is None
    with event_loop.blocked():
        first.settle(None)
        assert not woken
    assert woken
    assert second.poll() is None


def test_a_grant_that_a_still_loop_has_not_seen_is_taken_back(one_at_once, event_loop):
    """The flow that it was meant for finds itself first in line again, and sends nothing without a grant."""
    first, second, third = (one_at_once.reserve(0) for _ in range(3))
    on(event_loop, second)
    assert first.poll() is None
    first.settle(None)  # second is granted, and woken; its loop is blocked before it looks
    with event_loop.blocked():
        assert third.poll() is None
        assert second.poll() is not None
        third.settle(None)
    assert second.poll() is None
    assert one_at_once.reserve(0).poll() is not None


def test_a_closed_loop_leaves_the_line(one_at_once):
    """With its grants, its bookings and its places in line."""
    loop = asyncio.new_event_loop()
    known = loops.known(loop)
    first, second, third = (one_at_once.reserve(0) for _ in range(3))
    on(known, first)
    on(known, second)
    assert first.poll() is None
    loop.close()
    assert third.poll() is None


def test_a_still_loops_bookings_are_not_waited_for_by_a_thread(one_at_once, event_loop):
    """One request more than allowed is under way meanwhile, and only one."""
    first, second, third = (one_at_once.reserve(0) for _ in range(3))
    on(event_loop, first)
    assert first.poll() is None
    with event_loop.blocked():
        assert second.poll() is None
        assert third.poll() is not None
    first.settle(None)
    second.settle(None)
    assert third.poll() is None


@pytest.mark.parametrize("still", ["before", "while it is looked at"])
def test_no_ticket_is_forgotten_by_a_loop_that_moves_in_that_very_moment(one_at_once, still):
    """Between being seen to stand still and being told whom to wake, a loop may go on."""

    class Restless(EventLoop):
        """Moves as soon as somebody has looked."""

        looks = 0

        @property
        def is_still(self):
            self.looks += 1
            return self.looks == 1

    loop = asyncio.new_event_loop()
    known = Restless(loop) if still == "while it is looked at" else loops.known(loop)
    first, second = one_at_once.reserve(0), one_at_once.reserve(0)
    woken = on(known, second)
    assert first.poll() is None
    if still == "before":
        with known.blocked():
            first.settle(None)
    else:
        first.settle(None)
    assert woken
    assert second.poll() is None
    loop.close()


def test_a_waiting_flow_is_looked_at_a_handful_of_times_after_suspicious_refusals():
    """A limit that recovers bit by bit brings the head's turn earlier at each look, which is no reason to wake it."""
    time = 0.0

    def now():
        nonlocal time
        time += 1e-6  # looking takes time as well
        return time

    limiter = Limiter(RateLimit(None, 1_500_000, None, WINDOW), clock=now)  # 250,000 tokens a window
    for _ in range(2):  # refused at half of the quota, twice
        tickets = [limiter.reserve(12_500) for _ in range(10)]
        while (seconds := tickets[-1].poll()) is not None:
            time += seconds
        for ticket in tickets[:-1]:
            ticket.settle(12_500)
        time += tickets[-1].refuse(reason="tokens", retry_after=None)
        time += WINDOW
    looks = grants = 0
    while grants < 100:
        ticket, wake = limiter.reserve(3_000), threading.Event()
        ticket.subscribe(wake.set)
        while (seconds := ticket.poll()) is not None:
            looks += 1
            time += 1e-5 if wake.is_set() else seconds  # what a driver does
            wake.clear()
            assert looks < 20 * (grants + 5), "the flow wakes itself again and again"
        ticket.settle(3_000)
        grants += 1
    assert looks > 10  # it has waited at all
