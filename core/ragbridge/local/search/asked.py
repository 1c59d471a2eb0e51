"""One request to a route of indexes, documents or searches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.http import check_parameters, flag, read_body
from ragbridge.local.search.errors import invalid_argument
from ragbridge.local.search.writing import Writer

if TYPE_CHECKING:
    from ragbridge.local.elastic.http import Query
    from ragbridge.local.elastic.pipelines import Pipelines
    from ragbridge.local.search.indices import Index, Indices
    from ragbridge.local.search.inference import Inference

EXPANSION = ("allow_no_indices", "expand_wildcards", "ignore_unavailable", "ignore_throttled")
"""Parameters that say which indexes an expression means."""
TIMES = ("master_timeout", "timeout")
"""Parameters that say how long to wait for a cluster; here nothing is waited for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a route.

    Attributes:
        method: The method, in capitals.
        path: The path, decoded.
        names: What the path names: ``index``, ``id``, ``name``.
        query: The query parameters.
        content: The body as it came.
        indices: The indexes.
        inference: The endpoints, for this request.
        pipelines: The ingest pipelines.
    """

    method: str
    path: str
    names: Mapping[str, str]
    query: Query
    content: bytes
    indices: Indices
    inference: Inference
    pipelines: Pipelines

    @property
    def body(self) -> dict[str, Any]:
        """The body's object; empty where there is no body."""
        return read_body(self.content) if self.content.strip() else {}

    def name(self, name: str) -> str:
        """What the path names so; "" where it names none."""
        return self.names.get(name, "")

    @property
    def writer(self) -> Writer:
        """What carries out writes."""
        return Writer(self.indices, self.inference, self.pipelines)

    def check(self, *known: str) -> None:
        """Refuse unknown parameters.

        Raises:
            Failure: 400.
        """
        check_parameters(self.path, self.query, *known)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean parameter.

        Raises:
            Failure: 400.
        """
        return flag(self.query, name) if name in self.query else default

    def whole(self, name: str) -> int | None:
        """A parameter that is a whole number.

        Raises:
            Failure: 400.
        """
        given = self.query.get(name)
        if given is None:
            return None
        if not given.lstrip("-").isdecimal():
            raise invalid_argument(f"Failed to parse int parameter [{name}] with value [{given}]")
        return int(given)

    def resolved(self, *, aliases: bool = True, allow_no_indices: bool = True) -> list[Index]:
        """The indexes that the path names.

        Raises:
            Failure: 404.
        """
        return self.indices.resolve(
            self.name("index"),
            ignore_unavailable=self.flag("ignore_unavailable"),
            allow_no_indices=self.flag("allow_no_indices", default=allow_no_indices),
            aliases=aliases,
        )
