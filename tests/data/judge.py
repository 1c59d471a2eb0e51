"""Judges requests and answers by Elasticsearch's API descriptions, as ``make_descriptions.py`` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema


class Judge:
    """Raises ``jsonschema.ValidationError`` for what an operation does not know, such as a mistyped name."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts
        self._validators: dict[tuple[str, str], Any] = {}

    def body(self, operation: str, body: Any) -> None:
        """The body of a request; of a bulk request, one line that says what to do."""
        self._validate(operation, "body", body)

    def answer(self, operation: str, body: Any) -> None:
        """The body of an answer."""
        self._validate(operation, "answer", body)

    def parameters(self, operation: str) -> set[str]:
        """What may stand in the query of a request's address."""
        return set(self._facts["operations"][operation]["parameters"])

    def choices(self, name: str) -> set[str]:
        """The values of an enumeration."""
        return set(self._facts["$defs"][name]["enum"])

    def _validate(self, operation: str, part: str, body: Any) -> None:
        if (operation, part) not in self._validators:
            schema = {**self._facts["operations"][operation][part], "$defs": self._facts["$defs"]}
            self._validators[operation, part] = jsonschema.Draft202012Validator(schema)
        self._validators[operation, part].validate(body)
