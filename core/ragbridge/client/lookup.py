"""Which items of a call are sent: of equal ones the first, and of those that are known already none."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from ragbridge.client.arguments import Where, named
from ragbridge.client.bills import Bill, Progress, total
from ragbridge.client.outcome import Outcome, Trust
from ragbridge.client.watch import current
from ragbridge.errors import RagbridgeError
from ragbridge.flow import Flow, Plan, do
from ragbridge.ground.records import dataclass
from ragbridge.observers import Cached, Operation
from ragbridge.values.embeddings import Usage
from ragbridge.values.partial import Failure, OnError, Partial

if TYPE_CHECKING:
    from ragbridge.cache import Cache

T = TypeVar("T")

FindKeys: TypeAlias = Callable[[Sequence[int]], "Flow[Sequence[bytes | None]]"]
"""Finds out under which key the cache has each of some items; None where an item is not kept."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a call goes about its items, whatever it asks of them.

    Attributes:
        progress: Told of items that are done.
        on_error: Whether an item that fails ends the call (``"raise"``), or is named (``"report"``).
        trust: What calls with the same options share.
        numbers: What number each item has in the caller's stream; None where its place in the list is its number.
    """

    progress: Progress | None = None
    on_error: OnError = "raise"
    trust: Trust = field(default_factory=Trust)
    numbers: Sequence[int] | None = None

    def where(self, name: str) -> Where:
        """Names items of the caller's list ``name``, or of the stream."""
        numbers = self.numbers
        if numbers is None:
            return functools.partial(named, name)
        return lambda places: named("items", [numbers[place] for place in places])


class Rows(Protocol):
    """Where the results of a call are put together, one row for each item of the caller's list."""

    def kept(self, places: Sequence[int]) -> list[bytes]:
        """The rows at ``places`` as a cache has them."""
        ...

    def take(self, places: Sequence[int], values: Sequence[bytes]) -> Sequence[int]:
        """Put what a cache had into the rows at ``places``. Returns those whose value is one."""
        ...

    def copy(self, place: int, places: Sequence[int]) -> None:
        """Give the rows at ``places`` what stands in the row at ``place``."""
        ...

    def leave_out(self, place: int) -> None:
        """There is no result for ``place``."""


class Lookup:
    """The items of one call, as far as it knows them before anything is sent.

    Args:
        names: What each item is equal by; how many there are, where no two are equal.
        rows: Where results go.
        manner: How the call goes about its items.
        cache: Where results of other calls are; None for nowhere.
        keys: Finds out under which key each item is kept there; None where an item is not.

    Attributes:
        places: The items to send, once the plan's ``first`` has ended.
        cached: How many were known.
    """

    def __init__(
        self,
        names: Sequence[object] | int,
        rows: Rows,
        *,
        manner: Manner,
        cache: Cache | None = None,
        keys: FindKeys | None = None,
    ) -> None:
        self._rows = rows
        count = names if isinstance(names, int) else len(names)
        self._outcome = Outcome(count, manner.on_error, manner.trust)
        self._progress = manner.progress
        self._cache = cache
        self._find_keys = keys
        self._keys: dict[int, bytes] = {}
        self._copies: dict[int, list[int]] = {}
        self._bills: list[Bill] = []
        self.cached = 0
        self.places: Sequence[int] = range(names) if isinstance(names, int) else self._distinct(names)

    def _distinct(self, names: Sequence[object]) -> Sequence[int]:
        if len(set(names)) == len(names):
            return range(len(names))
        first: dict[object, int] = {}
        for place, name in enumerate(names):
            if (earlier := first.setdefault(name, place)) != place:
                self._copies.setdefault(earlier, []).append(place)
        return list(first.values())

    def plan(
        self,
        flows: Callable[[Sequence[int]], Iterable[Flow[None]]],
        join: Callable[[Usage, str | None, Sequence[int] | None], T],
        *,
        whole: Callable[[Sequence[int]], tuple[tuple[int, ...], Sequence[int]]] | None = None,
        about: Callable[[], Operation] | None = None,
    ) -> Plan[T]:
        """The plan that sends what has to be sent.

        Args:
            flows: The requests for the items at some places of the caller's list.
            join: Makes the result of what was billed, the model's name as the service gave it, and the places of the
                items that it is about; None for all of them.
            whole: Where results are about groups of items: those of which all is done, and the places of their items.
            about: Says what observers are told of the call.
        """

        def result(places: Sequence[int] | None = None) -> T:
            bill = total(self._bills, "")
            usage = bill.usage + Usage(cached=self.cached) if self.cached else bill.usage
            return join(usage, bill.model or None, places)

        def partial() -> Partial[T]:
            done = self._outcome.indices
            indices, places = whole(done) if whole is not None else (done, done)
            return Partial(indices, result(places))

        def lazily() -> Iterator[Flow[object]]:
            if self.places:
                yield from flows(self.places)

        first = self._look() if self._cache is not None and self._find_keys is not None else None
        return Plan(lazily(), lambda _: result(), first, partial, self._leave, about=about)

    def _leave(self) -> None:
        """Tell nobody any more: the caller has its error, and answers under way are kept in silence."""
        self._progress = None

    def _look(self) -> Flow[None]:
        """Take from the cache what it has."""
        if self._find_keys is None or self._cache is None or not self.places:
            return
        cache, keys = self._cache, (yield from self._find_keys(self.places))
        self._keys = {place: key for place, key in zip(self.places, keys, strict=True) if key is not None}
        found = yield from do(lambda: cache.get_many(list(self._keys.values())))
        hits = [place for place, key in self._keys.items() if key in found]
        if not hits:
            return
        hits = list(self._rows.take(hits, [found[self._keys[place]] for place in hits]))
        for place in hits:
            self.cached += self._settle(place)
        known = set(hits)
        self._outcome.known(hits)
        self.places = [place for place in self.places if place not in known]
        if (watch := current()) is not None:
            watch.event(Cached(self.cached))
        self._tell(self.cached)

    def _settle(self, place: int) -> int:
        """Give its result to the items that equal the one at ``place``. Returns how many items there are of it."""
        copies = self._copies.get(place)
        if copies is None:
            return 1
        self._rows.copy(place, copies)
        self._outcome.known(copies)
        return 1 + len(copies)

    def forget(self, places: Sequence[int]) -> None:
        """What the items at ``places`` are kept under no longer says what their answers depend on: do not keep them."""
        for place in places:
            self._keys.pop(place, None)

    @property
    def reports(self) -> bool:
        """Whether an item that fails leaves the others alone."""
        return self._outcome.reports

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed, in the order of the items."""
        return self._outcome.failures

    def done(self, places: Sequence[int], bill: Bill) -> Flow[None]:
        """The items at ``places`` have been answered, and cost ``bill``: keep that, and tell."""
        self._bills.append(bill)  # first: what is done has been paid for
        self._outcome.done(places)
        count = sum(map(self._settle, places)) if self._copies else len(places)
        cache = self._cache
        if cache is not None and self._keys:
            kept = [place for place in places if place in self._keys]
            values = self._rows.kept(kept)
            new = {self._keys[place]: value for place, value in zip(kept, values, strict=True)}
            yield from do(lambda: cache.put_many(new))
        self._tell(count)

    def tried(self, error: RagbridgeError) -> None:
        """A request of the call ended with ``error``, and the call goes on: what it went through belongs to it."""
        if error.retries or error.waited:
            self._bills.append(Bill("", Usage(retries=error.retries, waited=error.waited)))

    def fail(self, places: Sequence[int], error: RagbridgeError) -> None:
        """The items at ``places`` have no result, nor has any that equals one of them.

        Raises:
            RagbridgeError: The error itself, where it is not the items that are to blame.
        """
        concerned = [each for place in places for each in (place, *self._copies.get(place, ()))]
        self._outcome.fail(concerned, error)
        for place in concerned:
            self._rows.leave_out(place)
        self._tell(len(concerned))

    def _tell(self, count: int) -> None:
        progress = self._progress  # another thread may take it away
        if progress is not None and count:
            progress(count)
