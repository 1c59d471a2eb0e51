import gc
import logging
import subprocess
import sys
import textwrap
import time
import weakref

import pytest

from ragbridge import Limiter, RateLimit
from ragbridge.limiter.limiter import shared
from ragbridge.limiter.tiers import resolve

KEY = "jina_" + 60 * "s"
FREE, PAID = (resolve(tier, service="jina", product="embeddings") for tier in ("free", "paid"))


@pytest.fixture
def quota(request):
    """A quota of this test's own."""
    return {
        "service": "jina",
        "service_host": f"{request.node.name}.test",
        "key": KEY,
        "product": "embeddings",
    }


@pytest.mark.parametrize(
    "other", [{"service_host": "else.test"}, {"key": "jina_other"}, {"key": None}, {"product": "rerank"}]
)
def test_one_limiter_per_host_key_and_product(other, quota):
    """Clients with one key share a product's quota; another host, key or product has its own."""
    limiter = shared(PAID, **quota)
    assert shared(PAID, **quota) is limiter
    assert shared(PAID, **{**quota, **other}) is not limiter


def test_the_default_never_lowers_what_was_chosen(caplog, quota):
    """A client whose user set nothing takes over the limit that another client's user chose, silently."""
    limiter = shared(PAID, **quota)
    assert shared(FREE, **quota) is limiter
    assert limiter.limit == PAID
    assert not caplog.records


def test_what_is_chosen_lifts_the_default(caplog, quota):
    """The first explicit limit replaces the default in the limiter that is already at work, silently."""
    limiter = shared(FREE, **quota)
    assert limiter.default_tier
    assert shared(PAID, **quota) is limiter
    assert limiter.limit == PAID
    assert not limiter.default_tier
    assert not caplog.records


def test_of_two_choices_the_latest_holds(caplog, quota):
    """Two different explicit limits for one key contradict each other: the latest is used, with a warning."""
    limiter = shared(PAID, **quota)
    own = RateLimit(250, None, 7)
    with caplog.at_level(logging.WARNING, logger="ragbridge"):
        assert shared(own, **quota) is limiter
    assert limiter.limit == own
    assert len(caplog.records) == 1
    assert KEY not in caplog.text
    assert "250" in caplog.text


def test_a_raised_limit_lets_waiters_through():
    """Who waits when a limit is raised goes at once; what was used already still counts."""
    limiter = Limiter(RateLimit(1, None, None))
    first, second, third = (limiter.reserve(1) for _ in range(3))
    woken = []
    second.subscribe(lambda: woken.append(1))
    assert first.poll() is None
    assert second.poll() > 0
    limiter.configure(RateLimit(2, None, None))
    assert woken
    assert second.poll() is None
    assert third.poll() > 0


def test_the_registry_holds_no_key(quota):
    """No object that the registry can be reached from holds the key itself."""
    limiter = shared(PAID, **quota)
    seen, todo = set(), [limiter, shared.__globals__["_registry"]]
    while todo:
        found = todo.pop()
        if id(found) in seen or isinstance(found, type | type(sys)) or callable(found):
            continue
        seen.add(id(found))
        assert not (isinstance(found, str | bytes) and KEY in str(found))
        todo.extend(gc.get_referents(found))
    assert KEY not in repr(limiter)


def test_clients_that_come_and_go_share_a_window(quota):
    """A client made after another was dropped goes on where that one was: the service has not forgotten either."""
    limit = RateLimit(1, None, None)
    shared(limit, **quota).reserve(1).settle(1)
    gc.collect()
    assert shared(limit, **quota).reserve(1).poll() > 0


def test_an_idle_limiter_that_nobody_holds_is_forgotten(quota):
    """The registry keeps no limiter alive for ever: without clients, and a window after the last use, it goes."""
    limiter = shared(RateLimit(6000, None, None, 0.01), **quota)
    ticket = limiter.reserve(1)
    assert not limiter.idle
    ticket.settle(1)
    while not limiter.idle:
        time.sleep(0.005)
    gone = weakref.ref(limiter)
    del limiter, ticket
    shared(FREE, **{**quota, "key": "another"})
    gc.collect()
    assert gone() is None


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
def test_a_forked_child_starts_afresh():
    """A fork while a thread holds every lock leaves the child with working limiters, an empty line and no bookings."""
    program = """
        import os, threading
        from ragbridge.limiter.limiter import shared
        from ragbridge.limiter.limits import RateLimit
        from ragbridge.limiter.tokens import NOTHING, shared as estimator_for

        quota = dict(service="jina", service_host="h", key="k", product="embeddings")
        held, done = threading.Event(), threading.Event()

        def stuck():
            held.set()
            done.wait()
            return 0.0

        limiter = shared(RateLimit(2, None, 1), **quota)
        before = limiter.reserve(1)
        waiting = limiter.reserve(1)
        assert before.poll() is None and waiting.poll() is not None
        estimator = estimator_for("m", address="https://h")
        pilot = estimator.pilot()
        assert pilot.poll() is None

        limiter._line.clock = stuck
        thread = threading.Thread(target=lambda: limiter.reserve(1), daemon=True)
        thread.start()
        held.wait()
        limiter._line.clock = lambda: 0.0
        child = os.fork()
        if not child:
            before.settle(1)
            assert shared(RateLimit(2, None, 1), **quota) is limiter
            assert limiter.reserve(1).poll() is None
            assert estimator.pilot().poll() is None
            estimator.learn((10.0, 0.0, 0.0, 0.0, 0.0, 1.0), 5)
            os._exit(7)
        _, status = os.waitpid(child, 0)
        done.set()
        thread.join()
        raise SystemExit(os.waitstatus_to_exitcode(status))
    """
    ran = subprocess.run(
        # Since Python 3.12 a fork beside another thread warns.
        [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (7, "")
