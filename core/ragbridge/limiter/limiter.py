"""The rate limiter of one process: a line of tickets before one quota, for threads and event loops alike."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, NoReturn, get_args

from ragbridge.errors import ConfigurationError
from ragbridge.ground.public import publish
from ragbridge.limiter.limited import Limited
from ragbridge.limiter.limits import RateLimit
from ragbridge.limiter.queue import Line, LineTicket
from ragbridge.limiter.quota import Booking, Cause, Pacing, Quota
from ragbridge.limiter.tiers import is_default

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("ragbridge")


class Limiter(Limited):
    """A ``RateLimiter`` for this process, safe in any number of threads and event loops at once.

    Args:
        limit: What the service allows.
        pacing: ``"always"`` spreads requests evenly over the window, ``"off"`` sends them as soon as they fit,
            ``"auto"`` starts to spread when the service refuses far below the quota.
        clock: Seconds on a clock that never goes back.
        default_tier: The limit was not chosen by the user: the first wait says how to lift it.
    """

    def __init__(
        self,
        limit: RateLimit,
        *,
        pacing: Pacing = "auto",
        clock: Callable[[], float] = time.monotonic,
        default_tier: bool = False,
    ) -> None:
        if pacing not in get_args(Pacing):
            raise ConfigurationError(f"pacing must be 'auto', 'always' or 'off', not {pacing!r}")
        self.default_tier = default_tier
        self._limit = limit
        self._pacing: Pacing = pacing
        self._clock = clock
        self._announced = False
        self._line = Line(Quota(limit, pacing), clock, self._on_wait)
        _limiters.add(self)

    def __repr__(self) -> str:
        return f"Limiter({self._limit!r}, pacing={self._pacing!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Limiter counts what one process sends, so it cannot be pickled: another process would count anew. "
            f"Give limits={self._limit!r}, and quotas=RedisQuotas() or quotas=FileQuotas(path) where processes share a key"
        )

    def __copy__(self) -> Limiter:
        return self

    def __deepcopy__(self, memo: object) -> Limiter:
        return self

    @property
    def limit(self) -> RateLimit:
        """The configured limit: what is given out stays at or below it."""
        return self._limit

    @property
    def effective(self) -> RateLimit:
        """What is given out now: the limit, or less after the service refused."""
        requests, tokens, places = self._line.quota.effective(self._clock())
        minute = 60 / self._limit.window
        return RateLimit(
            None if math.isinf(requests) else max(requests, 1.0) * minute,
            None if math.isinf(tokens) else tokens * minute,
            None if math.isinf(places) else int(places),
            self._limit.window,
        )

    @property
    def waiting(self) -> tuple[str, float] | None:
        """What the first request in line waits for, and for how many seconds; None if none waits.

        The seconds are those until it fits if no request ends before; at most a window.
        """
        return self._line.look_at_head()

    @property
    def idle(self) -> bool:
        """Whether nothing is booked, no request waits, and all that was used is a window ago."""
        return self._line.is_idle()

    @property
    def available(self) -> tuple[float | None, float | None]:
        """Requests and tokens that the quota has room for now; None where they are not limited."""
        return self._line.enter(self._line.quota.available) or (None, None)

    @property
    def line_length(self) -> int:
        """Requests that wait for the quota."""
        return len(self._line.waiting)

    def configure(self, limit: RateLimit) -> None:
        """Go on under another limit, which the user chose. Bookings and the line stay."""
        self.default_tier = False
        self._limit = limit
        self._line.enter(lambda _: self._line.quota.configure(limit))

    def reserve(self, tokens: float, *, variance: float = 0.0) -> LineTicket:
        """Take a place in line for a request of about ``tokens``; never blocks.

        Args:
            tokens: Estimate of what the service will count.
            variance: Variance of that estimate, in tokens squared.

        Raises:
            ConfigurationError: The request can never fit.
        """
        self._check_fits(tokens)
        ticket = LineTicket(self._line, Booking(tokens, variance))
        self._line.enter(ticket.join)
        return ticket

    def _on_wait(self, cause: Cause, seconds: float) -> None:
        figures = {"ragbridge_wait_seconds": seconds, "ragbridge_wait_cause": cause}
        logger.debug("waiting %.1f s or more for the rate limit (%s)", seconds, cause, extra=figures)
        if self.default_tier and cause != "paused" and not self._announced:
            self._announced = True
            logger.warning(
                "waiting %.1f s for the rate limit (%s) that holds by default, %s. If your account allows more, say so by "
                "limits=: the name of a higher tier, or RateLimit(...); limits=None lifts it",
                seconds,
                cause,
                self._limit,
                extra=figures,
            )

    def restart(self) -> None:
        """Forget all bookings and the line, in a forked process."""
        self._line.reset(Quota(self._limit, self._pacing))


class _Registry:
    """One limiter per quota, as long as it is referenced or the service remembers what was used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: set[Limiter] = set()  # kept alive: clients may come and go within a window
        self._limiters: weakref.WeakValueDictionary[tuple[str, str, str], Limiter] = (
            weakref.WeakValueDictionary()
        )

    def get(self, limit: RateLimit, service: str, service_host: str, key: str, product: str) -> Limiter:
        digest = hashlib.sha256(key.encode()).hexdigest()
        default = is_default(limit, service=service, product=product)
        with self._lock:
            limiter = self._limiters.get((service_host, digest, product))
            if limiter is None:
                limiter = Limiter(limit, default_tier=default)
                self._limiters[service_host, digest, product] = limiter
            elif limiter.limit != limit and not default:
                if not limiter.default_tier:
                    logger.warning(
                        "two limits for %s of %s with one key: the latest holds, %s instead of %s",
                        product,
                        service_host,
                        limit,
                        limiter.limit,
                    )
                limiter.configure(limit)
            self._used = {used for used in self._used if not used.idle} | {limiter}
            return limiter

    def each(self) -> list[tuple[str, str, Limiter]]:
        with self._lock:
            return [(host, product, limiter) for (host, _, product), limiter in self._limiters.items()]

    def forget(self) -> None:
        with self._lock:
            self._used.clear()
            self._limiters.clear()

    def after_fork(self) -> None:
        self._lock = threading.Lock()


_registry = _Registry()
_limiters: weakref.WeakSet[Limiter] = weakref.WeakSet()


def shared(limit: RateLimit, *, service: str, service_host: str, key: str | None, product: str) -> Limiter:
    """The one limiter of this process for a quota, so that many clients with one key share it.

    A service's default tier never lowers what an explicit limit set. Of two explicit limits the latest holds, with a
    warning. The registry keeps a hash of the key, and drops a limiter that is no longer referenced once it has been
    idle for a window.

    Args:
        limit: What the client asks for.
        service: The service's name in the table of tiers.
        service_host: Where the service is.
        key: The credential, or None.
        product: Whose quota it is.
    """
    return _registry.get(limit, service, service_host, key or "", product)


def shared_limiters() -> list[tuple[str, str, Limiter]]:
    """Every limiter that ``shared`` gave and that is in use: the service's host, the product, and the limiter."""
    return _registry.each()


def forget() -> None:
    """Forget all shared limiters: clients made from now on share new ones."""
    _registry.forget()


def _after_fork() -> None:
    """A forked child starts with empty lines: the parent's bookings are not its own."""
    _registry.after_fork()
    for limiter in tuple(_limiters):
        limiter.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


publish("ragbridge", [Limiter])
