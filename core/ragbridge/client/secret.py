"""A key that does not show itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from urllib.parse import quote, quote_plus

from ragbridge.errors import ConfigurationError


class MissingKeyError(ConfigurationError):
    """The service asks for a key, and there is none."""


class Secret:
    """A key. It is not in its own repr, cannot be pickled, and compares by value."""

    __slots__ = ("_value",)

    def __init__(self, value: str, *, name: str = "api_key") -> None:
        value = value.strip()
        if not value:
            raise ConfigurationError(f"{name} is empty")
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ConfigurationError(
                f"{name} holds characters that a key cannot have; was something else pasted?"
            )
        self._value = value

    def reveal(self) -> str:
        """The key itself, for the header of a request."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a key is never pickled; set it in the environment of the process that unpickles")


def find_key(given: str | None, variables: Sequence[str]) -> Secret | None:
    """The key that was given, else the first of the environment ``variables`` that is set, else None."""
    if given is not None:
        if not isinstance(given, str):
            raise ConfigurationError(f"api_key is {type(given).__name__}, not str")
        return Secret(given)
    for name in variables:
        value = os.environ.get(name, "").strip()
        if value:
            return Secret(value, name=name)
    return None


def traces_of(texts: Iterable[str]) -> list[str]:
    """Every form in which a service may repeat a secret: as it is, in JSON, percent-encoded; the longest first."""
    found: set[str] = set()
    for text in filter(None, texts):
        escaped = json.dumps(text)[1:-1]
        found |= {
            text,
            escaped,
            escaped.replace("/", "\\/"),
            quote(text),
            quote(text, safe=""),
            quote_plus(text),
        }
    return sorted(found, key=len, reverse=True)


def without(traces: Iterable[str], text: str) -> str:
    """``text`` with ``[key]`` in the place of each of ``traces``."""
    for trace in traces:
        text = text.replace(trace, "[key]")
    return text
