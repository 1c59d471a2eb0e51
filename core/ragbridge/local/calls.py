"""What every product's answer is made of, so that quotas, faults and refusals are worked into all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl

from ragbridge.local.refusals import JSON, Refusal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragbridge.flow import Response
    from ragbridge.local.model import StaticEmbedder


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One result: the position of its input and its numbers (a vector, a vector for each token, or scores)."""

    index: int
    numbers: NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Work:
    """A request that was read and found valid.

    Attributes:
        tokens: What it costs.
        write: Gives the answer's body.
        compute: Gives the rows, in the order of the answer. Whatever the request changes is changed here: a request
            beyond the quota changes nothing.
        status: The answer's status.
        headers: The answer's headers.
    """

    tokens: int
    write: Callable[[Sequence[Row]], bytes]
    compute: Callable[[], list[Row]] = list
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as the module of its product reads it.

    Attributes:
        method: The method, in capitals.
        path: The path, decoded.
        base: What the address begins with, up to the route: scheme, host and any prefix; "" where it has none.
        parameters: Parts of the path that the route names.
        query: The address's query, as it came.
        headers: By their names in lower case.
        body: What was sent.
        embedder: Gives the embedded model.
        key: The request's key, "" where there is none.
    """

    method: str
    path: str
    base: str
    parameters: Mapping[str, str | None]
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    embedder: Callable[[], StaticEmbedder]
    key: str = field(default="", repr=False)

    @property
    def arguments(self) -> dict[str, str]:
        """The address's query as parameters."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


Read: TypeAlias = Callable[[Call], Work]
"""Checks a request and says what it costs and how it is answered; raises ``Refusal``."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes:
        method: ``GET`` answers ``HEAD`` as well.
        pattern: Regular expression of the path's end: any base address works.
        product: Whose quota counts it; "" for what is open to all, never fails and counts nowhere.
        read: Reads its requests.
        schemes: Of the ``Authorization`` header, in lower case.
        refuse: Writes a refusal with the number of the request, as the product's host does.
        signed: Whether an address that the engine has given out opens it without a key.
        upstream: How it tells that a service behind it failed with a status; None where there is none behind it.
    """

    method: str
    pattern: str
    product: str
    read: Read
    schemes: tuple[str, ...] = ("bearer",)
    refuse: Callable[[Refusal, str], Response] = Refusal.response
    signed: bool = False
    upstream: Callable[[Call, int], Refusal] | None = None
