"""The two protocols of who watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ragbridge.observers.events import Event, Operation, Outcome


class Observation(Protocol):
    """What an observer wants to know of one operation. Its methods must be quick: requests wait for them."""

    def event(self, event: Event) -> None:
        """Something happened. Called from whichever thread or task it happened in, one call after the other."""

    def ended(self, outcome: Outcome) -> None:
        """The operation is over. Called once, in the context in which ``started`` was; no event comes after it."""


@runtime_checkable
class Observer(Protocol):
    """Is told of every operation. Whatever it raises reaches no user: it is logged, once."""

    def started(self, operation: Operation) -> Observation | None:
        """An operation begins. Returns what is told of the rest; None for nothing.

        It is called in the context of the caller, which is that of the requests to come: what it sets there, such as a
        current span, holds for them and, of a stream, for nobody else.
        """
