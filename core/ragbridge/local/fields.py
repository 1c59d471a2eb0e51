"""Reads and validates the fields of a request, with the service's aliases, types, bounds and error messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ragbridge.local.refusals import Problem, Refusal, invalid
from ragbridge.models import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ragbridge.models import Model

SHOWN = 200
"""Maximum length of an invalid value in an answer, in characters."""
REPORTED = 20
"""Maximum number of problems in an answer."""


class Fields:
    """The fields of one body. Problems are collected, and ``check`` refuses the request with all of them at once.

    An absent or null field has its default. Unknown fields are ignored, as on the service.
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

    def beside(self, others: Mapping[str, Any]) -> Fields:
        """These fields, and those of ``others`` that are not among them."""
        return Fields({**others, **self._payload})

    def items(self) -> Iterable[tuple[str, Any]]:
        """Every field and its value."""
        return self._payload.items()

    def get(self, *names: str) -> Any:
        """The value of the first of these fields that is present; None if all are absent."""
        return next((self._payload[name] for name in names if self._payload.get(name) is not None), None)

    def report(self, field: str, message: str, kind: str, value: object = None) -> None:
        """Records a problem with ``field``; beyond ``REPORTED`` they are the same in kind, and no answer names them."""
        if len(self.problems) < REPORTED:
            self.problems.append(Problem(field, message, kind, shown(value)))

    def too_many(self, field: str, value: Sequence[object], most: int) -> None:
        """Records that a list has more than ``most`` items. None of them should be read."""
        message = f"List should have at most {most} items after validation, not {len(value)}"
        self.report(field, message, "too_long", value)

    def check(self) -> None:
        """Refuses the request if problems were recorded.

        Raises:
            Refusal: 422 with the recorded problems.
        """
        if self.problems:
            raise invalid(self.problems)

    def required(self, *names: str) -> Any:
        """The value of a required field. Its absence is recorded as a problem."""
        value = self.get(*names)
        if value is None:
            self.report(names[0], "Field required", "missing")
        return value

    def word(self, name: str) -> str:
        """A required string; "" if it is absent or not a string."""
        value = self.required(name)
        if isinstance(value, str):
            return value
        if value is not None:
            self.report(name, "Input should be a valid string", "string_type", value)
        return ""

    def boolean(self, *names: str, default: bool) -> bool:
        """A boolean."""
        value = self.get(*names)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.report(names[0], "Input should be a valid boolean", "bool_type", value)
        return bool(value)

    def integer(self, *names: str, low: int, high: int | None = None) -> int | None:
        """An integer from ``low`` to ``high``; None if it is absent."""
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
        """One of the strings ``among``; None if it is absent."""
        value: str | None = self.get(*names)
        if value is None or value in among:
            return value
        words = " or ".join(repr(word) for word in among)
        self.report(names[0], f"Input should be {words}", "literal_error", value)
        return None

    def among(self, name: str, values: Sequence[int]) -> int | None:
        """One of the integers ``values``; None if it is absent."""
        value: int | None = self.get(name)
        if value is None or (type(value) is int and value in values):
            return value
        words = " or ".join(str(each) for each in values)
        self.report(name, f"Input should be {words}", "literal_error", value)
        return None

    def model(self, *products: str) -> Model:
        """The row of the requested model, which must support one of ``products``.

        Raises:
            Refusal: 422 if the name is missing or not a string, 400 for an unknown model.
        """
        name = self.word("model")
        self.check()
        row = lookup(name)
        if row is None or not row.products.intersection(products):
            raise Refusal(400, f"Model {name[:200]!r} not found", code="INPUT_MODEL_NOT_FOUND")
        return row

    def text(self, field: str, item: object) -> str:
        """Reads one text: a string, or an object with ``text``."""
        value = item.get("text") if isinstance(item, dict) else item
        if isinstance(value, str):
            return value
        if isinstance(item, dict) and "text" not in item:
            self.report(field, "Input should be a text", "value_error", item)
        else:
            self.report(field, "Input should be a valid string", "string_type", value)
        return ""

    def texts(self, field: str, items: object) -> list[str]:
        """Reads a list of texts, each a string or an object with ``text``."""
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
    """An invalid value as an answer repeats it: strings are truncated, lists and objects are omitted."""
    if isinstance(value, str):
        return value[:SHOWN]
    if isinstance(value, list | dict):
        return None
    return value
