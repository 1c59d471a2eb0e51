"""Reading a request's fields: the service's aliases, types and bounds, and its words for what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ragbridge.local.refusals import Problem, Refusal, invalid
from ragbridge.models import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ragbridge.models import Model

SHOWN = 200
"""Characters of an offending input that an answer repeats."""
REPORTED = 20
"""Problems that one answer reports."""


class Fields:
    """The fields of one body. Problems are collected; ``check`` refuses the request with all of them at once.

    A field that is absent or null has its default. Fields that nobody reads are ignored, as the service does.
    """

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self._payload = payload
        self.problems: list[Problem] = []

    @classmethod
    def of(cls, body: bytes) -> Fields:
        """The fields of a JSON object.

        Raises:
            Refusal: The body is not a JSON object.
        """
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise invalid([Problem("body", "JSON decode error", "json_invalid")]) from error
        if not isinstance(payload, dict):
            raise invalid(
                [Problem("body", "Input should be a valid dictionary", "dict_type", shown(payload))]
            )
        return cls(payload)

    def get(self, *names: str) -> Any:
        """The first of these fields that is there, else None."""
        return next((self._payload[name] for name in names if self._payload.get(name) is not None), None)

    def report(self, field: str, message: str, kind: str, value: object = None) -> None:
        """Note that ``field`` is wrong."""
        self.problems.append(Problem(field, message, kind, shown(value)))

    def check(self) -> None:
        """Go on if nothing was wrong.

        Raises:
            Refusal: 422.
        """
        if self.problems:
            raise invalid(self.problems[:REPORTED])

    def required(self, *names: str) -> Any:
        """The field's value; its absence is a problem."""
        value = self.get(*names)
        if value is None:
            self.report(names[0], "Field required", "missing")
        return value

    def word(self, name: str) -> str:
        """A string that must be there; "" where it is not."""
        value = self.required(name)
        if isinstance(value, str):
            return value
        if value is not None:
            self.report(name, "Input should be a valid string", "string_type", value)
        return ""

    def boolean(self, *names: str, default: bool) -> bool:
        """A truth value."""
        value = self.get(*names)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.report(names[0], "Input should be a valid boolean", "bool_type", value)
        return bool(value)

    def integer(self, *names: str, low: int, high: int | None = None) -> int | None:
        """An integer in bounds; None where it is absent."""
        value = self.get(*names)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.report(names[0], "Input should be a valid integer", "int_type", value)
            return None
        if value < low:
            self.report(
                names[0], f"Input should be greater than or equal to {low}", "greater_than_equal", value
            )
        elif high is not None and value > high:
            self.report(names[0], f"Input should be less than or equal to {high}", "less_than_equal", value)
        return value

    def choice(self, *names: str, among: Sequence[str]) -> str | None:
        """One of a few words; None where it is absent."""
        value: str | None = self.get(*names)
        if value is None or value in among:
            return value
        words = " or ".join(repr(word) for word in among)
        self.report(names[0], f"Input should be {words}", "literal_error", value)
        return None

    def among(self, name: str, values: Sequence[int]) -> int | None:
        """One of a few integers; None where it is absent."""
        value: int | None = self.get(name)
        if value is None or (type(value) is int and value in values):
            return value
        words = " or ".join(str(each) for each in values)
        self.report(name, f"Input should be {words}", "literal_error", value)
        return None

    def model(self, *products: str) -> Model:
        """The row of the model that the request names, which serves one of ``products``.

        Raises:
            Refusal: 422 where the name is missing or not a string, 400 where there is no such model.
        """
        name = self.word("model")
        self.check()
        row = lookup(name)
        if row is None or not row.products.intersection(products):
            raise Refusal(400, f"Model {name[:200]!r} not found", code="INPUT_MODEL_NOT_FOUND")
        return row

    def text(self, field: str, item: object) -> str:
        """A text: a string, or an object with ``text``."""
        value = item.get("text") if isinstance(item, dict) else item
        if isinstance(value, str):
            return value
        if isinstance(item, dict) and "text" not in item:
            self.report(field, "Input should be a text", "value_error", item)
        else:
            self.report(field, "Input should be a valid string", "string_type", value)
        return ""

    def texts(self, field: str, items: object) -> list[str]:
        """A list of texts, each a string or an object with ``text``."""
        if not isinstance(items, list):
            self.report(field, "Input should be a valid list", "list_type", items)
            return []
        if not items:
            message = "List should have at least 1 item after validation, not 0"
            self.report(field, message, "too_short", items)
        if all(type(item) is str for item in items):
            return items
        return [self.text(f"{field}.{index}", item) for index, item in enumerate(items)]


def shown(value: object) -> object:
    """As much of an offending value as an answer repeats: short scalars, never a whole list of texts."""
    if isinstance(value, str):
        return value[:SHOWN]
    if isinstance(value, list | dict):
        return None
    return value
