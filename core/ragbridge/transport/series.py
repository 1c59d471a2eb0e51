"""The plans of a stream, of which a few are begun at once. Drivers do the waiting."""

from __future__ import annotations

from collections import deque
from typing import Any

from ragbridge.flow import Flow, Plan
from ragbridge.transport.work import Work


class Series:
    """The plans that are begun, in order. Not safe between threads by itself.

    Args:
        ahead: Plans that are begun at most before the first of them has ended.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._works: deque[Work] = deque()
        self._whole = False

    @property
    def hungry(self) -> bool:
        """Whether another plan should be begun: no flow is left to hand out."""
        return not self._whole and len(self._works) < self._ahead and not self.ready

    @property
    def ready(self) -> bool:
        """Whether there is a flow to hand out."""
        return any(work.ahead for work in self._works if work.failure is None)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return self._whole and not self._works

    def finish(self) -> None:
        """There are no more plans."""
        self._whole = True

    def add(self, plan: Plan[Any]) -> Work:
        """Begin ``plan``."""
        work = Work(plan)
        work.fetch()
        self._works.append(work)
        return work

    def take(self) -> tuple[Work, int, Flow[object]] | None:
        """The next flow of the earliest plan that has one; None where there is none now."""
        for work in self._works:
            # A work may fail in another thread at any time: then it hands out nothing.
            if work.ahead and (item := next(work, None)) is not None:
                work.fetch()
                return work, *item
        return None

    @property
    def has_first(self) -> bool:
        """Whether the earliest plan has ended."""
        return bool(self._works) and self._works[0].ended

    def first(self) -> Work | None:
        """The earliest plan, where it has ended; it is taken out."""
        return self._works.popleft() if self.has_first else None

    def stop(self, error: BaseException) -> None:
        """End every plan that is begun."""
        for work in self._works:
            work.fail(error)
