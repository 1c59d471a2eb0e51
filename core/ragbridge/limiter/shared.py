"""What quotas outside of this process have in common: one limiter for each, by a name that holds no key."""

from __future__ import annotations

import hashlib
import logging
import threading
from typing import TYPE_CHECKING

from ragbridge.ground.numbers import check_number

if TYPE_CHECKING:
    from ragbridge.limiter.limits import RateLimit
    from ragbridge.limiter.remote.limiter import RemoteLimiter

logger = logging.getLogger("ragbridge")


class SharedQuotas:
    """Base of ``Quotas`` for several processes.

    Args:
        lease: Seconds after which a booking that nobody renewed counts as used.
        outage: Seconds without an answer after which requests fail.
    """

    def __init__(self, lease: float, outage: float) -> None:
        wanted = "a number of seconds above 0"
        self._lease = float(check_number("lease", lease, wanted, above=0))
        self._outage = float(check_number("outage", outage, wanted, above=0))
        self._lock = threading.Lock()
        self._limiters: dict[tuple[str, RateLimit], RemoteLimiter] = {}

    def limiter(self, limit: RateLimit, *, service_host: str, key_digest: str, product: str) -> RemoteLimiter:
        """The limiter of one quota. Each client gives out what its own ``limits=`` says, of what all of them used."""
        digest = hashlib.sha256(f"{service_host}\n{key_digest}".encode()).hexdigest()[:16]
        name = f"ragbridge:{digest}:{product}"
        with self._lock:
            if (name, limit) not in self._limiters:
                if any(known == name for known, _ in self._limiters):
                    logger.warning(
                        "two limits for %s of %s with one key, and one shared quota", product, service_host
                    )
                self._limiters[name, limit] = self._make(name, limit)
            return self._limiters[name, limit]

    def _make(self, name: str, limit: RateLimit) -> RemoteLimiter:
        raise NotImplementedError

    def close(self) -> None:
        """Tell what was used and is not told yet. The object stays usable."""
        with self._lock:
            limiters = list(self._limiters.values())
        for limiter in limiters:
            limiter.close()

    def __copy__(self) -> SharedQuotas:
        return self

    def __deepcopy__(self, memo: object) -> SharedQuotas:
        return self

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, SharedQuotas):
            return NotImplemented
        return self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash(repr(self))
