"""One quota as a pure state machine: time comes in as ``now``, nothing waits, nothing is locked.

A booking counts from its grant until one window after its *response* arrived. The service counted it no later than
that, so no sliding log, no fixed minute and no bucket of one quota is ever overrun, whatever the latencies were. Logs
stamped at the send time overrun sliding logs whenever a later request travels faster than an earlier one.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragbridge.limiter.limits import RateLimit, Reason
    from ragbridge.limiter.loops import EventLoop

Pacing: TypeAlias = Literal["auto", "always", "off"]
Cause: TypeAlias = Literal["paused", "concurrency", "requests", "tokens", "pacing", "line"]
"""What a request waits for. ``line``: another process of a shared quota has its turn first."""

# Figures of simulations against four kinds of servers (tests/benchmarks/limiter_simulation.py).
Z = 3.0  # standard deviations kept free for what is in flight
CUT = 0.95  # share of what was in use at a refusal that is given out afterwards
RECOVERY = 0.005  # of the quota, per window
FLOOR = 0.10  # of the quota: what a cut leaves at least
SUSPICIOUS = (
    0.85  # refused below this share of our window: bursts are smaller than a window, or others share it
)
BURST = 0.08  # of a window, when paced
OVERDRIVE = 1.03  # of the quota's rate, when paced: the log bounds the sum, pacing only spreads it
CONCURRENCY_PAUSE = 1.0  # seconds: a place is free again as soon as one answer came

_DUST = 1e-9  # of a request or token: what sums of floats may be off by


class Meter:
    """The state of one figure (requests or tokens): a sliding log, amounts in flight, and cuts after refusals."""

    def __init__(self, capacity: float, window: float) -> None:
        self.capacity = capacity
        self.window = window
        self.suspected = False  # a refusal while our own window was far from full
        self._log: deque[tuple[float, float]] = deque()  # (when the response came, amount)
        self._logged = 0.0
        self._flights = 0
        self._flying = 0.0
        self._variance = 0.0
        self._refused_at = -math.inf
        self._used = math.inf  # in use at that refusal; corrected when requests that were in flight then land
        self._due = -math.inf  # up to this moment, the paced line has given out everything

    @property
    def suspicious(self) -> bool:
        """Whether the latest refusal came while our own window was far from full, or an earlier one did."""
        return self.suspected or self._used < SUSPICIOUS * self.capacity

    def in_use(self, now: float) -> float:
        """The amount that counts now: logged within the window, or in flight."""
        self._expire(now)
        return self._logged + self._flying

    def effective(self, now: float) -> float:
        """The amount that may be in use now: the quota, or less after a refusal. It recovers slowly."""
        if math.isinf(self._used) or math.isinf(self.capacity):
            return self.capacity
        since = now - self._refused_at
        # The first suspicious refusal may be due to what an earlier process used, which one window forgets, or to a
        # server with small bursts, for which pacing is the answer: its cut ends with the window.
        if not self.suspected and self.suspicious and since >= self.window:
            return self.capacity
        recovered = self.capacity * RECOVERY * since / self.window
        return min(self.capacity, max(CUT * self._used, FLOOR * self.capacity) + recovered)

    def delay(self, now: float, amount: float, variance: float) -> float:
        """Seconds until ``amount`` fits if no request lands before; ``inf`` if only a landing can make room."""
        self._expire(now)
        if not self._log and not self._flights:
            return 0.0  # alone: even a request above a lowered limit has its turn
        spread = Z * math.sqrt(self._variance + variance)
        excess = self._logged + self._flying + amount + spread - self.effective(now)
        if excess <= _DUST:
            return 0.0
        for at, logged in self._log:
            excess -= logged
            if excess <= _DUST:
                return at + self.window - now
        return math.inf if self._flights else self._log[-1][0] + self.window - now

    def pace(self, now: float, amount: float) -> float:
        """Seconds until ``amount`` is due on a line without bursts."""
        step = self._step(now, amount)
        return max(self._due - now, 0.0) + step - max(BURST * self.window, step)

    def take(self, now: float, amount: float, variance: float) -> None:
        """A request of ``amount`` is granted."""
        self._flights += 1
        self._flying += amount
        self._variance += variance
        self._due = max(self._due, now) + self._step(now, amount)

    def land(self, now: float, granted_at: float, amount: float, variance: float, actual: float) -> None:
        """A request granted as ``amount`` has ended. The service counted ``actual``, not later than now."""
        self._flights -= 1
        self._flying = self._flying - amount if self._flights else 0.0
        self._variance = max(self._variance - variance, 0.0) if self._flights else 0.0
        self._due += self._step(now, actual - amount)
        if granted_at <= self._refused_at:
            self._used += actual - amount
        if actual:
            self._log.append((now, actual))
            self._logged += actual

    def recount(self, now: float, logged_at: float, estimate: float, actual: float) -> None:
        """A request logged as ``estimate`` is answered late. The service counted ``actual``, not later than now."""
        self._expire(now)
        if (logged_at, estimate) in self._log:
            self._log.remove((logged_at, estimate))
            self._logged -= estimate
        if actual:
            self._log.append((now, actual))
            self._logged += actual

    def refuse(self, now: float, granted_at: float) -> None:
        """The service refused a request because of this figure. It was granted at ``granted_at`` and has landed."""
        if granted_at <= self._refused_at:
            return  # granted before the last refusal was known: no new information
        self.suspected = self.suspicious
        self._refused_at, self._used = now, self.in_use(now)

    def record(self, at: float, amount: float) -> None:
        """``amount`` was used at ``at``, which may be before other entries."""
        if amount:
            insort(self._log, (at, amount), key=_when)
            self._logged += amount

    def dump(self) -> dict[str, Any]:
        """Its state as plain data, for ``load``."""
        return {**vars(self), "_log": list(self._log)}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state that ``dump`` returned."""
        vars(self).update(state, _log=deque(map(tuple, state["_log"])))

    def _step(self, now: float, amount: float) -> float:
        return amount * self.window / (OVERDRIVE * self.effective(now))

    def _expire(self, now: float) -> None:
        while self._log and self._log[0][0] + self.window <= now:
            self._logged -= self._log.popleft()[1]
        if not self._log:
            self._logged = 0.0


@dataclass(eq=False, slots=True)
class Booking:
    """One request's booking in a quota."""

    tokens: float
    variance: float = 0.0
    granted_at: float = math.inf
    peers: int = 0
    """Requests in flight when it was granted, itself included."""
    loop: EventLoop | None = None
    """The event loop without which the request cannot end; None for a request in a thread."""


class Quota:
    """Requests, tokens and concurrency of one quota."""

    def __init__(self, limit: RateLimit, pacing: Pacing) -> None:
        self.limit = limit
        self._pacing = pacing
        self._requests = Meter(_infinite(limit.requests_per_window), limit.window)
        self._tokens = Meter(_infinite(limit.tokens_per_window), limit.window)
        self._flying: set[Booking] = set()
        self._adrift: dict[
            Booking, float
        ] = {}  # bookings of blocked event loops, and since when they count as landed
        self._paused_until = -math.inf
        self._places = math.inf  # places left by a refusal for concurrency
        self._places_at = -math.inf

    def configure(self, limit: RateLimit) -> None:
        """Apply another limit. Bookings stay."""
        self.limit = limit
        self._requests.capacity, self._requests.window = _infinite(limit.requests_per_window), limit.window
        self._tokens.capacity, self._tokens.window = _infinite(limit.tokens_per_window), limit.window

    def effective(self, now: float) -> tuple[float, float, float]:
        """The requests and tokens per window, and the places, that apply now."""
        return self._requests.effective(now), self._tokens.effective(now), self._concurrency(now)

    def available(self, now: float) -> tuple[float | None, float | None]:
        """Requests and tokens that there is room for now; None where they are not limited."""
        requests, tokens = (
            None if math.isinf(meter.capacity) else max(meter.effective(now) - meter.in_use(now), 0.0)
            for meter in (self._requests, self._tokens)
        )
        return requests, tokens

    def is_idle(self, now: float) -> bool:
        """Whether nothing is in flight or counted, and no pause is running."""
        return not (self._flying or self._adrift or self._requests.in_use(now) or self.is_paused(now))

    def is_paused(self, now: float) -> bool:
        """Whether a pause after a refusal is running."""
        return now < self._paused_until

    def delay(self, now: float, booking: Booking) -> tuple[float, Cause]:
        """Seconds until ``booking`` can be granted if no request lands before, and the cause of the longest wait."""
        waits: list[tuple[float, Cause]] = [
            (self._paused_until - now, "paused"),
            (self._vacancy(now), "concurrency"),
            (self._requests.delay(now, 1.0, 0.0), "requests"),
            (self._tokens.delay(now, booking.tokens, booking.variance), "tokens"),
        ]
        if self._paced:
            waits.append((self._requests.pace(now, 1.0), "pacing"))
            waits.append((self._tokens.pace(now, booking.tokens), "pacing"))
        return max(waits, key=_seconds)

    def grant(self, now: float, booking: Booking) -> None:
        """``booking`` may be sent."""
        booking.granted_at = now
        self._flying.add(booking)
        booking.peers = len(self._flying)
        self._requests.take(now, 1.0, 0.0)
        self._tokens.take(now, booking.tokens, booking.variance)

    def settle(self, now: float, booking: Booking, tokens: float | None) -> bool:
        """The service counted one request and ``tokens``. False if ``booking`` was not in flight."""
        return self._land(now, booking, 1.0, booking.tokens if tokens is None else tokens)

    def cancel(self, now: float, booking: Booking) -> bool:
        """``booking`` was not sent. False if it was not in flight."""
        return self._land(now, booking, 0.0, 0.0)

    def set_adrift(self, now: float, loop: EventLoop) -> None:
        """``loop`` is blocked: its bookings count as landed now, so that no other request waits for it.

        The requests may still be under way at the service. They hold their places for a window, beyond which one more
        is given out meanwhile.
        """
        for booking in [flying for flying in self._flying if flying.loop is loop]:
            self._land(now, booking, 1.0, booking.tokens)
            self._adrift[booking] = now

    def forget(self, now: float, loop: EventLoop) -> None:
        """``loop`` is closed: its bookings will never end."""
        self.set_adrift(now, loop)
        for booking in [adrift for adrift in self._adrift if adrift.loop is loop]:
            del self._adrift[booking]

    def refuse(
        self, now: float, booking: Booking, reason: Reason | None, retry_after: float | None
    ) -> float | None:
        """The service answered 429. Seconds of the pause; None if ``booking`` was not in flight."""
        # It is unknown whether services count refused requests. Counting them is safe and costs little.
        if not self._land(now, booking, 1.0, 0.0):
            return None
        if reason == "concurrency":
            self._places = min(self._concurrency(now), max(booking.peers - 1, 1))
            self._places_at = now
            pause = min(CONCURRENCY_PAUSE, self.limit.window)
        else:
            pause = self.limit.window
            self._blame(reason, now).refuse(now, booking.granted_at)
        if retry_after is not None:
            pause = max(retry_after, 0.0)
        self._paused_until = max(self._paused_until, now + pause)
        return pause

    def record(self, at: float, requests: float, tokens: float) -> None:
        """So much was used at ``at``, by requests that were not booked here."""
        self._requests.record(at, requests)
        self._tokens.record(at, tokens)

    def pause(self, until: float) -> None:
        """Grant nothing before ``until``."""
        self._paused_until = max(self._paused_until, until)

    def dump(self) -> dict[str, Any]:
        """Its state but its flights as plain data, for ``load``."""
        own = (self._paused_until, self._places, self._places_at)
        return {"requests": self._requests.dump(), "tokens": self._tokens.dump(), "own": own}

    def load(self, state: dict[str, Any], flying: Iterable[Booking]) -> None:
        """Take over a state that ``dump`` returned, and these flights. The limit stays this one's own."""
        self._requests.load(state["requests"])
        self._tokens.load(state["tokens"])
        self._paused_until, self._places, self._places_at = state["own"]
        self._flying = set(flying)
        self.configure(self.limit)

    @property
    def _paced(self) -> bool:
        if self._pacing == "auto":
            return self._requests.suspicious or self._tokens.suspicious
        return self._pacing == "always"

    def _blame(self, reason: Reason | None, now: float) -> Meter:
        if reason is None:
            return max(self._requests, self._tokens, key=lambda meter: meter.in_use(now) / meter.capacity)
        return self._tokens if reason == "tokens" else self._requests

    def _land(self, now: float, booking: Booking, requests: float, tokens: float) -> bool:
        if (since := self._adrift.pop(booking, None)) is not None:
            self._requests.recount(now, since, 1.0, requests)
            self._tokens.recount(now, since, booking.tokens, tokens)
            return True
        if booking not in self._flying:
            return False
        self._flying.remove(booking)
        self._requests.land(now, booking.granted_at, 1.0, 0.0, requests)
        self._tokens.land(now, booking.granted_at, booking.tokens, booking.variance, tokens)
        return True

    def _concurrency(self, now: float) -> float:
        recovered = 0.0 if math.isinf(self._places) else (now - self._places_at) // self.limit.window
        return min(_infinite(self.limit.concurrency), self._places + recovered)

    def _vacancy(self, now: float) -> float:
        ends = [since + self.limit.window for since in self._adrift.values()] if self._adrift else []
        held = sum(end > now for end in ends)
        if len(self._flying) + held < self._concurrency(now) + bool(held):
            return 0.0
        if held:
            return min(end for end in ends if end > now) - now
        if self._concurrency(now) >= _infinite(self.limit.concurrency):
            return math.inf
        return self.limit.window - (now - self._places_at) % self.limit.window


def _infinite(figure: float | None) -> float:
    return math.inf if figure is None else figure


def _seconds(wait: tuple[float, Cause]) -> float:
    return wait[0]


def _when(entry: tuple[float, float]) -> float:
    return entry[0]
