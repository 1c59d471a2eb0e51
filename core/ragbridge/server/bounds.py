"""What the server gives to clients that it does not know: time, connections and memory."""

from __future__ import annotations

from dataclasses import fields

from ragbridge.ground.numbers import check_number, check_whole
from ragbridge.ground.records import dataclass

MAX_BODY = 64 * 2**20
"""Bytes of a request's body at most: enough for 512 texts of 32,768 tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds for what clients may take from the server.

    Attributes:
        connections: Connections at once. A new one beyond it takes the place of the one that has kept the server waiting
            longest; it is refused with 503 only if every other one is being answered. Half of what the system lets the
            process open is never exceeded.
        head_seconds: Seconds from a request's first byte, or from the connection's beginning, to the end of its headers.
        body_seconds: Seconds from there to the end of its body.
        answer_seconds: Seconds in which a client must read some of its answer.
        held_bytes: Bytes of all bodies that are read or answered at this moment; a request beyond it is refused with 503.

    Raises:
        ConfigurationError: One of them is not above 0.
    """

    connections: int = 400
    head_seconds: float = 10.0
    body_seconds: float = 60.0
    answer_seconds: float = 60.0
    held_bytes: int = 8 * MAX_BODY

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in {"connections", "held_bytes"}:
                number: float = check_whole(field.name, value, "a whole number above 0")
            else:
                number = check_number(field.name, value, "a number above 0", above=0)
            object.__setattr__(self, field.name, number)

    def affordable(self) -> int:
        """Connections at once, within half of the files that this process may have open."""
        try:
            import resource
        except ImportError:  # Windows has no such limit
            return self.connections
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return self.connections if soft < 0 else max(1, min(self.connections, soft // 2))
