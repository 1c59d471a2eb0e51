"""Checks of arguments that go into request bodies. Errors name the argument and the fix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import check_number, check_whole
from ragbridge.services.elastic.wire import segment

Body: TypeAlias = dict[str, Any]
"""A JSON object as any client takes it."""

Filter: TypeAlias = "Mapping[str, Any] | Sequence[Mapping[str, Any]]"
"""One query that must match, or several."""


def text(name: str, value: object) -> str:
    """``value``, checked to be a string that is not empty."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} is {type(value).__name__}, not str")
    if not value.strip():
        raise ConfigurationError(f"{name} is empty: pass a text")
    return value


def whole(name: str, value: object, *, least: int = 1, most: int | None = None) -> int:
    """``value`` as a plain int in a range."""
    span = f"from {least} to {most}" if most is not None else f"of {least} or more"
    return check_whole(name, value, f"an int {span}", least=least, most=most)


def number(name: str, value: object, *, least: float = -math.inf) -> float:
    """``value`` as a plain, finite number of at least ``least``."""
    bound = "" if least == -math.inf else f" of {least:g} or more"
    return check_number(name, value, f"a finite number{bound}", least=least)


def seconds(name: str, value: object) -> float:
    """``value`` as a plain, finite number of seconds above 0."""
    return check_number(name, value, "a number of seconds above 0, or None", above=0)


def entry(name: str, value: object) -> Body:
    """A copy of ``value``, checked to be a JSON object that is not empty."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConfigurationError(f"{name} is {type(value).__name__}, not an object of named values (a dict)")
    if not value:
        raise ConfigurationError(f"{name} is empty: pass an object with at least one field, or leave it out")
    return dict(value)


def query(name: str, value: object) -> Body:
    """A copy of ``value``, checked to be one query or retriever: an object with exactly one key."""
    one = entry(name, value)
    if len(one) != 1:
        raise ConfigurationError(
            f"{name} must hold exactly one kind, such as {{'match': ...}}, and holds {sorted(one)}; "
            "combine queries with {'bool': {'must': [...]}}, retrievers with rrf() or linear()"
        )
    return one


def filters(name: str, value: object) -> Body | list[Body]:
    """A copy of ``value``, checked to be a query or a list of queries."""
    if isinstance(value, Mapping):
        return query(name, value)
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{name} is {type(value).__name__}, not a query or a list of queries")
    return [query(f"{name}[{index}]", one) for index, one in enumerate(value)]


def given(**fields: Any) -> Body:
    """The fields that are not None. Elasticsearch uses its default for the others."""
    return {name: value for name, value in fields.items() if value is not None}


_FORBIDDEN = '\\/*?"<>| ,#:'
_LONGEST = 255
"""Length limit of an index name in bytes."""


def index_name(name: object) -> str:
    """The name of one index (or alias, or data stream) that is written to.

    Raises:
        ConfigurationError: Elasticsearch would refuse it.
    """
    index = text("index", name)
    wrong = sorted(set(index) & set(_FORBIDDEN))
    why = None
    if wrong:
        why = f"must not hold {' '.join(map(repr, wrong))}"
    elif index != index.lower():
        why = "must be lowercase"
    elif index[0] in "-_+":
        why = "must not start with '-', '_' or '+'"
    elif index in {".", ".."}:
        why = "must be more than dots"
    elif len(index.encode("utf-8", "replace")) > _LONGEST:
        why = f"must have {_LONGEST} bytes at most"
    if why:
        raise ConfigurationError(f"index={index!r} {why}")
    return index


def searched(index: str | Sequence[str]) -> str:
    """The names of indexes that are searched, as part of a path: one, several, or patterns such as ``docs-*``.

    Raises:
        ConfigurationError: There is no name, or a name is not a string.
    """
    names = [index] if isinstance(index, str) else list(index)
    if not names:
        raise ConfigurationError("index is empty: name an index, or '_all' for all of them")
    return ",".join(segment("index", name).replace("%2C", ",").replace("%2A", "*") for name in names)
