"""What every method checks of its arguments, whatever the service: that lists are lists, and switches are switches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from ragbridge.errors import ConfigurationError, InvalidRequestError, StatusError
from ragbridge.values.inputs import Group, Media


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


def located(
    error: InvalidRequestError, where: Callable[[int, int], str], start: int, stop: int
) -> StatusError:
    """``error`` about a request of the items ``[start:stop]``, in the caller's own terms: which of his it is about.

    Args:
        error: As it was read, its index counting in the request.
        where: Names a range of the caller's items.
        start: The first item that was sent.
        stop: The one after the last.
    """
    index = error.index if error.index is not None else (0 if stop - start == 1 else None)
    if index is None or not 0 <= index < stop - start:
        return error.replace(message=f"{where(start, stop)}: {error.message}", index=None)
    index += start
    return error.replace(message=f"{where(index, index + 1)}: {error.message}", index=index)


def named_items(start: int, stop: int, name: str = "texts") -> str:
    """The items ``[start:stop]`` of the caller's list ``name`` as he knows them."""
    return f"{name}[{start}]" if stop - start == 1 else f"{name}[{start}:{stop}]"
