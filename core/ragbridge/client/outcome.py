"""What has become of each item of one call."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from ragbridge.errors import ConfigurationError, RagbridgeError
from ragbridge.values.partial import Failure, OnError

DOUBT = 10
"""Requests that fail for good, while none is accepted, before it is not the items that are to blame."""


class Trust:
    """Whether the service has taken a request of this kind: what it refuses from then on is to blame itself.

    Attributes:
        accepted: Whether it has.
    """

    def __init__(self) -> None:
        self.accepted = False


class Outcome:
    """Which items of a call are done, and which have failed. Safe from any thread.

    Args:
        count: Items of the call.
        on_error: ``"raise"`` or ``"report"``.
        trust: What calls with the same options share.

    Attributes:
        reports: Whether an item that fails leaves the others alone.

    Raises:
        ConfigurationError: ``on_error`` is something else.
    """

    def __init__(self, count: int, on_error: OnError, trust: Trust) -> None:
        if on_error not in {"raise", "report"}:
            raise ConfigurationError(f"on_error={on_error!r} must be 'raise' or 'report'")
        self.reports = on_error == "report"
        self._done = bytearray(count)
        self._failed: dict[int, RagbridgeError] = {}
        self._trust = trust
        self._refused = 0
        self._lock = threading.Lock()

    def done(self, places: Sequence[int]) -> None:
        """The items at ``places`` have their results, by an answer of the service."""
        self._trust.accepted = True
        self.known(places)

    def known(self, places: Sequence[int]) -> None:
        """The items at ``places`` have their results."""
        if isinstance(places, range) and places.step == 1:
            self._done[places.start : places.stop] = b"\1" * len(places)
        else:
            for place in places:
                self._done[place] = 1

    def fail(self, places: Iterable[int], error: RagbridgeError) -> None:
        """The items at ``places`` will have none.

        Raises:
            RagbridgeError: The error itself, where it is not the items that are to blame: nothing was accepted yet.
        """
        with self._lock:
            self._failed.update(dict.fromkeys(places, error))
            self._refused += 1
            if not self._trust.accepted and self._refused >= DOUBT:
                raise error

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed, in the order of the items."""
        if not self._failed:
            return ()
        with self._lock:
            return tuple(Failure(place, self._failed[place]) for place in sorted(self._failed))

    @property
    def indices(self) -> tuple[int, ...]:
        """Which items are done."""
        return tuple(place for place, done in enumerate(self._done) if done)
