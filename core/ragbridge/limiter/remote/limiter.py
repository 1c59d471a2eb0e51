"""A limiter whose quota is kept outside of this process."""

from __future__ import annotations

import atexit
import os
import time
import weakref

from ragbridge.limiter.limited import Limited
from ragbridge.limiter.limits import RateLimit
from ragbridge.limiter.remote.clerk import Clerk
from ragbridge.limiter.remote.desk import Desk
from ragbridge.limiter.remote.ticket import RemoteTicket


class RemoteLimiter(Limited):
    """A ``RateLimiter`` for any number of processes, which share one ledger.

    Args:
        limit: What the service allows.
        desk: Where the ledger is.
        lease: Seconds after which a booking that nobody renewed counts as used.
        outage: Seconds without an answer of the ledger after which requests fail.
    """

    def __init__(self, limit: RateLimit, desk: Desk, *, lease: float, outage: float) -> None:
        self._limit = limit
        self._desk = desk
        self._lease = lease
        self._outage = outage
        self.restart()
        _limiters.add(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._limit!r}, {self._desk!r})"

    def restart(self) -> None:
        """Start afresh, in a forked process: the parent's bookings are not its own."""
        self._clerk = Clerk(self._limit, self._desk, self._lease, self._outage)

    @property
    def limit(self) -> RateLimit:
        """The configured limit."""
        return self._limit

    @property
    def waiting(self) -> tuple[str, float] | None:
        """What this process' first request in line waits for, and for how many seconds; None if none waits."""
        found = self._clerk.head
        return None if found is None else (found[0], max(found[1] - time.monotonic(), 0.0))

    def reserve(self, tokens: float, *, variance: float = 0.0) -> RemoteTicket:
        """Take a place in line for a request of about ``tokens``; never blocks.

        Raises:
            ConfigurationError: The request can never fit.
        """
        self._check_fits(tokens)
        ticket = RemoteTicket(self._clerk, tokens, variance)
        self._clerk.tell((ticket, None))
        self._clerk.start()
        return ticket

    def close(self) -> None:
        """Tell the ledger what is not told yet, within two seconds."""
        self._clerk.close()


_limiters: weakref.WeakSet[RemoteLimiter] = weakref.WeakSet()


def _flush() -> None:
    for limiter in tuple(_limiters):
        limiter.close()


def _after_fork() -> None:
    for limiter in tuple(_limiters):
        limiter.restart()


atexit.register(_flush)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
