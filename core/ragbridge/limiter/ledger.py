"""A quota of several processes, as a pure state machine: bookings have names and leases, and processes stand in line.

It performs operations, each of which may be sent again when its answer was lost. ``redis/quota.lua`` does the same in a
Redis server; ``tests/core/limiter/test_lua.py`` holds the two together.

=============================  =========================================================  =====================
operation                      what it says                                               result
=============================  =========================================================  =====================
``A id tokens variance``       "may this request go?"                                     ``[cause, seconds]``, cause "" if granted
``S id tokens``                "it has ended; the service counted so much" (None: the     whether it was booked
                               estimate)
``C id``                       "it was never sent"                                        whether it was booked
``R id reason retry_after``    "the service answered 429"                                 seconds of the pause
``H id``                       "it is still under way": renews the lease                  whether it is booked
``F id tokens variance``       "it is under way", to a ledger that has forgotten          True
``L id requests tokens age``   "I used so much so many seconds ago", likewise             True
``Q``                          "I wait no more"                                           True
=============================  =========================================================  =====================
"""

from __future__ import annotations

import json
from dataclasses import field
from typing import Any, TypeAlias

from ragbridge.ground.records import dataclass
from ragbridge.limiter.limits import RateLimit
from ragbridge.limiter.quota import Booking, Pacing, Quota

Operation: TypeAlias = tuple[Any, ...]

SEEN = 2.0
"""Seconds after which a process in line that has not asked again loses its place. The line asks twice a second."""
GRACE = 2.0
"""Seconds that processes have to tell what they used, after a ledger has lost its memory."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a process knows of a ledger.

    Attributes:
        epoch: Which memory it is: a ledger that forgets begins another one. Empty: nothing is known.
        count: Exchanges in that memory. A smaller count in the ledger tells that an old state was restored.
    """

    epoch: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a ledger answers: its memory, and one result for each operation."""

    known: Known
    results: list[Any]


@dataclass(slots=True)
class Ledger:
    """One quota of several processes. Times are seconds on any clock that all of them share.

    Args:
        limit: What the service allows.
        pacing: See ``Limiter``.
        lease: Seconds after which a booking that nobody renewed counts as used.
    """

    limit: RateLimit
    pacing: Pacing = "auto"
    lease: float = 15.0
    _quota: Quota = field(init=False)
    _flights: dict[str, Booking] = field(default_factory=dict)
    _leases: dict[str, float] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)  # entries that were told by L, until they expire
    # Processes in their order, and when each asked last.
    _line: dict[str, float] = field(default_factory=dict)
    _epoch: str = ""
    _count: int = 0
    _last: float = 0.0
    _shift: float = 0.0

    def __post_init__(self) -> None:
        self._quota = Quota(self.limit, self.pacing)

    def perform(self, now: float, client: str, known: Known, operations: list[Operation]) -> Answer:
        """Do what one process asks for.

        Args:
            now: Seconds. A clock that starts anew, as after a reboot, goes on where it was.
            client: Which process it is.
            known: What it knows of this ledger; where that is another memory, nothing is granted.
            operations: See the module.
        """
        self._shift += max(self._last - (now + self._shift), 0.0)
        self._last = now = now + self._shift
        self._remember(now, known)
        for name in [told for told, at in self._told.items() if at + self.limit.window <= now]:
            del self._told[name]
        for end, name in sorted((end, name) for name, end in self._leases.items()):
            if end <= now:  # its owner died
                self._end(now, name, 1.0, None)
        turn = _Turn(client, blocked=known.epoch not in {"", self._epoch})
        results = [self._perform(now, turn, *operation) for operation in operations]
        return Answer(Known(self._epoch, self._count), results)

    def _remember(self, now: float, known: Known) -> None:
        restored = known.epoch == self._epoch and known.count > self._count
        if not self._epoch or restored:
            self._epoch = f"{now:.6f}" if known.epoch != f"{now:.6f}" else f"{now + 1:.6f}"
        if known.epoch not in {"", self._epoch}:  # memory was lost: others have yet to say what they used
            self._quota.pause(float(self._epoch) + GRACE)
        self._count += 1

    def _perform(self, now: float, turn: _Turn, kind: str, name: str = "", *values: Any) -> Any:
        if kind == "A":
            return self._ask(now, turn, name, *values)
        if kind in {"S", "C"}:
            return self._end(now, name, 1.0, values[0]) if kind == "S" else self._end(now, name, 0.0, 0.0)
        if kind == "R":
            return self._refuse(now, name, *values)
        if kind == "Q":
            self._line.pop(turn.client, None)
            return True
        if kind == "L":
            return self._record(now, name, *values)
        if name in self._flights:
            self._leases[name] = now + self.lease
        elif kind == "F":
            self._book(now, name, *values)
        return name in self._flights

    def _record(self, now: float, name: str, requests: float, tokens: float, age: float) -> bool:
        if name not in self._told and age < self.limit.window:
            self._told[name] = now - age
            self._quota.record(now - age, requests, tokens)
        return True

    def _ask(self, now: float, turn: _Turn, name: str, tokens: float, variance: float) -> list[Any]:
        if name in self._flights:
            return ["", 0.0]  # asked again, because the answer was lost
        if turn.blocked:
            return ["line", float("inf")]
        for other, seen in list(self._line.items()):  # who waits longer goes first, while it lives
            if other == turn.client:
                break
            if now - seen <= SEEN:
                turn.waits = True
                break
            del self._line[other]
        seconds, cause = (
            (float("inf"), "line") if turn.waits else self._quota.delay(now, Booking(tokens, variance))
        )
        if seconds <= 0:
            self._line.pop(turn.client, None)
            self._book(now, name, tokens, variance)
            return ["", 0.0]
        turn.blocked = True
        self._line[turn.client] = now  # a place that it has stays the same
        return [cause, seconds]

    def _book(self, now: float, name: str, tokens: float, variance: float) -> None:
        booking = self._flights[name] = Booking(tokens, variance)
        self._leases[name] = now + self.lease
        self._quota.grant(now, booking)

    def _end(self, now: float, name: str, requests: float, tokens: float | None) -> bool:
        booking = self._flights.pop(name, None)
        if booking is None:
            return False
        del self._leases[name]
        return self._quota.settle(now, booking, tokens) if requests else self._quota.cancel(now, booking)

    def _refuse(self, now: float, name: str, reason: Any, retry_after: float | None) -> float:
        booking = self._flights.pop(name, None)
        if booking is None:
            return 0.0
        del self._leases[name]
        return self._quota.refuse(now, booking, reason, retry_after) or 0.0

    def dump(self) -> str:
        """Its state as a text, for ``load``."""
        flights = {
            name: (booking.tokens, booking.variance, booking.granted_at, booking.peers)
            for name, booking in self._flights.items()
        }
        rest = {name: getattr(self, name) for name in _REST}
        return json.dumps({"quota": self._quota.dump(), "flights": flights, **rest})

    def load(self, state: str) -> None:
        """Take over a state that ``dump`` returned.

        Raises:
            ValueError: It is none.
        """
        try:
            values = json.loads(state)
            self._flights = {name: Booking(*parts) for name, parts in values["flights"].items()}
            self._quota.load(values["quota"], self._flights.values())
            for name in _REST:
                setattr(self, name, values[name])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no state of a quota: {error!r}") from None


_REST = ("_leases", "_told", "_line", "_epoch", "_count", "_last", "_shift")


@dataclass(slots=True)
class _Turn:
    """What one process has been told in this exchange: behind its first refusal nothing else goes."""

    client: str
    blocked: bool
    waits: bool = False
