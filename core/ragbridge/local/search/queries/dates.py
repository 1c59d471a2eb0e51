"""Dates in queries: ISO 8601, milliseconds, and date arithmetic such as ``now-1d/d`` or ``2026-01-01||+1M``."""

from __future__ import annotations

import calendar
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ragbridge.local.search import dates
from ragbridge.local.search.queries.base import not_created

if TYPE_CHECKING:
    from ragbridge.local.search.mapping import Field

_OPEN = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?"
    r"(?:[T ](?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?P<fraction>[.,]\d+)?)?)?)?"
)
"""The beginning of a date that may leave its end open."""
_STEP = re.compile(r"(?P<sign>[+-])(?P<count>\d{0,9})(?P<unit>[yMwdhHms])|/(?P<round>[yMwdhHms])")
_LENGTHS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "H": 3_600_000, "m": 60_000, "s": 1000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(field: Field, value: Any, *, up: bool = False) -> int:
    """A date of a query in milliseconds since 1970.

    Args:
        field: The field that it is compared with.
        value: The date.
        up: Whether what a date or a rounding leaves open is its last moment, as for ``gt`` and ``lte``.

    Raises:
        Failure: 400, it is no date.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and abs(value) < 1e18:
        return int(value)
    if not isinstance(value, str):
        raise _unreadable(field, value)
    try:
        if value.startswith("now"):
            return _arithmetic(int(time.time() * 1000), value[3:], up=up)
        date, _, steps = value.partition("||")
        return _arithmetic(_read(field, date, up=up and not steps), steps, up=up)
    except (ValueError, OverflowError):
        raise _unreadable(field, value) from None


def _unreadable(field: Field, value: Any) -> Exception:
    formats = field.parameters.get("format", "strict_date_optional_time||epoch_millis")
    shown = str(value)[:100] if isinstance(value, str | int | float) else type(value).__name__
    return not_created(
        f"failed to parse date field [{shown}] with format [{formats}]", cause_kind="parse_exception"
    )


def _read(field: Field, text: str, *, up: bool) -> int:
    moment = dates.milliseconds(text, field.parameters.get("format"))
    match = _OPEN.match(text)
    if up and match is not None:
        given = [match[name] for name in ("year", "month", "day", "hour", "minute", "second", "fraction")]
        finest = next(
            (unit for unit, part in zip("-smhdMy", reversed(given), strict=True) if part is not None), "-"
        )
        if finest != "-":
            moment = _next(moment, finest) - 1
    return moment


def _arithmetic(moment: int, steps: str, *, up: bool) -> int:
    place = 0
    while place < len(steps):
        match = _STEP.match(steps, place)
        if match is None:
            raise ValueError(steps)
        place = match.end()
        if match["round"]:
            moment = _floor(moment, match["round"])
            if up:
                moment = _next(moment, match["round"]) - 1
        else:
            count = int(match["count"] or 1)
            moment = _add(moment, match["unit"], count if match["sign"] == "+" else -count)
    return moment


def _since(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _floor(moment: int, unit: str) -> int:
    if unit in "My":
        date = _EPOCH + timedelta(milliseconds=moment)
        return _since(datetime(date.year, date.month if unit == "M" else 1, 1, tzinfo=UTC))
    offset = 3 * _LENGTHS["d"] if unit == "w" else 0  # weeks begin on Monday; 1970 began on a Thursday
    return (moment + offset) // _LENGTHS[unit] * _LENGTHS[unit] - offset


def _next(moment: int, unit: str) -> int:
    return _add(_floor(moment, unit), unit, 1)


def _add(moment: int, unit: str, count: int) -> int:
    if unit not in "My":
        return moment + count * _LENGTHS[unit]
    date = _EPOCH + timedelta(milliseconds=moment)
    months = date.year * 12 + date.month - 1 + count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    day = min(date.day, calendar.monthrange(year, month + 1)[1])
    return _since(date.replace(year=year, month=month + 1, day=day))
