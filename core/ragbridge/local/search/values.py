"""What the field types make of one value of a document."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping as Map
from typing import Any

import numpy as np

from ragbridge.local.search.dates import milliseconds
from ragbridge.local.search.mapping import Field
from ragbridge.local.search.types import WHOLE

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


def convert(field: Field, value: Any) -> Any:
    """The value that a field keeps of one value of a document; None where ``ignore_above`` leaves it out.

    Raises:
        ValueError: The type does not take the value. The message is Elasticsearch's.
    """
    if isinstance(value, dict | list):
        raise ValueError("Can't get text on a START_OBJECT")  # noqa: TRY004 - an answer
    if field.type == "text":
        return value if isinstance(value, str) else spelled(value)
    if field.type == "keyword":
        text = value if isinstance(value, str) else spelled(value)
        if field.parameters.get("normalizer") == "lowercase":
            text = text.lower()
        most = field.parameters.get("ignore_above")
        return None if most is not None and len(text) > int(most) else text
    if field.type == "boolean":
        return _flag(value)
    if field.type == "date":
        return milliseconds(value, field.parameters.get("format"))
    return _number(field, value)


def spelled(value: Any) -> str:
    """A value that is no text, as text: as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in {"true", "false", ""}:
        return bool(value == "true")
    raise ValueError(f"Failed to parse value [{spelled(value)}] as only [true] or [false] are allowed.")


def _number(field: Field, value: Any) -> int | float:
    if isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 - an answer
            f"Current token (VALUE_{spelled(value).upper()}) not numeric, can not use numeric value accessors"
        )
    text = value.strip() if isinstance(value, str) else spelled(value)
    if isinstance(value, str) and field.parameters.get("coerce") in {False, "false"}:
        raise ValueError(f"{field.type.capitalize()} value passed as String")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f'For input string: "{value}"')
    if field.type in WHOLE:
        return _whole(field, text)
    number = float(text)
    if field.type in {"float", "half_float"}:
        with np.errstate(over="ignore"):
            number = float(np.float32(number) if field.type == "float" else np.float16(number))
    if not math.isfinite(number):
        raise ValueError(f"[{field.type}] supports only finite values, but got [{text}]")
    if field.type == "scaled_float":
        factor = float(field.parameters["scaling_factor"])
        number = round(number * factor) / factor
    return number


def _whole(field: Field, text: str) -> int:
    whole = int(text) if re.fullmatch(r"[+-]?\d+", text) else None
    if whole is None:
        if field.parameters.get("coerce") in {False, "false"} and not float(text).is_integer():
            raise ValueError(f"{text} cannot be converted to {field.type.capitalize()} without data loss")
        whole = int(float(text)) if math.isfinite(float(text)) else WHOLE[field.type][1] + 1
    least, most = WHOLE[field.type]
    if not least <= whole <= most:
        an = "an" if field.type == "integer" else "a"
        raise ValueError(f"Value [{text}] is out of range for {an} {field.type}")
    return whole


def weights(value: Any) -> dict[str, float]:
    """A ``sparse_vector``'s tokens.

    Raises:
        ValueError: It is no object of positive numbers.
    """
    if not isinstance(value, Map):
        raise ValueError(  # noqa: TRY004 - an answer
            "[sparse_vector] fields must be json objects, expected a START_OBJECT but got: "
            f"{'START_ARRAY' if isinstance(value, list) else 'VALUE_STRING' if isinstance(value, str) else 'VALUE_NUMBER'}"
        )
    tokens: dict[str, float] = {}
    for token, weight in value.items():
        if "." in token:
            raise ValueError(
                f"[sparse_vector] fields do not support dots in feature names but found [{token}]"
            )
        if isinstance(weight, bool) or not isinstance(weight, int | float | str):
            raise ValueError(  # noqa: TRY004
                "[sparse_vector] fields take hashes that map a feature to a strictly positive float, but got unexpected token "
                f"for feature [{token}]"
            )
        number = float(weight)
        if not (number >= 1.17549435e-38 and math.isfinite(number)):
            raise ValueError(
                f"featureValue must be a positive normal float, got: {weight} for feature {token}"
            )
        tokens[token] = number
    return tokens
