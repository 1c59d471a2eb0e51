"""A key that does not show itself."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import SupportsIndex, TypeAlias, TypeVar, cast, overload
from urllib.parse import quote, quote_plus

from ragbridge.errors import ConfigurationError
from ragbridge.ground.addresses import in_text

T = TypeVar("T")


class MissingKeyError(ConfigurationError):
    """The service asks for a key, and there is none."""


class Concealed(str):
    """A text that its repr does not show: tools that show the locals of a frame (rich, ``pytest -l``, Sentry) call that.

    Otherwise it is the text itself, for HTTP libraries and JSON. Parts of it are concealed as well, since tools cut what
    is long before they show it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"

    def __getitem__(self, place: SupportsIndex | slice) -> Concealed:
        return Concealed(super().__getitem__(place))


class ConcealedBytes(bytes):
    """Bytes that their repr does not show, such as a body that holds a key."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "b'**********'"

    @overload
    def __getitem__(self, place: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> ConcealedBytes: ...
    def __getitem__(self, place: SupportsIndex | slice) -> int | ConcealedBytes:
        part = super().__getitem__(place)
        return ConcealedBytes(part) if isinstance(part, bytes) else part


def concealed(value: T) -> T:
    """``value`` with each text in it concealed, where it is a text, a tuple, list or dict of them; else as it is."""
    if isinstance(value, str):
        return cast("T", Concealed(value))
    if isinstance(value, list):
        return cast("T", [concealed(item) for item in value])
    if isinstance(value, tuple):
        return cast("T", tuple(map(concealed, value)))
    if isinstance(value, Mapping):
        return cast("T", {name: concealed(item) for name, item in value.items()})
    return value


class Secret:
    """A key. It is not in its own repr, cannot be pickled, and compares by value."""

    __slots__ = ("_value",)

    def __init__(self, value: str, *, name: str = "api_key") -> None:
        value = Concealed(value.strip())
        if not value:
            raise ConfigurationError(f"{name} is empty")
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ConfigurationError(
                f"{name} holds characters that a key cannot have; was something else pasted?"
            )
        self._value = value

    def reveal(self) -> str:
        """The key itself, ``Concealed``: as a part of another text it is not."""
        return self._value

    def header(self, scheme: str) -> str:
        """The value of an ``Authorization`` header."""
        return Concealed(f"{scheme} {self._value}")

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
    given = concealed(given)
    if given is not None:
        if not isinstance(given, str):
            raise ConfigurationError(f"api_key is {type(given).__name__}, not str")
        return Secret(given)
    for name in variables:
        value = Concealed(os.environ.get(name, "").strip())
        if value:
            return Secret(value, name=name)
    return None


SHORTEST = 3
"""Characters of a secret that is looked for: shorter ones are found in every other word."""
ANYWHERE = 8
"""Characters from which on a secret is hidden within a word as well: shorter ones may be part of any."""

Traces: TypeAlias = "Sequence[re.Pattern[str]]"
"""What finds secrets in a text, one after the other."""


def traces_of(texts: Iterable[str]) -> Traces:
    """Finds every form in which a service may repeat secrets: as they are, in JSON, HTML, percent-encoded, in base64."""
    found = {form for text in texts if len(text) >= SHORTEST for form in _forms(text)}
    longest_first = [re.escape(form) for form in sorted(found, key=len, reverse=True)]
    long = [form for form in found if len(form) >= ANYWHERE]
    patterns = ["|".join(longest_first[: len(long)]), "|".join(longest_first[len(long) :])]
    return [
        re.compile(pattern if whole else rf"(?<![^\W_])(?:{pattern})(?![^\W_])")
        for pattern, whole in zip(patterns, (True, False), strict=True)
        if pattern
    ]


def _forms(text: str) -> Iterator[str]:
    escaped = json.dumps(text)[1:-1]
    yield from (text, escaped, escaped.replace("/", "\\/"), json.dumps(text, ensure_ascii=False)[1:-1])
    yield html.escape(text)
    for quoted in (quote(text), quote(text, safe=""), quote_plus(text)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda letter: letter[0].lower(), quoted)
    raw = text.encode()
    for encoded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
        yield encoded.decode()
        yield encoded.decode().rstrip("=")


def without(traces: Traces, text: str) -> str:
    """``text`` with ``[key]`` in the place of each of ``traces``, and with no user, password or query in an address."""
    for pattern in traces:
        text = pattern.sub("[key]", text)
    return in_text(text)
