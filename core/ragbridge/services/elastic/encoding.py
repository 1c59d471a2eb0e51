"""Python's values as JSON: written as the official client's serializers do, or refused by their path."""

from __future__ import annotations

import json
import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from ragbridge.errors import ConfigurationError
from ragbridge.services.elastic.content import check_media, part_to_wire
from ragbridge.values.inputs import Media


def encode(
    value: Mapping[str, Any], *, name: str, hold: Callable[[object], object] = lambda _: None
) -> bytes:
    """``value`` as one line of JSON.

    Dates, decimals, UUIDs, values of NumPy and pandas are written as the official client's ``JsonSerializer`` writes
    them (elasticsearch 9.5, ``serializer.py``), enums as its ``OrjsonSerializer``: by their value; an ``Image`` and other media
    as a ``semantic`` field takes them. By the standard library
    even where orjson is installed, which writes NaN as null and would lose it silently.

    Args:
        value: A JSON object, of Python's values.
        name: What the caller knows it by.
        hold: Gives what is to be written in the place of an object that is no JSON; None for what this module makes of it.

    Raises:
        ConfigurationError: It holds something that JSON has no form for; the message has its path.
    """
    try:
        return _dumps(value, hold).encode()
    except RecursionError:
        why = "it is nested too deeply"
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        why = str(error)
    place, why = _culprit(value) or ("", why)
    if not place:
        raise ConfigurationError(f"{name} cannot be written as JSON: {why}")
    where = f"{name}{place}" if name.endswith("]") else f"{name}, at {place.lstrip('.')}:"
    raise ConfigurationError(f"{where} cannot be written as JSON: {why}")


def _dumps(value: object, hold: Callable[[object], object] = lambda _: None) -> str:
    def write(item: object) -> object:
        held = hold(item)
        return _plain(item) if held is None else held

    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=write)


def _plain(value: Any) -> object:
    """``value`` in a form that ``json`` writes, or that this function is asked about again.

    Raises:
        TypeError: There is none; the message says what to pass instead.
    """
    for kind, write in _FORMS:
        if isinstance(value, kind):
            return write(value)
    if value is getattr(sys.modules.get("pandas"), "NA", _FORMS):  # nothing else is that tuple
        return None
    if isinstance(value, sys.modules["numpy"].generic if "numpy" in sys.modules else ()):
        return _scalar(value)
    # Arrays and columns: NumPy's, pandas', and those that call themselves arrays. Not bytes or array.array.
    if hasattr(value, "__array__") and callable(getattr(value, "tolist", None)):
        return _array(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON{instead(value)}")


def _moment(value: date) -> str:
    text = value.isoformat()
    if text == "NaT":  # pandas' is a date by its type
        raise TypeError("NaT is no time: pass None, or leave the field out")
    return text


def _media(value: Media) -> object:
    """Media as a ``semantic`` field takes them. Files are read now."""
    check_media(value)
    return part_to_wire(value)


_FORMS: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (date, _moment),
    (UUID, str),
    (Decimal, float),
    (Enum, operator.attrgetter("value")),
    (Mapping, dict),
    (Media, _media),
)


def _scalar(value: Any) -> object:
    """A scalar of NumPy. Its ``tolist`` gives counts of nanoseconds, or for long doubles itself."""
    kind = value.dtype.kind
    if kind in "iub":
        return value.item()
    if kind == "f" and value.dtype.itemsize <= 8:
        return float(value)
    moment = value.item() if kind == "M" else None
    if isinstance(moment, date):
        return moment.isoformat()
    if kind == "M" and moment is None:
        raise TypeError("NaT is no time: pass None, or leave the field out")
    raise TypeError(f"{type(value).__name__} of {value.dtype} has no form in JSON{instead(value)}")


def _array(value: Any) -> object:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    listed = value.tolist()
    if kind in ("m", "M") and not isinstance(listed, (list, date)):
        return _scalar(value[()])
    if kind in ("m", "M") and any(isinstance(item, int) for item in _leaves(listed)):
        raise TypeError(f"an array of {value.dtype} has no form in JSON{instead(value)}")
    return listed


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def instead(value: Any) -> str:
    """What to pass in the place of ``value``, as the end of a sentence; empty where nothing is known."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    ways = (
        (kind == "M", "its unit is finer than datetime's, pass .astype('datetime64[us]')"),
        (kind == "f", "pass float(), or .astype('float64')"),
        (callable(getattr(value, "model_dump", None)), "pass .model_dump()"),
        (hasattr(value, "__dataclass_fields__"), "pass dataclasses.asdict() of it"),
        (isinstance(value, (bytes, bytearray, memoryview)), "pass base64 as str"),
        (isinstance(value, (set, frozenset)), "pass a list"),
    )
    return next((f": {way}" for holds, way in ways if holds), "")


def _culprit(value: object) -> tuple[str, str] | None:
    """Path of the first value in ``value`` that cannot be written, and the reason; None where it takes no single one."""
    waiting: list[tuple[str, object, int]] = [("", value, 0)]
    while waiting:
        path, item, depth = waiting.pop()
        if depth > _DEEPEST:
            return None
        try:
            while not isinstance(item, (str, int, float, dict, list, tuple, type(None))):
                item = _plain(item)
            if isinstance(item, dict):
                for key in item:
                    _key(key)
                waiting += [(path + _step(key), inner, depth + 1) for key, inner in reversed(item.items())]
            elif isinstance(item, (list, tuple)):
                waiting += [(f"{path}[{n}]", item[n], depth + 1) for n in reversed(range(len(item)))]
            else:
                _dumps(item).encode()
        except UnicodeEncodeError:
            return path, "it holds half of a surrogate pair, which is no text"
        except (TypeError, ValueError, RecursionError) as error:
            return path, _reason(item, error)
    return None


_DEEPEST = 1000
"""Levels that Elasticsearch reads at most (``XContent``'s limit of nesting); so deep are circles too."""


def _reason(item: object, error: Exception) -> str:
    if isinstance(item, float):
        return f"{item} is no number that JSON has: pass None, or leave the field out"
    return str(error)


def _key(key: object) -> None:
    if isinstance(key, str):
        key.encode()
    elif not isinstance(key, (int, float, type(None))):
        raise TypeError(f"a key is {type(key).__name__}, not str")


def _step(key: object) -> str:
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"
