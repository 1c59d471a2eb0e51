"""How much of a quota the limiter uses, and how often it is refused, against servers that count in different ways.

A virtual clock: hours take seconds, results repeat. Run ``python tests/benchmarks/limiter_simulation.py``; options make
it longer or vary pacing. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import logging
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ragbridge import Limiter, RateLimit

WINDOW = 60.0
WARM_UP = 120.0  # seconds that do not count for the utilisation; refusals always count
IN_FLIGHT = 32
SPREAD = 0.10  # standard deviation of the logarithm of billed / estimated
FOREIGN = 0.4  # of the token quota, where somebody else uses the same key

QUOTAS = {
    "100 RPM, 100 k TPM": RateLimit(100, 100_000, IN_FLIGHT),
    "500 RPM, 1 M TPM": RateLimit(500, 1_000_000, IN_FLIGHT),
}


class Clock:
    """Virtual time, and what happens when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def __call__(self) -> float:
        return self.now

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._count), what))

    def run(self, until: float) -> None:
        while self._events[0][0] < until:
            self.now, _, what = heapq.heappop(self._events)
            what()


class SlidingLog:
    """Counts what arrived in the last window."""

    def __init__(self, requests: float, tokens: float) -> None:
        self.requests, self.tokens = requests, tokens
        self._log: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def admit(self, now: float, tokens: float) -> bool:
        while self._log and self._log[0][0] <= now - WINDOW:
            self._sum -= self._log.popleft()[1]
        if len(self._log) + 1 > self.requests or self._sum + tokens > self.tokens:
            return False
        self._log.append((now, tokens))
        self._sum += tokens
        return True


class FixedMinute:
    """Counts from zero every window."""

    def __init__(self, requests: float, tokens: float) -> None:
        self.requests, self.tokens = requests, tokens
        self._minute, self._count, self._sum = -1.0, 0, 0.0

    def admit(self, now: float, tokens: float) -> bool:
        if self._minute != (now + 17.0) // WINDOW:
            self._minute, self._count, self._sum = (now + 17.0) // WINDOW, 0, 0.0
        if self._count + 1 > self.requests or self._sum + tokens > self.tokens:
            return False
        self._count += 1
        self._sum += tokens
        return True


class Bucket:
    """Refills evenly, up to a share of the quota."""

    def __init__(self, requests: float, tokens: float, share: float = 1.0) -> None:
        self.requests, self.tokens, self.share = requests, tokens, share
        self._at, self._requests, self._tokens = 0.0, requests * share, tokens * share

    def admit(self, now: float, tokens: float) -> bool:
        passed, self._at = (now - self._at) / WINDOW, now
        self._requests = min(self._requests + self.requests * passed, self.requests * self.share)
        self._tokens = min(self._tokens + self.tokens * passed, self.tokens * self.share)
        if self._requests < 1 or self._tokens < tokens:
            return False
        self._requests -= 1
        self._tokens -= tokens
        return True


SERVERS: dict[str, Callable[[float, float], SlidingLog | FixedMinute | Bucket]] = {
    "sliding log": SlidingLog,
    "fixed minute": FixedMinute,
    "bucket": Bucket,
    "bucket / 6": lambda requests, tokens: Bucket(requests, tokens, 1 / 6),
}


@dataclass
class Run:
    """A client that always has more to send, against one server."""

    limit: RateLimit
    server: str
    pacing: str
    foreign: float
    seconds: float
    retry_after: float | None = None
    seed: int = 1
    refusals: int = 0
    used: float = 0.0
    used_by_others: float = 0.0
    others_refused: int = 0
    clock: Clock = field(default_factory=Clock)

    def run(self) -> Run:
        self.draw = random.Random(self.seed)
        self.counts = SERVERS[self.server](self.limit.requests_per_minute, self.limit.tokens_per_minute)
        self.limiter = Limiter(self.limit, pacing=self.pacing, clock=self.clock)
        self.size = self.limiter.request_budget
        for _ in range(IN_FLIGHT + 1):
            self.next_request()
        if self.foreign:
            self.somebody_else()
        self.clock.run(self.seconds)
        return self

    @property
    def capacity(self) -> float:
        return self.limit.tokens_per_minute * (self.seconds - WARM_UP) / 60

    def next_request(self) -> None:
        # Packed up to the budget by their estimate; what is billed differs.
        estimate = self.size * self.draw.uniform(0.85, 1.0)
        billed = min(estimate * math.exp(self.draw.gauss(0, SPREAD)), self.limit.tokens_per_minute)
        self.reserve(estimate, billed)

    def reserve(self, estimate: float, billed: float) -> None:
        ticket = self.limiter.reserve(estimate, variance=(SPREAD * estimate) ** 2)
        pending = [True]

        def look() -> None:
            if not pending:
                return
            left = ticket.poll()
            if left is None:
                pending.clear()
                self.clock.after(self.upload(), lambda: self.arrive(ticket, estimate, billed))
            elif left < math.inf:
                self.clock.after(left, look)

        ticket.subscribe(lambda: self.clock.after(0.0, look))
        look()

    def upload(self) -> float:
        spike = self.draw.uniform(0.5, 2.0) if self.draw.random() < 0.002 else 0.0
        return self.draw.uniform(0.03, 0.25) + spike

    def arrive(self, ticket, estimate: float, billed: float) -> None:
        if self.counts.admit(self.clock.now, billed):
            self.used += billed if self.clock.now > WARM_UP else 0.0
            self.clock.after(self.draw.uniform(0.1, 1.2), lambda: self.answered(ticket, billed))
        else:
            self.refusals += 1
            self.clock.after(self.draw.uniform(0.02, 0.1), lambda: self.refused(ticket, estimate, billed))

    def answered(self, ticket, billed: float) -> None:
        ticket.settle(billed)
        self.next_request()

    def refused(self, ticket, estimate: float, billed: float) -> None:
        ticket.refuse(reason="tokens", retry_after=self.retry_after)
        self.reserve(estimate, billed)

    def somebody_else(self) -> None:
        """Another process with the same key, which we do not see: tries its share, and gives up when refused."""
        if self.counts.admit(self.clock.now, self.size):
            self.used_by_others += self.size if self.clock.now > WARM_UP else 0.0
        else:
            self.others_refused += 1
        rate = self.foreign * self.limit.tokens_per_minute / 60 / self.size
        self.clock.after(self.draw.expovariate(rate), self.somebody_else)


def cell(runs: list[Run]) -> str:
    share = sum(run.used / run.capacity for run in runs) / len(runs)
    refusals = sum(run.refusals for run in runs)
    text = f"{share:.1%} ({refusals})"
    if runs[0].foreign:
        text += f", others {sum(run.used_by_others / run.capacity for run in runs) / len(runs):.0%}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=12, help="simulated minutes of each run")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each cell")
    parser.add_argument("--pacing", nargs="*", default=["auto", "always"], choices=["auto", "always", "off"])
    parser.add_argument(
        "--retry-after", type=float, help="seconds that refusals ask to wait; nothing by default"
    )
    options = parser.parse_args()
    logging.getLogger("ragbridge").setLevel(logging.ERROR)
    print(
        f"Utilisation of the token quota after two minutes (429 answers of {options.seeds} runs of {options.minutes:g} "
        f"minutes); {IN_FLIGHT} in flight, estimates off by {SPREAD:.0%}.\n"
    )
    print("| quota | pacing | others use | " + " | ".join(SERVERS) + " |")
    print("|---|---|---|" + "---|" * len(SERVERS))
    for (name, limit), foreign, pacing in itertools.product(QUOTAS.items(), (0.0, FOREIGN), options.pacing):
        cells = [
            cell(
                [
                    Run(limit, server, pacing, foreign, options.minutes * 60, options.retry_after, seed).run()
                    for seed in range(options.seeds)
                ]
            )
            for server in SERVERS
        ]
        print(f"| {name} | {pacing} | {foreign:.0%} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
