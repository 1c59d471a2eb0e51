"""Checks of arguments that every service needs, and the names that errors have for the caller's items."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeAlias, TypeVar

from ragbridge.errors import ConfigurationError, InvalidRequestError, StatusError
from ragbridge.values.lists import iterated

P = ParamSpec("P")
T = TypeVar("T")

Where: TypeAlias = Callable[[Sequence[int]], str]
"""Names the items at these places of a list as the caller knows them."""


def listed(
    values: Any, name: str, *, of: str = "strings", instead: str = "", most: int | None = None
) -> list[Any]:
    """``values``, which may be any iterable, as a list.

    Args:
        values: What the caller gave.
        name: The argument.
        of: What the list holds.
        instead: What to use for a single item.
        most: Items to take at most, of an iterable that may be endless; None for all.

    Raises:
        ConfigurationError: It is a single item, or not iterable; a set, which has no order; or a table, which iterates
            over columns.
    """
    if type(values) is list:
        return values[:most]
    return list(itertools.islice(iterated(values, name, of=of, instead=instead), most))


def remembered(check: Callable[P, T]) -> Callable[P, T]:
    """``check``, which is called by keywords, with the same object for the same arguments: what follows from it can be kept."""
    kept: Any = functools.lru_cache(maxsize=256, typed=True)(check)  # typed: 1 is not True

    @functools.wraps(check)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            found: T = kept(*args, **kwargs)
        except TypeError:  # what cannot be hashed; the message is the check's own
            found = check(*args, **kwargs)
        return found

    return checked


def texts_of(values: Any, name: str, *, of: str = "strings") -> list[Any]:
    """``values`` as a list, in which chunks are replaced by their text; see ``listed``."""
    return [getattr(value, "text", value) for value in listed(values, name, of=of)]


def check_texts(values: Any, name: str = "texts", *, of: str = "strings") -> list[str]:
    """``values`` as a list of strings; chunks give their text.

    Raises:
        ConfigurationError: It is a single item, or an item is neither a string nor a chunk.
    """
    texts = texts_of(values, name, of=of)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigurationError(f"{name}[{index}] is {type(text).__name__}, not str")
    return texts


def check_switches(**values: object) -> None:
    """Refuse anything but True, False and None (the service's default): ``"false"`` would count as true.

    Raises:
        ConfigurationError: One of them is something else.
    """
    for name, value in values.items():
        if value is not None and not isinstance(value, bool):
            raise ConfigurationError(f"{name}={value!r} must be True or False")


def named(name: str, places: Sequence[int]) -> str:
    """The items at ``places`` of the caller's list ``name``, as an error calls them."""
    if len(places) == 1:
        return f"{name}[{places[0]}]"
    return f"{name}[{min(places)}:{max(places) + 1}]"


def located(error: InvalidRequestError, where: Where, places: Sequence[int]) -> StatusError:
    """``error`` about a request of the items at ``places``, in the caller's own terms.

    Args:
        error: As it was read; its index counts the items of the request.
        where: Names items as the caller knows them.
        places: Where the items of the request stand in the caller's list.
    """
    index = error.index if error.index is not None else (0 if len(places) == 1 else None)
    if index is None or not 0 <= index < len(places):
        return error.replace(message=f"{where(places)}: {error.message}", index=None)
    return error.replace(message=f"{where(places[index : index + 1])}: {error.message}", index=places[index])
