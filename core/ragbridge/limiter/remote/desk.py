"""What a ledger outside of this process offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ragbridge.limiter.ledger import Answer, Known, Operation


class UnreachableError(Exception):
    """The ledger did not answer. What it was told may have been done."""


class Desk(Protocol):
    """Where a ledger is.

    Attributes:
        looks: Seconds after which who waits for others asks again: the first time, and at most.
    """

    looks: tuple[float, float]

    def exchange(self, client: str, known: Known, operations: list[Operation]) -> Answer:
        """Have the ledger perform ``operations``; see ``Ledger``. Blocks.

        Raises:
            UnreachableError: It did not answer: the same is asked again.
            ConfigurationError: It never will.
        """
        ...

    def listen(self, client: str, call: Callable[[], object]) -> Callable[[], None] | None:
        """Have ``call`` called, from any thread, when it may be this client's turn.

        Returns:
            What ends this; None where the ledger calls nobody.
        """
