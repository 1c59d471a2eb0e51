"""The order of hits, and hits that stand for others: what a search and its ``standard`` retriever have alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ragbridge.errors import ConfigurationError
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body

Sort: TypeAlias = "str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]"
"""A field, an object such as ``{"date": "desc"}``, or a list of them: the first decides, the next ones where it is equal."""


def checked_sort(value: Sort) -> list[str | Body]:
    """``sort`` as a list.

    Raises:
        ConfigurationError: It is empty, or an entry is neither a field nor an object with one.
    """
    rows: Any = [value] if isinstance(value, (str, Mapping)) else value
    if isinstance(rows, bytes) or not isinstance(rows, Sequence) or not rows:
        raise ConfigurationError(
            f"sort={value!r} must be a field, an object such as {{'date': 'desc'}}, or a list"
        )
    return [_entry(index, row) for index, row in enumerate(rows)]


def checked_collapse(value: str | Mapping[str, Any]) -> Body:
    """``collapse`` as an object.

    Raises:
        ConfigurationError: It names no field.
    """
    fields = {"field": value} if isinstance(value, str) else check.entry("collapse", value)
    if "field" not in fields:
        raise ConfigurationError(f"collapse holds {sorted(fields)}: pass a field, or an object with 'field'")
    return {**fields, "field": check.text("collapse", fields["field"])}


def checked_after(value: Sequence[Any]) -> list[Any]:
    """The values of ``search_after``.

    Raises:
        ConfigurationError: There are none.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence) or not value:
        raise ConfigurationError(f"search_after={value!r} must be the list of a hit's sort values")
    return list(value)


def _entry(index: int, row: object) -> str | Body:
    if isinstance(row, str):
        return check.text(f"sort[{index}]", row)
    entry = check.entry(f"sort[{index}]", row)
    if len(entry) != 1:
        raise ConfigurationError(
            f"sort[{index}] holds {sorted(entry)}: one field each, [{{'date': 'desc'}}, 'title'], since their order counts"
        )
    return entry
