import asyncio
import contextlib
import gc
import heapq
import itertools
import logging
import math
import random
import threading
import time
import weakref
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import Limiter, RateLimit
from ragbridge.errors import ConfigurationError


class World:
    """A virtual clock, with things that happen at given times."""

    def __init__(self):
        self.now = 0.0
        self._events = []
        self._count = itertools.count()

    def __call__(self):
        return self.now

    def after(self, seconds, what):
        heapq.heappush(self._events, (self.now + seconds, next(self._count), what))

    def run(self, until=math.inf):
        while self._events and self._events[0][0] <= until:
            self.now, _, what = heapq.heappop(self._events)
            what()
        if until < math.inf:
            self.now = until

    def when_granted(self, ticket, then):
        """As drivers do: look, then look again after the seconds named or when woken."""
        state = {"granted": False}

        def look():
            if state["granted"] or state.get("cancelled"):
                return
            left = ticket.poll()
            if left is None:
                state["granted"] = True
                then()
            elif left < math.inf:
                self.after(left, look)

        ticket.subscribe(lambda: self.after(0.0, look))
        look()
        return state


def limiter_at(world, *figures, pacing="auto", **options):
    return Limiter(RateLimit(*figures), pacing=pacing, clock=world, **options)


def fill(limiter, count, tokens=1.0):
    tickets = [limiter.reserve(tokens) for _ in range(count)]
    return [ticket for ticket in tickets if ticket.poll() is None]


def fullest(arrivals, window):
    """The most requests, and the most tokens, that arrived within any half-open window."""
    arrivals = sorted(arrivals)
    most_requests = most_tokens = 0.0
    for i, (end, _) in enumerate(arrivals):
        inside = [amount for at, amount in arrivals[: i + 1] if at > end - window + 1e-9]
        most_requests, most_tokens = max(most_requests, len(inside)), max(most_tokens, sum(inside))
    return most_requests, most_tokens


jobs = st.lists(
    st.tuples(
        st.floats(1, 100),  # tokens
        st.floats(0.5, 1.0),  # billed, as a share of the estimate
        st.floats(0.0, 3.0),  # seconds until it arrives at the service
        st.floats(0.0, 3.0),  # seconds until the answer is back
        st.sampled_from(["settle", "settle", "settle", "unknown", "refused as wrong", "cancel"]),
        st.floats(0.0, 8.0),  # seconds until the caller asks for the next one
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(
    jobs, st.sampled_from([3, 10]), st.sampled_from([None, 2, 5]), st.sampled_from(["auto", "always", "off"])
)
def test_never_above_the_quota_in_any_window(script, requests, concurrency, pacing):
    """No window of any alignment ever holds more requests or tokens than allowed, whatever the latencies."""
    world, window = World(), 10.0
    limiter = limiter_at(world, requests * 6, 200 * 6, concurrency, window, pacing=pacing)
    arrivals, flying, ended = [], Counter(), Counter()

    def begin(job):
        tokens, share, there, back, how, _ = job
        ticket = limiter.reserve(tokens)

        def sent():
            if how == "cancel":
                ticket.cancel()
                ended[how] += 1
                return
            flying["now"] += 1
            flying["most"] = max(flying["most"], flying["now"])
            world.after(there, arrived)

        def arrived():
            arrivals.append((world.now, tokens * share))
            world.after(back, answered)

        def answered():
            flying["now"] -= 1
            ended[how] += 1
            if how == "unknown":
                ticket.settle(None)
            else:
                ticket.settle(tokens * share)

        world.when_granted(ticket, sent)

    at = 0.0
    for job in script:
        world.after(at, lambda job=job: begin(job))
        at += job[-1]
    world.run()
    assert sum(ended.values()) == len(script)  # and nobody waits for ever
    most_requests, most_tokens = fullest(arrivals, window)
    assert most_requests <= requests
    assert most_tokens <= 200 + 1e-6
    assert concurrency is None or flying["most"] <= concurrency


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1, 200), min_size=2, max_size=40), st.sampled_from(["auto", "always", "off"]))
def test_first_come_first_served(amounts, pacing):
    """Grants follow the order of reserving: a large request is not overtaken by small ones, nor waits for ever."""
    world, order = World(), []
    limiter = limiter_at(world, 600, 1200, None, 10.0, pacing=pacing)
    for index, amount in enumerate(amounts):
        ticket = limiter.reserve(amount)

        def sent(index=index, ticket=ticket):
            order.append(index)
            world.after(0.5, lambda: ticket.settle(None))

        world.when_granted(ticket, sent)
    world.run()
    assert order == list(range(len(amounts)))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(1, 60), st.sampled_from(["while waiting", "once granted", "never"]), st.floats(0.1, 30)
        ),
        min_size=1,
        max_size=40,
    )
)
def test_cancelling_loses_no_booking(script):
    """Whoever gives up, waiting or granted, leaves no trace: the others all get through, then everything is free."""
    world = World()
    limiter = limiter_at(world, 5 * 6, 100 * 6, 3, 10.0)
    finished = []
    for tokens, when, seconds in script:
        ticket = limiter.reserve(tokens)

        def sent(ticket=ticket, when=when):
            if when == "once granted":
                ticket.cancel()
            else:
                world.after(0.5, lambda: (finished.append(ticket), ticket.settle(None)))

        state = world.when_granted(ticket, sent)
        if when == "while waiting":

            def give_up(ticket=ticket, state=state):
                if not state["granted"]:
                    state["cancelled"] = True
                    ticket.cancel()

            world.after(seconds, give_up)
    world.run()
    assert len(finished) >= sum(when == "never" for _, when, _ in script)
    world.run(until=world.now + 10.0)
    assert len(fill(limiter, 4, 33.0)) == 3
    world.run(until=world.now + 10.0)


def test_cancelling_what_was_granted_gives_everything_back():
    """A booking that was never sent frees its request, its tokens and its place at once, and wakes the next."""
    world, woken = World(), []
    limiter = limiter_at(world, 60, 100, 1)
    first, second = limiter.reserve(100), limiter.reserve(100)
    second.subscribe(lambda: woken.append(world.now))
    assert first.poll() is None
    assert second.poll() > 0
    first.cancel()
    assert woken
    assert second.poll() is None


def test_what_was_billed_less_than_booked_comes_back_at_once():
    """A waiter does not wait for its time when a settled request turns out smaller."""
    world, woken = World(), []
    limiter = limiter_at(world, None, 100, None)
    first, second = limiter.reserve(90), limiter.reserve(60)
    assert first.poll() is None
    second.subscribe(lambda: woken.append(1))
    assert second.poll() == 60.0
    first.settle(40)
    assert woken
    assert second.poll() is None


def test_quota_is_held_until_a_window_after_the_answer():
    """What counts is when the answer came, not when the request was sent: the service counted somewhere between."""
    world = World()
    limiter = limiter_at(world, 1, None, None)
    first = limiter.reserve(1)
    assert first.poll() is None
    world.now = 30.0
    first.settle(1)
    second = limiter.reserve(1)
    assert second.poll() == 60.0
    world.now = 89.9
    assert second.poll() == pytest.approx(0.1, abs=1e-5)
    world.now = 90.0
    assert second.poll() is None
    assert second.waited == 60.0
    assert second.reason == "requests"
    assert (first.waited, first.reason) == (0.0, None)


def test_uncertainty_adds_up_over_what_is_in_flight():
    """Three standard deviations of the sum stay free, less than three of each; settled requests need no margin."""
    world = World()
    limiter = limiter_at(world, None, 1000, None)
    tickets = [limiter.reserve(100, variance=100.0) for _ in range(9)]
    assert all(ticket.poll() is None for ticket in tickets)  # 900 + 3 * sqrt(9 * 100) = 990
    assert limiter.reserve(5).poll() is None
    last = limiter.reserve(6)
    assert last.poll() is not None
    for ticket in tickets:
        ticket.settle(100)
    assert last.poll() is None


@pytest.mark.parametrize(
    ("figures", "granted", "reason"),
    [((3, None, None), 3, "requests"), ((None, 3, None), 3, "tokens"), ((None, None, 3), 3, "concurrency")],
)
def test_each_limit_works_alone(figures, granted, reason):
    """Requests, tokens or concurrency can be the only limit."""
    world = World()
    limiter = limiter_at(world, *figures)
    assert len(fill(limiter, granted + 2)) == granted
    last = limiter.reserve(0.0 if reason == "requests" else 1.0)
    assert last.poll() is not None
    world.now += 120.0
    if reason != "concurrency":
        assert last.poll() > 0  # those before it are granted, in flight, and count


def test_nothing_is_limited_where_everything_is_none():
    """A limiter without figures lets everything pass."""
    assert len(fill(limiter_at(World(), None, None, None), 1000, 1e9)) == 1000


def test_what_can_never_fit_is_refused_at_once():
    """A request above a whole window's tokens fails when it reserves, and the message says what to do."""
    limiter = limiter_at(World(), 100, 1000, 2)
    limiter.reserve(1000).cancel()
    with pytest.raises(ConfigurationError, match="tokens_per_minute"):
        limiter.reserve(1001)
    with pytest.raises(ConfigurationError, match="never fit"):
        limiter.reserve(math.nan)


def test_pacing_is_named_right():
    """An unknown way of pacing is refused."""
    with pytest.raises(ConfigurationError, match="pacing"):
        Limiter(RateLimit(), pacing="sometimes")


def test_paced_requests_come_evenly():
    """With pacing, no tenth of a window carries more than about a tenth of the quota."""
    world, sent = World(), []
    limiter = limiter_at(world, 100, None, None, pacing="always")
    for _ in range(200):
        ticket = limiter.reserve(1)
        world.when_granted(ticket, lambda ticket=ticket: (sent.append((world.now, 1.0)), ticket.settle(1)))
    world.run()
    assert fullest(sent, 6.0)[0] <= 8 + 0.1 * 103 + 1
    assert sent[-1][0] < 125


@pytest.mark.parametrize(("retry_after", "pause"), [(None, 60.0), (7.0, 7.0), (0.0, 0.0), (-3.0, 0.0)])
def test_a_refusal_pauses_everybody(retry_after, pause):
    """After a 429 nobody of this quota sends until Retry-After, or else a window, has passed."""
    world = World()
    limiter = limiter_at(world, 100, None, None, pacing="off")
    refused, other = fill(limiter, 2)
    assert refused.refuse(reason="requests", retry_after=retry_after) == pause
    other.settle(1)
    waiting = limiter.reserve(1)
    if pause:
        assert waiting.poll() == pytest.approx(pause)
        assert waiting.reason == "paused"
        world.now += pause
    assert waiting.poll() is None


def test_a_round_of_refusals_is_told_once(caplog):
    """A 429 is a warning, for all requests that were under way together."""
    caplog.set_level(logging.WARNING, logger="ragbridge")
    for ticket in fill(limiter_at(World(), 100, None, None), 8):
        ticket.refuse(reason="requests", retry_after=None)
    assert ["requests" in record.getMessage() for record in caplog.records] == [True]


def test_a_refusal_near_the_quota_lowers_what_is_given_out():
    """After a 429 the limit is .95 of what was in use; it recovers by half a percent per window, up to the quota."""
    world = World()
    limiter = limiter_at(world, 100, None, None)
    tickets = fill(limiter, 91)
    for ticket in tickets[1:]:
        ticket.settle(1)
    tickets[0].refuse(reason="requests", retry_after=None)
    lowered = 0.95 * 91
    assert limiter.effective.requests_per_minute == pytest.approx(lowered)
    assert limiter.limit.requests_per_minute == 100
    world.now = 60.0
    assert len(fill(limiter, 100)) == int(lowered + 0.5)
    world.now = 600.0
    assert limiter.effective.requests_per_minute == pytest.approx(lowered + 5.0)
    world.now = 60_000.0
    assert limiter.effective.requests_per_minute == 100


def test_one_round_of_refusals_lowers_once():
    """Requests that were under way when the first was refused teach nothing new."""
    world = World()
    limiter = limiter_at(world, None, 1000, None)
    for ticket in fill(limiter, 90, 10):
        ticket.settle(10)
    for ticket in fill(limiter, 8, 10):
        world.now += 0.01
        ticket.refuse(reason="tokens", retry_after=None)
    assert limiter.effective.tokens_per_minute == pytest.approx(0.95 * 900, abs=0.1)


def test_a_late_refusal_teaches_nothing():
    """A refusal that arrives long after its round, when the window has emptied, does not lower the limit further."""
    world = World()
    limiter = limiter_at(world, 100, None, None)
    tickets = fill(limiter, 92)
    for ticket in tickets[2:]:
        ticket.settle(1)
    tickets[0].refuse(reason="requests", retry_after=None)
    world.now = 90.0
    tickets[1].refuse(reason="requests", retry_after=None)
    assert limiter.effective.requests_per_minute > 85


def test_a_refusal_is_judged_by_what_was_really_in_use():
    """Estimates that were too low made us refuse ourselves: as they are settled, the limit is put right."""
    world = World()
    limiter = limiter_at(world, None, 1000, None)
    for ticket in fill(limiter, 60, 10):
        ticket.settle(10)
    refused, *others = fill(limiter, 20, 10)
    refused.refuse(reason="tokens", retry_after=None)
    for ticket in others:
        ticket.settle(20)
    world.now = 60.0
    assert limiter.effective.tokens_per_minute == pytest.approx(0.95 * 980 + 5, abs=0.1)


def test_no_refusal_lowers_below_a_tenth():
    """However often a service refuses, a tenth of the quota is still tried."""
    world = World()
    limiter = limiter_at(world, 100, None, None, pacing="off")
    for _ in range(5):
        [ticket] = fill(limiter, 1)
        ticket.refuse(reason="requests", retry_after=None)
        world.now += 61.0
    assert 10 <= limiter.effective.requests_per_minute < 11


def test_a_refusal_far_below_the_quota_turns_pacing_on():
    """Small bursts, or what an earlier process used: from then on requests come evenly, and nothing stays lowered."""
    world = World()
    limiter = limiter_at(world, 100, None, None)
    fill(limiter, 20)[0].refuse(reason="requests", retry_after=5.0)
    assert limiter.effective.requests_per_minute < 20
    world.now = 60.0
    assert limiter.effective.requests_per_minute == 100
    assert len(fill(limiter, 50)) < 15
    assert limiter.reserve(1).poll() > 0


def test_a_second_refusal_far_below_the_quota_lowers_for_long():
    """When pacing did not help, somebody else uses the quota: the limit follows and recovers slowly."""
    world = World()
    limiter = limiter_at(world, 100, None, None)
    for _ in range(2):
        tickets = fill(limiter, 5)
        tickets[0].refuse(reason="requests", retry_after=None)
        for ticket in tickets[1:]:
            ticket.settle(1)
        world.now += 120.0
    assert limiter.effective.requests_per_minute < 12


def test_a_refusal_without_a_reason_is_blamed_on_what_was_fuller():
    """A service that does not say which limit was reached is believed to mean the nearer one."""
    world = World()
    limiter = limiter_at(world, 100, 1000, None)
    tickets = fill(limiter, 10, 95)
    for ticket in tickets[1:]:
        ticket.settle(95)
    tickets[0].refuse(reason=None, retry_after=None)
    assert limiter.effective.tokens_per_minute < 1000
    assert limiter.effective.requests_per_minute == 100


def test_a_refusal_for_concurrency_lowers_concurrency():
    """Places are cut to what the service took at once, and come back one per window; the rate stays."""
    world = World()
    limiter = limiter_at(world, 1000, None, 8)
    tickets = fill(limiter, 8)
    for ticket in tickets[:2]:
        ticket.settle(1)
    pauses = [ticket.refuse(reason="concurrency", retry_after=None) for ticket in reversed(tickets[2:])]
    assert max(pauses) <= 1.0
    assert limiter.effective == RateLimit(1000, None, 2)
    world.now = 1.0
    assert len(fill(limiter, 5)) == 2
    for seconds, places in ((60.0, 3), (120.0, 4), (6000.0, 8)):
        world.now = seconds
        assert limiter.effective.concurrency == places


def test_concurrency_is_learnt_where_none_is_set():
    """A service that limits concurrency teaches a limiter that knew of no such limit."""
    world = World()
    limiter = limiter_at(world, None, None, None)
    fill(limiter, 4)[3].refuse(reason="concurrency", retry_after=None)
    world.now = 1.0
    waiting = limiter.reserve(1)
    assert waiting.poll() == pytest.approx(59.0)
    assert waiting.reason == "concurrency"
    world.now = 60.0
    assert waiting.poll() is None


def test_the_first_ending_wins():
    """A ticket ends once: what is called later changes nothing."""
    world = World()
    limiter = limiter_at(world, 2, 100, 2)
    first = limiter.reserve(50)
    first.settle(50)
    first.cancel()
    first.settle(10)
    assert first.refuse(reason="tokens", retry_after=30.0) == 0.0
    assert limiter.effective == limiter.limit
    second = limiter.reserve(50)
    assert second.poll() is None
    second.cancel()
    second.settle(50)
    assert limiter.reserve(50).poll() is None
    assert limiter.reserve(1).poll() is not None


def test_waiting_for_a_cancelled_ticket_is_an_error():
    """Nobody sends on a ticket that was given up."""
    limiter = limiter_at(World(), 1, None, None)
    limiter.reserve(1)
    ticket = limiter.reserve(1)
    ticket.cancel()
    with pytest.raises(RuntimeError, match="cancelled"):
        ticket.poll()


def test_a_request_above_a_lowered_limit_still_has_its_turn():
    """What fits the quota but not the lowered limit goes alone, when the window is empty."""
    world = World()
    limiter = limiter_at(world, None, 1000, None, pacing="off")
    small = fill(limiter, 10, 10)
    small[0].refuse(reason="tokens", retry_after=None)
    for ticket in small[1:]:
        ticket.settle(10)
    large = limiter.reserve(900)
    assert large.poll() == 60.0
    world.now = 60.0
    assert large.poll() is None


def test_a_closed_event_loop_gives_its_place_up():
    """A waiter whose loop is gone neither blocks the line nor keeps its booking."""
    world = World()
    limiter = limiter_at(world, 60, None, 1)
    first = limiter.reserve(1)
    loop = asyncio.new_event_loop()
    dead, alive = limiter.reserve(1), limiter.reserve(1)
    dead.subscribe(lambda: loop.call_soon_threadsafe(print))
    assert first.poll() is None
    assert dead.poll() is not None
    assert alive.poll() is not None
    loop.close()
    first.settle(1)
    assert alive.poll() is None


@pytest.mark.parametrize("moment", range(6))
def test_endings_may_come_from_within(moment):
    """The garbage collector closes flows, hence cancels, at any moment: even while this thread changes the limiter."""
    limiter = limiter_at(World(), None, 100, None)
    first = limiter.reserve(40)
    countdown = iter(range(moment))

    class Interrupted(float):
        def __radd__(self, other):
            if next(countdown, None) is None:
                first.cancel()
            return other + float(self)

    second = limiter.reserve(Interrupted(60))
    assert first.poll() is second.poll() is None
    first.cancel()
    assert limiter.reserve(40).poll() is None
    assert limiter.reserve(1).poll() is not None


def test_the_default_tier_says_once_how_to_lift_it(caplog):
    """The first wait that nobody asked for is explained once, with the setting that ends it; others are quiet."""
    caplog.set_level(logging.DEBUG, logger="ragbridge")
    world = World()
    limiter = limiter_at(world, 1, None, None, default_tier=True)
    for _ in range(3):
        limiter.reserve(1).poll()
    told = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert [record.levelno for record in told] == [logging.WARNING]
    assert "waiting 60.0 s" in told[0].getMessage()
    assert "name of a higher tier" in told[0].getMessage()
    assert any(
        "requests" in record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG
    )

    caplog.clear()
    chosen = limiter_at(world, 1, None, None)
    for _ in range(3):
        chosen.reserve(1).poll()
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]


def test_a_request_should_carry_a_small_share_of_the_quota():
    """About 1.3 % of a window's tokens, or more where requests would run out before tokens do."""
    assert Limiter(RateLimit(500, 2_000_000)).request_budget == pytest.approx(26_000)
    assert Limiter(RateLimit(100, 100_000)).request_budget == pytest.approx(1_500)
    assert Limiter(RateLimit(None, 100_000)).request_budget == pytest.approx(1_300)
    assert Limiter(RateLimit(1, 100_000)).request_budget == 100_000
    assert Limiter(RateLimit(100, None)).request_budget is None
    assert Limiter(RateLimit(500, 1_000_000, window=6.0)).request_budget == pytest.approx(1_300, rel=3)


def test_threads_and_two_event_loops_share_one_limiter():
    """Threads and loops wait in one line on a real clock: all get through, no window ever holds more than allowed."""
    window, allowed, workers, each = 0.4, 20, 3, 10
    limiter = Limiter(RateLimit(allowed * 60 / window, None, 4, window))
    sent, failures = [], []
    flying, most = Counter(), Counter()
    draw, lock = random.Random(5), threading.Lock()

    def counted(step):
        with lock:
            flying["now"] += step
            most["flying"] = max(most["flying"], flying["now"])
            if step > 0:
                sent.append((time.monotonic(), 1.0))

    def in_thread():
        try:
            for _ in range(each):
                ticket, wake = limiter.reserve(1), threading.Event()
                ticket.subscribe(wake.set)
                while (left := ticket.poll()) is not None:
                    wake.wait(left)
                    wake.clear()
                counted(1)
                time.sleep(draw.uniform(0, 0.01))
                counted(-1)
                ticket.settle(1)
        except Exception as error:  # noqa: BLE001 - asserted below
            failures.append(error)

    async def one():
        loop, wake = asyncio.get_running_loop(), asyncio.Event()
        ticket = limiter.reserve(1)
        ticket.subscribe(lambda: loop.call_soon_threadsafe(wake.set))
        while (left := ticket.poll()) is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), left)
            wake.clear()
        counted(1)
        await asyncio.sleep(draw.uniform(0, 0.01))
        counted(-1)
        ticket.settle(1)

    async def in_loop():
        await asyncio.gather(*(one() for _ in range(workers * each)))

    def loop_thread():
        try:
            asyncio.run(in_loop())
        except Exception as error:  # noqa: BLE001 - asserted below
            failures.append(error)

    threads = [threading.Thread(target=in_thread) for _ in range(workers)]
    threads += [threading.Thread(target=loop_thread) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert len(sent) == 3 * workers * each
    assert most["flying"] <= 4
    assert fullest(sent, window)[0] <= allowed


def test_nothing_keeps_a_limiter_alive():
    """A limiter that nobody holds goes, with its tickets."""
    limiter = Limiter(RateLimit())
    gone = weakref.ref(limiter)
    limiter.reserve(1)
    del limiter
    gc.collect()
    assert gone() is None
