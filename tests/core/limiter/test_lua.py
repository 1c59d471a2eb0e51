"""The script for Redis and the ledger in Python give the same answers in random lives of a quota."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace

import fakeredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import RateLimit
from ragbridge.limiter.ledger import Known, Ledger
from ragbridge.limiter.redis.quotas import Script

REASONS = [None, "requests", "tokens", "concurrency", "address"]


class Life:
    """Three processes that ask, end, are refused, renew, forget and leave, before a script and a ledger."""

    def __init__(self, client, draw):
        self.draw = draw
        self.window = draw.choice([1.0, 6.0, 60.0])
        self.limit = RateLimit(
            draw.choice([None, 3600 / self.window, 36000 / self.window]),
            draw.choice([None, 360_000 / self.window, 3_600_000 / self.window]),
            draw.choice([None, 2, 8]),
            self.window,
        )
        self.pacing = draw.choice(["auto", "always", "off"])
        self.lease = draw.choice([self.window / 3, 3 * self.window, 1e6])
        self.capacity = self.limit.tokens_per_window or 1000.0
        self.now = 1000.0
        client.flushall()
        self.script = Script(
            lambda: SimpleNamespace(client=client),
            "q",
            self.limit,
            self.lease,
            pacing=self.pacing,
            now=lambda: self.now,
        )
        self.ledger = Ledger(self.limit, self.pacing, self.lease)
        self.known = dict.fromkeys("abc", Known())
        self.flying: dict[str, str] = {}
        self.waiting: dict[str, tuple] = {}
        self.names = 0

    def name(self):
        self.names += 1
        return f"r{self.names}"

    def operation(self, process):
        draw = self.draw
        mine = [name for name, owner in self.flying.items() if owner == process]
        if draw.random() < 0.55 or not mine:
            if process not in self.waiting or draw.random() < 0.1:
                tokens = draw.random() * self.capacity / draw.choice([5, 30])
                self.waiting[process] = (self.name(), tokens, (tokens * draw.random() * 0.2) ** 2)
            return ("A", *self.waiting[process])
        kind, name = draw.choice("SSSSSCRRHHQLF"), draw.choice(mine)
        if kind in "SCR":
            del self.flying[name]
        if kind == "S":
            return ("S", name, draw.choice([None, draw.random() * self.capacity / 20]))
        if kind == "R":
            return ("R", name, draw.choice(REASONS), draw.choice([None, None, draw.random() * self.window]))
        if kind == "Q":
            return ("Q",)
        if kind == "L":
            return ("L", f"l{draw.randrange(5)}{process}", 1.0, 1.5, draw.random() * self.window * 1.2)
        if kind == "F":
            name = self.name()
            self.flying[name] = process
            return ("F", name, draw.random() * self.capacity / 50, 0.0)
        return (kind, name)

    def step(self):
        draw = self.draw
        self.now += draw.choice(
            [
                0,
                draw.random() * self.window / 50,
                draw.random() * self.window / 4,
                self.window * (draw.random() < 0.1),
            ]
        )
        process = draw.choice("abc")
        operations = [self.operation(process) for _ in range(draw.choice([1, 1, 2, 3]))]
        if draw.random() < 0.02:  # an older state was restored
            self.known[process] = Known(self.known[process].epoch, self.known[process].count + 1000)
        told = self.known[process]
        expected = self.ledger.perform(self.now, process, told, operations)
        found = self.script.exchange(process, told, operations)
        assert found.known == expected.known
        for operation, here, there in zip(operations, expected.results, found.results, strict=True):
            if operation[0] != "A":
                assert there == pytest.approx(float(here), abs=1e-5), operation
                continue
            assert there[0] == here[0], operation  # the cause
            assert there[1] == here[1] or there[1] == pytest.approx(here[1], abs=1e-4), operation
            if here[0] == "":
                self.flying[operation[1]] = process
                self.waiting.pop(process, None)
            elif not math.isinf(here[1]) and draw.random() < 0.4:
                self.now += here[1]
        if draw.random() < 0.95:
            self.known[process] = expected.known
        if draw.random() < 0.05:  # what a file holds is the whole state
            state = self.ledger.dump()
            self.ledger = Ledger(self.limit, self.pacing, self.lease)
            self.ledger.load(state)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_script_is_the_ledger(seed):
    """Grants, waits, causes, pauses, leases, the line and what happens after a loss of memory."""
    life = Life(fakeredis.FakeStrictRedis(version=(7,)), random.Random(seed))
    for _ in range(60):
        life.step()


@pytest.mark.redis
def test_the_script_is_the_ledger_in_redis(redis_server):
    """The same in a real server, over 600 lives."""
    for seed in range(600):
        life = Life(redis_server.client, random.Random(seed))
        for _ in range(120):
            life.step()
