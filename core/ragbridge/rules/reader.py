"""Reading settings as Elasticsearch does: field by field, reporting everything that is wrong at once, in its own sentences.

The sentences are those of ``ServiceUtils`` and ``ValidationException`` in Elasticsearch's inference plugin (read in its
source, 2025 and 2026). No sentence contains the value of a secret. Unknown settings are named without their values, since
a misspelt ``api_key`` still holds a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from ragbridge.ground.numbers import as_whole
from ragbridge.ground.records import dataclass

_INTEGER = range(-(2**31), 2**31)
_LONG = range(-(2**63), 2**63)

Kind: TypeAlias = Literal["argument", "unknown", "settings", "request", "status", "ignored"]
"""How Elasticsearch reports a problem.

* ``argument``, ``unknown``: at once, before anything else is checked.
* ``settings``: together with all other problems of this kind.
* ``request``, ``status``: one at a time, once the settings themselves are right.
* ``ignored``: not at all. The client still refuses the setting, which would otherwise seem to have an effect.
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. ``str()`` is what the client says.

    Attributes:
        text: Elasticsearch's sentence.
        hint: What the client adds for its user.
        kind: How Elasticsearch reports it.
    """

    text: str
    hint: str = ""
    kind: Kind = "settings"

    def __str__(self) -> str:
        return f"{self.text} ({self.hint})" if self.hint else self.text


class Scope:
    """One object of a request. Each read takes a field out; the fields that remain are unknown.

    Args:
        name: What Elasticsearch calls the object, such as ``service_settings``.
        values: Its fields. A field that is None counts as absent.
        problems: The list to which problems are added; None for a list of its own.
    """

    def __init__(self, name: str, values: Mapping[str, Any], problems: list[Problem] | None = None) -> None:
        self.name = name
        self.problems: list[Problem] = [] if problems is None else problems
        self._given = {key for key, value in values.items() if value is not None}
        self._left = dict(values)

    @property
    def left(self) -> list[str]:
        """Names of the fields that were not read."""
        return [str(key) for key in self._left]

    def has(self, key: str) -> bool:
        """Whether the request sets this field, rightly or wrongly."""
        return key in self._given

    def note(self, text: str, hint: str = "", *, kind: Kind = "settings") -> None:
        """Add a problem."""
        self.problems.append(Problem(text, hint, kind))

    def take(self, key: str) -> Any:
        """A field as it is; None where it is absent."""
        return self._left.pop(key, None)

    def text(self, key: str, *, choices: Sequence[str] = (), secret: bool = False) -> str | None:
        """A string that is not empty, one of ``choices`` in any case; None where it is absent or wrong."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.note(wrong_type(key, "hidden" if secret else value, "String"))
        elif not value:
            self.note(f"[{self.name}] Invalid value empty string. [{key}] must be a non-empty string")
        elif choices and value.strip().lower() not in choices:
            self.note(
                f"[{self.name}] Invalid value [{value}] received. [{key}] must be one of [{', '.join(sorted(choices))}]"
            )
        else:
            return value
        return None

    def flag(self, key: str) -> bool | None:
        """A boolean."""
        value = self.take(key)
        if value is None or isinstance(value, bool):
            return value
        self.note(wrong_type(key, value, "Boolean"))
        return None

    def integer(self, key: str) -> int | None:
        """A Java integer: 32 bits, without a decimal point, neither a boolean nor a string."""
        value = self.take(key)
        whole = as_whole(value)
        if value is None or (whole is not None and whole in _INTEGER):
            return whole
        self.note(wrong_type(key, value, "Integer"))
        return None

    def positive(
        self, key: str, *, required: bool = False, least: int = 1, most: int | None = None
    ) -> int | None:
        """An integer in a range; None where it is absent or wrong."""
        if required and not self.has(key):
            self.miss(key)
        value = self.integer(key)
        if value is None:
            return None
        message = f"[{self.name}] Invalid value [{{}}]. [{key}] must be"
        if value <= 0:
            self.note(f"{message.format(value)} a positive integer")
        elif value < least:
            self.note(f"{message.format(float(value))} greater than or equal to [{float(least)}]")
        elif most is not None and value > most:
            self.note(f"{message.format(float(value))} less than or equal to [{float(most)}]")
        else:
            return value
        return None

    def positive_long(self, key: str) -> int | None:
        """A positive integer of 64 bits."""
        value = self.take(key)
        if value is None:
            return None
        whole = as_whole(value)
        if whole is None or whole not in _LONG:
            self.note(
                f"field [{key}] is not of one of the expected types. The value [{_shown(value)}] cannot be converted "
                "to one of [Integer, Long]"
            )
        elif whole <= 0:
            self.note(f"[{self.name}] Invalid value [{value}]. [{key}] must be a positive long")
        else:
            return whole
        return None

    def scope(self, key: str) -> Scope | None:
        """A nested object, whose problems are added to this one's; None where it is absent or not an object."""
        value = self.take(key)
        if value is None or isinstance(value, Mapping):
            return None if value is None else Scope(key, value, self.problems)
        self.note(wrong_type(key, value, "Map"))
        return None

    def miss(self, *keys: str) -> None:
        """Report a missing setting or, with several keys, that one of them is needed."""
        if len(keys) == 1:
            self.note(f"[{self.name}] does not contain the required setting [{keys[0]}]")
        else:
            self.note(f"[{self.name}] does not contain one of the required settings [{', '.join(keys)}]")


def wrong_type(key: str, value: object, kind: str) -> str:
    """The sentence about a value of the wrong type; ``kind`` is the Java type."""
    return f"field [{key}] is not of the expected type. The value [{_shown(value)}] cannot be converted to a [{kind}]"


def _shown(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value  # Java writes true and false
