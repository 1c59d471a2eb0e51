"""The types that all products share, so that quotas, faults and refusals apply to all of them in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl

from ragbridge.ground.records import dataclass
from ragbridge.local.refusals import JSON, Refusal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragbridge.flow import Response
    from ragbridge.local.model import Embedder


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One result: the index of its input, and its numbers (a vector, one vector per token, or scores)."""

    index: int
    numbers: NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Work:
    """A valid request, ready to be answered.

    Attributes:
        tokens: The request's cost in tokens.
        write: Writes the answer's body from the rows.
        compute: Computes the rows, in the order of the answer. All side effects belong here, so that a request beyond the
            quota has none.
        status: The answer's status.
        headers: The answer's headers.
        charged: Whether ``Call.charge`` has counted the request already.
    """

    tokens: int
    write: Callable[[Sequence[Row]], bytes]
    compute: Callable[[], list[Row]] = list
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    charged: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as a product's module reads it.

    Attributes:
        method: The HTTP method, in upper case.
        path: The decoded path.
        base: The address up to the route: scheme, host and any prefix; "" if the request has none.
        parameters: Values of the route's named groups.
        query: The address's query, undecoded.
        headers: The headers, with names in lower case.
        body: The request's body.
        embedder: Returns the embedded model.
        key: The request's key; "" if it has none.
        charge: Counts the request and this number of tokens; for routes whose effects need what the tokens are paid for. Raises
            ``Refusal`` if the request exceeds the quota; then it must have no effects.
    """

    method: str
    path: str
    base: str
    parameters: Mapping[str, str | None]
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    embedder: Callable[[], Embedder]
    key: str = field(default="", repr=False)
    charge: Callable[[int], None] = field(default=lambda _: None, repr=False)

    @property
    def arguments(self) -> dict[str, str]:
        """The decoded parameters of the address's query."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


Read: TypeAlias = Callable[[Call], Work]
"""Validates a request and returns its cost and its answer; raises ``Refusal``."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes:
        method: The HTTP method. ``GET`` also matches ``HEAD``.
        pattern: Regular expression for the end of the path, so that any base address works.
        product: The product whose quota counts the request. "" for routes without key, quota and faults.
        read: Reads the route's requests.
        schemes: Accepted schemes of the ``Authorization`` header, in lower case; none for any, or for a key without one.
        refuse: Writes a refusal and the request's id in the shape of the product's host.
        signed: Whether a signed address grants access without a key.
        upstream: Makes the refusal for a failure of an upstream service with the given status; None if the route has no
            upstream service.
    """

    method: str
    pattern: str
    product: str
    read: Read
    schemes: tuple[str, ...] = ("bearer",)
    refuse: Callable[[Refusal, str], Response] = Refusal.response
    signed: bool = False
    upstream: Callable[[Call, int], Refusal] | None = None
