"""What counts as a number among settings and arguments, whichever library made it: one rule for all of them.

A whole number is what Python itself takes as an index (``operator.index``): an int, an integer of NumPy, PyTorch or Arrow's
kind. True, False and floats are none. A number is whole or a real one (``numbers.Real``), and finite: no comparison with
a NaN holds, and nothing lasts infinitely long. What comes back is a plain int or float, since JSON knows no others.
"""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any

from ragbridge.errors import ConfigurationError


def as_whole(value: object) -> int | None:
    """``value`` as a plain int; None where it is no whole number."""
    if type(value) is int:
        return value
    if _is_switch(value):
        return None
    try:
        return int(operator.index(value))  # type: ignore[arg-type]
    except TypeError:
        return None


def as_number(value: object) -> float | None:
    """``value`` as a plain int or float; None where it is no finite number."""
    whole = as_whole(value)
    if (whole is None and not isinstance(value, numbers.Real)) or _is_switch(value):
        return None
    try:
        real = float(value if whole is None else whole)  # type: ignore[arg-type]
    except (
        OverflowError,
        TypeError,
    ):  # an int beyond what a float holds; NumPy's timedelta64, a Real that is none
        return None
    if not math.isfinite(real):
        return None
    return real if whole is None else whole


def _is_switch(value: object) -> bool:
    """Whether ``value`` is True or False, NumPy's included, which its older versions take for numbers."""
    return isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b"


def check_whole(name: str, value: object, wanted: str, *, least: int = 1, most: int | None = None) -> int:
    """``value`` as a plain int in a range.

    Args:
        name: The setting, as the caller knows it.
        value: What it is.
        wanted: What it must be, as the message says it: "a positive int, or None".
        least: The lowest that is taken.
        most: The highest; None for no bound.

    Raises:
        ConfigurationError: It is no whole number, or out of the range.
    """
    found = as_whole(value)
    if found is None or found < least or (most is not None and found > most):
        raise ConfigurationError(f"{name}={value!r} must be {wanted}")
    return found


def check_number(
    name: str,
    value: object,
    wanted: str,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
) -> float:
    """``value`` as a plain, finite int or float in a range.

    Args:
        name: The setting, as the caller knows it.
        value: What it is.
        wanted: What it must be, as the message says it: "a number of seconds above 0".
        least: The lowest that is taken.
        above: What it must exceed.
        most: The highest.

    Raises:
        ConfigurationError: It is no finite number, or out of the range.
    """
    found = as_number(value)
    if found is None or not least <= found <= most or not found > above:
        raise ConfigurationError(f"{name}={value!r} must be {wanted}")
    return found


def plain(value: Any) -> Any:
    """A number of any library as Python's own, for what is written down; anything else as it is."""
    if type(value) in {bool, int, float}:
        return value
    number = as_number(value)
    return value if number is None else number
