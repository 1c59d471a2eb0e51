"""What every service object shares: drivers, pacing, closing, and keeping its key to itself."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from ragbridge._call import Totals
from ragbridge._drivers import AsyncDriver, Clock, SystemClock, ThreadDriver, Transport

if TYPE_CHECKING:
    from ragbridge._flow import Plan

T = TypeVar("T")


class Service:
    """One connection to a service and the policy for it. Safe to share between threads and event loops.

    Attributes:
        usage: What this object has used so far.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.usage = Totals()

    def _connect(self, transport: Transport, concurrency: int) -> None:
        self._transport = transport
        self._concurrency = concurrency

    def _run(self, plan: Plan[T]) -> T:
        return ThreadDriver(self._transport, self._clock, self._concurrency).run(plan)

    async def _run_async(self, plan: Plan[T]) -> T:
        return await AsyncDriver(self._transport, self._clock, self._concurrency).run(plan)

    def close(self) -> None:
        """Close idle connections. The object stays usable: a later call opens new ones."""
        self._transport.close()

    async def aclose(self) -> None:
        """Close idle connections, those of the running event loop included."""
        await self._transport.close_async()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()
