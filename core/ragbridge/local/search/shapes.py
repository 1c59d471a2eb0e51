"""Shapes of JSON in requests that write: objects, names, whole numbers, and how deep they may be nested."""

from __future__ import annotations

from typing import Any, Final

from ragbridge.local.search.errors import invalid_argument

MOST_NESTING: Final = 100
"""Levels of objects and lists in a document: the engine's own bound, below what Python's recursion takes."""


def an_object(name: str, given: object) -> dict[str, Any]:
    """An object.

    Raises:
        Failure: 400.
    """
    if not isinstance(given, dict):
        raise invalid_argument(f"[{name}] must be an object")
    return given


def a_name(name: str, given: object) -> str:
    """A text; a number is taken as one.

    Raises:
        Failure: 400.
    """
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise invalid_argument(f"[{name}] must be a string")
    return str(given)


def some_names(name: str, given: object) -> list[str]:
    """A text or a list of texts.

    Raises:
        Failure: 400.
    """
    return [a_name(name, item) for item in given] if isinstance(given, list) else [a_name(name, given)]


def a_count(name: str, given: object) -> int:
    """A whole number of 0 or more.

    Raises:
        Failure: 400.
    """
    if type(given) is not int or given < 0:
        raise invalid_argument(f"[{name}] must be a whole number of 0 or more")
    return given


def check_nesting(given: object, text: str) -> None:
    """Refuse what is nested too deeply.

    Args:
        given: What was read.
        text: What it was read from.

    Raises:
        Failure: 400.
    """
    if text.count("[") + text.count("{") <= MOST_NESTING:
        return
    level = [given]
    for _ in range(MOST_NESTING):
        level = [
            inner
            for outer in level
            for inner in (
                outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
            )
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise invalid_argument(f"a document has more than {MOST_NESTING} levels of objects and lists")
