"""Reading the objects of a search body: each member once, by its type; what nobody has read is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ragbridge.local.elastic.errors import Failure, bad_argument, unreadable
from ragbridge.local.search.errors import not_offered, parsing

T = TypeVar("T")

MOST_WHOLE = 2**31 - 1
"""The largest whole number that Elasticsearch's parsers take for sizes (``int``)."""


def token(value: object) -> str:
    """What Elasticsearch's parser calls a value."""
    match value:
        case bool():
            return "VALUE_BOOLEAN"
        case None:
            return "VALUE_NULL"
        case str():
            return "VALUE_STRING"
        case int() | float():
            return "VALUE_NUMBER"
        case list():
            return "START_ARRAY"
    return "START_OBJECT"


def whole(name: str, key: str, value: object, *, least: int | None = None, most: int = MOST_WHOLE) -> int:
    """A whole number; a text or a float that is one counts too, as for Elasticsearch.

    Raises:
        Failure: 400.
    """
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = int(value)
        except ValueError:
            raise _unfit(name, key, f'For input string: "{value}"', "number_format_exception") from None
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _unfit(name, key, f"[{key}] must be a whole number, got {token(value)}")
    if abs(value) > most:
        raise _unfit(name, key, f"Numeric value ({value if value < 10**40 else '...'}) out of range of int")
    if least is not None and value < least:
        raise bad_argument(f"[{key}] must be greater than or equal to {least}, got [{value}]")
    return value


def number(name: str, key: str, value: object) -> float:
    """A finite number, or a text that is one.

    Raises:
        Failure: 400.
    """
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value)
        except ValueError:
            raise _unfit(name, key, f'For input string: "{value}"', "number_format_exception") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unfit(name, key, f"[{key}] must be a number, got {token(value)}")
    if not math.isfinite(value) or abs(value) > 3.4028235e38:
        raise _unfit(name, key, f"[{key}] must be a finite number")
    return float(value)


def flag(name: str, key: str, value: object) -> bool:
    """A boolean, or a text that is one.

    Raises:
        Failure: 400.
    """
    if value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise _unfit(name, key, "Failed to parse value as only [true] or [false] are allowed.")
    return value


def text(name: str, key: str, value: object) -> str:
    """A text; numbers and booleans are taken as text.

    Raises:
        Failure: 400.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise _unfit(name, key, f"[{key}] must be a text, got {token(value)}")
    return value


def _unfit(name: str, key: str, reason: str, kind: str = "illegal_argument_exception") -> Failure:
    return unreadable(f"[{name}] failed to parse field [{key}]", Failure(400, reason, kind=kind))


class Body:
    """An object of a search body.

    Args:
        name: What Elasticsearch calls it, e.g. ``match`` or ``rrf``.
        value: What stands in the body.
        refusal: The sentence about a member that nobody reads.
    """

    def __init__(
        self, name: str, value: object, *, refusal: str = "[{name}] query does not support [{key}]"
    ) -> None:
        if not isinstance(value, Mapping):
            raise parsing(f"[{name}] malformed, expected an object but found [{token(value)}]")
        self.name = name
        self._left = dict(value)
        self._refusal = refusal

    def __contains__(self, key: str) -> bool:
        return key in self._left

    @property
    def left(self) -> list[str]:
        """The members that nobody has read."""
        return list(self._left)

    def any(self, *keys: str, default: Any = None) -> Any:
        """A member of any type, by its name or an older one; ``default`` where it is absent or null."""
        for key in keys:
            if key in self._left:
                value = self._left.pop(key)
                return default if value is None else value
        return default

    def _as(self, convert: Callable[..., T], key: str, default: T, **bounds: Any) -> T:
        value = self.any(key)
        return default if value is None else convert(self.name, key, value, **bounds)

    def text(self, key: str, default: str) -> str:
        """A text."""
        return self._as(text, key, default)

    def some_text(self, key: str) -> str | None:
        """A text or None."""
        value = self.any(key)
        return None if value is None else text(self.name, key, value)

    def need_text(self, key: str) -> str:
        """A text that must be there."""
        value = self.some_text(key)
        if value is None:
            raise self.required(key)
        return value

    def flag(self, key: str, default: bool) -> bool:
        """A boolean."""
        return self._as(flag, key, default)

    def number(self, key: str, default: float) -> float:
        """A finite number."""
        return self._as(number, key, default)

    def some_number(self, key: str) -> float | None:
        """A finite number or None."""
        value = self.any(key)
        return None if value is None else number(self.name, key, value)

    def whole(self, key: str, default: int, *, least: int | None = None) -> int:
        """A whole number."""
        return self._as(whole, key, default, least=least)

    def some_whole(self, key: str) -> int | None:
        """A whole number or None."""
        value = self.any(key)
        return None if value is None else whole(self.name, key, value)

    def several(self, key: str) -> list[Any]:
        """A list; what is not a list counts as one member, an absent one as none."""
        value = self.any(key)
        if value is None:
            return []
        return list(value) if isinstance(value, list) else [value]

    def required(self, key: str) -> Failure:
        """400: a member is missing (``ConstructingObjectParser``)."""
        return bad_argument(f"Required [{key}]")

    def elsewhere(self, *keys: str) -> None:
        """Refuse members that Elasticsearch has and the engine has not.

        Raises:
            Failure: 501, naming the first of them.
        """
        for key in keys:
            if self._left.get(key) is not None:
                raise not_offered(f"{key} of {self.name}")
            self._left.pop(key, None)

    def end(self) -> None:
        """Refuse what is left.

        Raises:
            Failure: 400.
        """
        if self._left:
            reason = self._refusal.format(name=self.name, key=next(iter(self._left)))
            raise unreadable(reason) if "unknown field" in reason else parsing(reason)


OBJECT = "[{name}] unknown field [{key}]"
"""The sentence of parsers that are built of declared fields (``ObjectParser``)."""


def only(name: str, value: object, *, beside: tuple[str, ...] = ()) -> tuple[str, Any]:
    """The only member of an object, such as the field of ``{"match": {"title": ...}}``.

    Args:
        name: What Elasticsearch calls the object.
        value: The object.
        beside: Members that may stand beside it.

    Raises:
        Failure: 400, it has none or several.
    """
    if not isinstance(value, Mapping):
        raise parsing(f"[{name}] query malformed, no start_object after query name")
    members = [(key, inner) for key, inner in value.items() if key not in beside or len(value) == 1]
    if not members:
        raise bad_argument("field name is null or empty")
    if len(members) > 1:
        first, second = members[0][0], members[1][0]
        raise parsing(f"[{name}] query doesn't support multiple fields, found [{first}] and [{second}]")
    return members[0]


def names(value: object) -> list[str]:
    """Names from a list, or from a text with commas."""
    if isinstance(value, str):
        return [part for part in value.split(",") if part]
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        return [str(part) if not isinstance(part, str) else part for part in value]
    raise bad_argument(f"expected names, found [{token(value)}]")
