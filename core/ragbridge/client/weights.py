"""Sparse vectors in answers and in a cache: tokens and their weights, checked."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, TypeAlias

from ragbridge.errors import ResponseError

Row: TypeAlias = tuple[Mapping[str, float], bool]
"""The tokens of one text with their weights, and whether the text was cut off."""


def read(found: Any) -> dict[str, float]:
    """The weights of one text; an empty text has none.

    Raises:
        ResponseError: It is no object of tokens and finite numbers.
    """
    if not isinstance(found, dict):
        raise ResponseError(f"a sparse embedding is {type(found).__name__}, no object of tokens and weights")
    for token, weight in found.items():
        # Infinity and what is no number compare as False; so does an int with more digits than a float can have.
        if type(weight) not in {int, float} or not abs(weight) <= sys.float_info.max:
            raise ResponseError(f"the weight of the token {token!r} is {weight!r}, no finite number")
    return {token: float(weight) for token, weight in found.items()}


def encode(row: Row) -> bytes:
    """A row as a cache keeps it."""
    weights, cut = row
    return json.dumps([list(weights.items()), cut]).encode()


def decode(value: bytes) -> Row:
    """What ``encode`` made.

    Raises:
        ValueError: It is something else.
    """
    try:
        pairs, cut = json.loads(value)
        weights = {str(token): float(weight) for token, weight in pairs}
    except TypeError as error:
        raise ValueError(str(error)) from None
    return weights, bool(cut)
