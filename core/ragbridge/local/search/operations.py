"""Writes as they are asked for, and what has become of them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from ragbridge.local.elastic.errors import Failure
    from ragbridge.local.search.documents import Source

Action: TypeAlias = Literal["index", "create", "update", "delete"]


@dataclass(slots=True)
class Operation:
    """One write.

    Attributes:
        action: What it does.
        index: The name of an index or an alias.
        id: The document; None to have the engine name it.
        body: The document; of an update its body (``doc``, ``upsert``, ...).
        raw: The body as it was sent, for the places in errors; "" if it is not known.
        pipeline: The ingest pipeline; None for the index's default.
        required: ``if_seq_no``: the number that the present version must have.
        alias: Whether ``index`` must be an alias (``require_alias``).
        broken: Why it cannot be carried out; None where it can.
    """

    action: Action
    index: str
    id: str | None = None
    body: Source = field(default_factory=dict)
    raw: str = field(default="", repr=False)
    pipeline: str | None = None
    required: int | None = None
    alias: bool = False
    broken: Failure | None = None


class Written(NamedTuple):
    """What has become of a write: the answer's members, and its status."""

    body: dict[str, Any]
    status: int
