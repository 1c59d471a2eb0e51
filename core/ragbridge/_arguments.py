"""What every method checks of its arguments, whatever the service: that lists are lists, and switches are switches."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from ragbridge._errors import ConfigurationError
from ragbridge._inputs import Group, Media


def listed(
    values: Any, name: str, *, of: str = "strings", instead: str = "", most: int | None = None
) -> list[Any]:
    """``values`` as a list: of whatever can be gone through once, such as a generator or an array.

    Args:
        values: What the caller gave.
        name: The argument.
        of: What it is a list of.
        instead: What else there is for one thing alone.
        most: Items to take at most, of what may have no end; None for all.

    Raises:
        ConfigurationError: It is one thing, or nothing.
    """
    kind = type(values).__name__
    if isinstance(values, (str, bytes, Mapping, Media, Group)):
        raise ConfigurationError(f"{name} is one {kind}: pass a list of {of}{instead}")
    try:
        found = iter(values)
    except TypeError:
        raise ConfigurationError(f"{name} is {kind}: pass a list of {of}{instead}") from None
    return list(itertools.islice(found, most))


def texts_of(values: Any, name: str, *, of: str = "strings") -> list[Any]:
    """``values`` as a list, with the text of each chunk in its place; see ``listed``."""
    return [getattr(value, "text", value) for value in listed(values, name, of=of)]


def check_texts(values: Any, name: str = "texts", *, of: str = "strings") -> list[str]:
    """``values`` as a list of strings; chunks give their text.

    Raises:
        ConfigurationError: It is one thing, or an item is neither a string nor a chunk.
    """
    found = texts_of(values, name, of=of)
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise ConfigurationError(f"{name}[{index}] is {type(text).__name__}, not str")
    return found


def check_switches(**values: object) -> None:
    """Refuse what is neither True nor False nor, for "the service's default", None: ``"false"`` would be taken for true.

    Raises:
        ConfigurationError: One of them is something else.
    """
    for name, value in values.items():
        if value is not None and not isinstance(value, bool):
            raise ConfigurationError(f"{name}={value!r} must be True or False")
