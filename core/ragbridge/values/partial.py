"""What a call over many items did although some of it failed."""

from __future__ import annotations

from dataclasses import field
from typing import Generic, Literal, TypeAlias, TypeVar

from ragbridge.errors import RagbridgeError
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass

T = TypeVar("T")

OnError: TypeAlias = Literal["raise", "report"]
"""What a call does about an item that fails: end with its error, or name it in ``failed`` and go on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One item that has no result.

    Attributes:
        index: Its index in the caller's list.
        error: Why.
    """

    index: int
    error: RagbridgeError


@dataclass(frozen=True, slots=True)
class Partial(Generic[T]):
    """What was done when an error ended a call: its ``partial``.

    Attributes:
        indices: Which items of the caller's list were done, in ascending order.
        result: Their results alone, in the order of ``indices``.
    """

    indices: tuple[int, ...]
    result: T = field(repr=False)

    def __repr__(self) -> str:
        return f"Partial(items={len(self.indices)})"


publish("ragbridge", [Failure, Partial])
