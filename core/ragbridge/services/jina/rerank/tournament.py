"""How a listwise reranker orders more documents than one call may hold: in rounds, like a tournament.

Its scores depend on the company, so scores of two calls are never compared. The documents of a round are dealt out to
as few calls as hold them; the best of each call go on; the last round is one call. Of ``calls`` calls, so many go on:

* as many as fill one call, where that lets the ``wanted`` best of each go on, or the better half;
* else the ``wanted`` best of each call, or the better half of it, whichever is fewer: another round follows.

So a document leaves only after ``wanted`` others of its call were ranked above it, or half of them, and the service
reads each document twice or less in the mean, besides what fills up the last calls of rounds.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

from ragbridge.flow import Waiting
from ragbridge.ground.records import dataclass


@dataclass(frozen=True, slots=True)
class Round:
    """The shape of one round.

    Attributes:
        number: Which round it is, from 0.
        entrants: Documents that are ranked.
        calls: Calls that they are dealt out to.
        winners: Documents that go on, of all calls together; in the last round all of them.
    """

    number: int
    entrants: int
    calls: int
    winners: int

    def deal(self, order: Sequence[int], call: int) -> Sequence[int]:
        """The documents of one call: dealt like cards, so that an ``order`` by merit gives calls of equal strength."""
        return order[call :: self.calls]

    def through(self, call: int) -> int:
        """How many of one call's documents go on."""
        return self.winners * (call + 1) // self.calls - self.winners * call // self.calls


def rounds(count: int, most: int, wanted: int) -> list[Round]:
    """The rounds that bring ``count`` documents down to one call.

    Args:
        count: Documents, at least 1.
        most: Documents in one call at most, at least 2.
        wanted: Best documents that are asked for.
    """
    shape: list[Round] = []
    while count > most:
        calls = math.ceil(count / most)
        winners = max(most, calls * min(wanted, most // 2))
        shape.append(Round(len(shape), count, calls, winners))
        count = winners
    return [*shape, Round(len(shape), count, 1, count)]


class Entrants(Waiting):
    """A ``Waitable``: over when every call of the round before has reported its winners.

    Args:
        missing: Calls that have yet to report.
        order: Documents that are in it from the start, in order, where no call comes before it.
    """

    __slots__ = ("_lock", "_order", "_places", "missing")

    def __init__(self, missing: int, order: Sequence[int] = ()) -> None:
        super().__init__()
        self.missing = missing
        self._order = order
        self._places: list[tuple[int, int]] = []
        self._lock = threading.Lock()

    @property
    def order(self) -> Sequence[int]:
        """The documents that came through: all firsts, then all seconds, and so on."""
        return [document for _, document in sorted(self._places)] if self._places else self._order

    def add(self, documents: Sequence[int]) -> None:
        """One call of the round before has been read: ``documents`` go on, best first."""
        with self._lock:
            self._places += enumerate(documents)
            self.missing -= 1
            complete = not self.missing
        if complete:
            self.wake()

    def poll(self) -> float | None:
        """None once all are known."""
        return math.inf if self.missing else None
