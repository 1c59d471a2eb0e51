"""Reading settings as Elasticsearch does: field by field, everything that is wrong at once, in its own sentences.

The sentences are those of ``ServiceUtils`` and ``ValidationException`` in Elasticsearch's inference plugin (read in
its source, 2025 and 2026). Values of secrets are in none of them, and unknown settings are named without their values:
a misspelt ``api_key`` is a key all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_INTEGER = range(-(2**31), 2**31)
_LONG = range(-(2**63), 2**63)


class Scope:
    """One object of a request. Each read takes a field out; what is left is unknown.

    Args:
        name: What Elasticsearch calls the object, such as ``service_settings``.
        values: Its fields. A field that is None counts as absent.
        problems: Where what is wrong is noted; None for a list of its own.
    """

    def __init__(self, name: str, values: Mapping[str, Any], problems: list[str] | None = None) -> None:
        self.name = name
        self.problems: list[str] = [] if problems is None else problems
        self._left = dict(values)

    @property
    def left(self) -> list[str]:
        """Names of the fields that nobody has read."""
        return [str(key) for key in self._left]

    def take(self, key: str) -> Any:
        """A field as it is; None where it is absent."""
        return self._left.pop(key, None)

    def text(
        self, key: str, *, required: bool = False, choices: Sequence[str] = (), secret: bool = False
    ) -> str | None:
        """A string that is not empty, one of ``choices`` in any case; None where it is absent or wrong."""
        value = self.take(key)
        if value is None:
            if required:
                self.miss(key)
        elif not isinstance(value, str):
            self.problems.append(wrong_type(key, "hidden" if secret else value, "String"))
        elif not value:
            self.problems.append(
                f"[{self.name}] Invalid value empty string. [{key}] must be a non-empty string"
            )
        elif choices and value.strip().lower() not in choices:
            self.problems.append(
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
        self.problems.append(wrong_type(key, value, "Boolean"))
        return None

    def integer(self, key: str) -> int | None:
        """An integer of Java: 32 bits, no decimal point, no boolean, no text."""
        value = self.take(key)
        if value is None or (type(value) is int and value in _INTEGER):
            return value
        self.problems.append(wrong_type(key, value, "Integer"))
        return None

    def positive(
        self, key: str, *, required: bool = False, least: int = 1, most: int | None = None
    ) -> int | None:
        """An integer in a range; None where it is absent or wrong."""
        noted = len(self.problems)
        value = self.integer(key)
        if value is None:
            if required and len(self.problems) == noted:
                self.miss(key)
            return None
        message = f"[{self.name}] Invalid value [{{}}]. [{key}] must be"
        if value <= 0:
            self.problems.append(f"{message.format(value)} a positive integer")
        elif value < least:
            self.problems.append(f"{message.format(float(value))} greater than or equal to [{float(least)}]")
        elif most is not None and value > most:
            self.problems.append(f"{message.format(float(value))} less than or equal to [{float(most)}]")
        else:
            return value
        return None

    def positive_long(self, key: str) -> int | None:
        """An integer of 64 bits above 0."""
        value = self.take(key)
        if value is None:
            return None
        if type(value) is not int or value not in _LONG:
            self.problems.append(
                f"field [{key}] is not of one of the expected types. The value [{_shown(value)}] cannot be converted "
                "to one of [Integer, Long]"
            )
        elif value <= 0:
            self.problems.append(f"[{self.name}] Invalid value [{value}]. [{key}] must be a positive long")
        else:
            return value
        return None

    def scope(self, key: str) -> Scope | None:
        """An object inside this one, which notes its problems here; None where it is absent or no object."""
        value = self.take(key)
        if value is None or isinstance(value, Mapping):
            return None if value is None else Scope(key, value, self.problems)
        self.problems.append(wrong_type(key, value, "Map"))
        return None

    def miss(self, *keys: str) -> None:
        """Note that a setting, or each of several of which one would do, is missing."""
        if len(keys) == 1:
            self.problems.append(f"[{self.name}] does not contain the required setting [{keys[0]}]")
        else:
            self.problems.append(
                f"[{self.name}] does not contain one of the required settings [{', '.join(keys)}]"
            )


def wrong_type(key: str, value: object, kind: str) -> str:
    """The sentence about a value of another type, named as Java does."""
    return f"field [{key}] is not of the expected type. The value [{_shown(value)}] cannot be converted to a [{kind}]"


def _shown(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value  # Java writes true and false
