"""A quota of several processes, in virtual time: leases of the dead, the line, and what was forgotten."""

from __future__ import annotations

import math

import pytest

from ragbridge import RateLimit
from ragbridge.limiter.ledger import GRACE, Known, Ledger

WINDOW = 10.0
TOKENS = 100_000.0  # in a window
LIMIT = RateLimit(None, TOKENS * 60 / WINDOW, None, WINDOW)


class Processes:
    """Saturated processes before one ledger: each asks for its next request as soon as it may."""

    def __init__(self, sizes):
        self.sizes = sizes
        self.ledger = Ledger(LIMIT, "off")
        self.granted = dict.fromkeys(sizes, 0.0)
        self.ask_at = dict.fromkeys(sizes, 0.0)
        self.under_way = []
        self.now = 0.0

    def run(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.now += 0.02
            for landing in [landing for landing in self.under_way if landing[0] <= self.now]:
                self.under_way.remove(landing)
                self.ledger.perform(self.now, landing[1], Known(), [("S", landing[2], None)])
                self.ask_at = {
                    process: min(at, self.now) if at < math.inf else at for process, at in self.ask_at.items()
                }
            for process in [process for process, at in self.ask_at.items() if at <= self.now]:
                self.ask(process)

    def ask(self, process):
        name = f"{process}{self.granted[process]}"
        answer = self.ledger.perform(self.now, process, Known(), [("A", name, self.sizes[process], 0.0)])
        cause, seconds = answer.results[0]
        if cause == "":
            self.granted[process] += self.sizes[process]
            self.under_way.append((self.now + 0.4, process, name))
        else:
            self.ask_at[process] = self.now + min(seconds, 0.5)


def test_a_late_process_with_large_requests_is_not_starved():
    """Requests of a fifth of the quota, beside two processes that take all of it by requests of a hundredth."""
    processes = Processes({"small": 1_000.0, "other": 1_000.0, "late": 20_000.0})
    processes.ask_at["late"] = math.inf
    processes.run(15)
    assert processes.granted["late"] == 0
    processes.ask_at["late"] = processes.now
    before = dict(processes.granted)
    processes.run(100)
    share = {name: (processes.granted[name] - before[name]) / (TOKENS * 100 / WINDOW) for name in before}
    assert share["late"] > 0.5  # the line is fair by requests, and its are the larger ones
    assert min(share.values()) > 0.01
    assert sum(share.values()) > 0.75  # a large request leaves room unused that others would have fitted into


def test_what_a_dead_process_had_under_way_counts_as_used_when_its_lease_ends():
    """It holds no place for ever, and is not given out again before the service has forgotten it."""
    ledger = Ledger(RateLimit(None, TOKENS * 60 / WINDOW, 1, WINDOW), lease=3.0)
    assert ledger.perform(0.0, "dead", Known(), [("A", "d1", TOKENS, 0.0)]).results == [["", 0.0]]
    cause, seconds = ledger.perform(2.9, "alive", Known(), [("A", "a1", 1.0, 0.0)]).results[0]
    assert (cause, seconds) == ("concurrency", math.inf)
    cause, seconds = ledger.perform(3.1, "alive", Known(), [("A", "a1", 1.0, 0.0)]).results[0]
    assert (cause, seconds) == ("tokens", WINDOW)


def test_a_lease_that_is_renewed_does_not_end():
    """A process that lives keeps its booking however long a request takes."""
    ledger = Ledger(LIMIT, lease=3.0)
    ledger.perform(0.0, "a", Known(), [("A", "a1", 5.0, 0.0)])
    for second in range(1, 30):
        assert ledger.perform(float(second), "a", Known(), [("H", "a1")]).results == [True]
    assert ledger.perform(30.0, "a", Known(), [("S", "a1", 5.0)]).results == [True]


def test_an_operation_that_is_sent_again_counts_once():
    """The answer of an exchange may be lost: asking, settling and telling are the same when they are done twice."""
    ledger = Ledger(LIMIT)
    for _ in range(2):
        assert ledger.perform(0.0, "a", Known(), [("A", "a1", TOKENS, 0.0)]).results == [["", 0.0]]
    ledger.perform(1.0, "a", Known(), [("S", "a1", TOKENS / 2)])
    ledger.perform(1.0, "a", Known(), [("S", "a1", TOKENS / 2), ("L", "x", 1.0, TOKENS / 4, 0.0)])
    ledger.perform(1.0, "a", Known(), [("L", "x", 1.0, TOKENS / 4, 0.0)])
    assert ledger.perform(1.0, "a", Known(), [("A", "a2", TOKENS / 4, 0.0)]).results == [["", 0.0]]
    assert ledger.perform(1.0, "a", Known(), [("A", "a3", 1.0, 0.0)]).results[0][0] == "tokens"


@pytest.mark.parametrize("lost", ["everything", "the last minute"])
def test_a_ledger_that_forgot_grants_nothing_before_it_was_told(lost):
    """Whoever knew another memory is refused until it has told, and everybody pauses for the others."""
    ledger = Ledger(LIMIT)
    old = ledger.dump() if lost == "the last minute" else None
    known = ledger.perform(0.0, "a", Known(), [("A", "a1", 1.0, 0.0)]).known
    again = Ledger(LIMIT)
    if old is not None:
        again.load(old)
        again.perform(0.5, "b", Known(), [])
        known = Known(again.dump() and known.epoch, known.count + 5)
    answer = again.perform(1.0, "a", known, [("A", "a2", 1.0, 0.0)])
    assert answer.results == [["line", math.inf]]
    told = again.perform(1.1, "a", answer.known, [("L", "a1", 1.0, TOKENS, 0.0), ("A", "a2", 1.0, 0.0)])
    assert told.results[1][0] in {"paused", "tokens"}
    assert told.results[1][1] >= GRACE - 1


def test_a_clock_that_starts_anew_frees_nothing():
    """After a reboot the machine's monotonic clock begins at zero: the window goes on from where it was."""
    ledger = Ledger(LIMIT)
    ledger.perform(5000.0, "a", Known(), [("A", "a1", TOKENS, 0.0), ("S", "a1", None)])
    assert ledger.perform(3.0, "a", Known(), [("A", "a2", 1.0, 0.0)]).results == [["tokens", WINDOW]]
    assert ledger.perform(3.0 + WINDOW, "a", Known(), [("A", "a2", 1.0, 0.0)]).results == [["", 0.0]]
