"""Dates as Elasticsearch's field type ``date`` reads them: milliseconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

DEFAULT_FORMAT: Final = "strict_date_optional_time||epoch_millis"

_ISO = re.compile(
    r"(?P<year>[+-]?\d{4,})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?)?"
    r"(?:[T ](?:(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?)?"
    r"(?P<zone>Z|[+-]\d{2}:?(?:\d{2})?)?)?"
)
_PATTERNS = {
    java: python
    for python, letters in (
        ("%Y", "yyyy uuuu"),
        ("%y", "yy"),
        ("%b", "MMM"),
        ("%m", "MM M"),
        ("%d", "dd d"),
        ("%H", "HH H"),
        ("%I", "hh"),
        ("%M", "mm"),
        ("%S", "ss"),
        ("%f", "SSS"),
        ("%z", "XXX XX X Z"),
        ("%a", "EEE"),
        ("%p", "a"),
    )
    for java in letters.split()
}
"""Python's directives by Java's letters."""
_LETTERS = re.compile(r"'(?P<literal>[^']*)'|(?P<letters>([A-Za-z])\3*)")
_NAMED = {
    "basic_date": "yyyyMMdd",
    "basic_date_time": "yyyyMMdd'T'HHmmss.SSSZ",
    "date_hour": "yyyy-MM-dd'T'HH",
}


def milliseconds(value: object, form: str | None = None) -> int:
    """Milliseconds since 1970 of a date.

    Args:
        value: A string, or a number of milliseconds (of seconds with the format ``epoch_second``).
        form: The field's format: names or Java patterns, separated by ``||``; None for the default.

    Raises:
        ValueError: The value is no date of this format.
    """
    for name in (form or DEFAULT_FORMAT).split("||"):
        found = _read(value, name.strip())
        if found is not None:
            return found
    raise ValueError(f"failed to parse date field [{value}] with format [{form or DEFAULT_FORMAT}]")


def _read(value: object, name: str) -> int | None:
    text = str(value).strip()
    if isinstance(value, bool):
        return None
    if name in {"epoch_millis", "epoch_second"}:
        if re.fullmatch(r"-?\d+(\.\d+)?", text):
            number = float(text) if "." in text else int(text)
            return int(number * 1000) if name == "epoch_second" else int(number)
        return None
    if name.removeprefix("strict_") in {
        "date_optional_time",
        "date_time",
        "date",
        "year_month_day",
        "iso8601",
    } or (name in {"strict_date_optional_time_nanos", "strict_date_time_no_millis", "date_time_no_millis"}):
        return _iso(text)
    return _patterned(text, _NAMED.get(name, name))


def _iso(text: str) -> int | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    zone = (match["zone"] or "Z").replace(":", "")
    offset = 0
    if zone != "Z":
        offset = (int(zone[1:3]) * 60 + int(zone[3:5] or 0)) * (-1 if zone[0] == "-" else 1)
    parts = [int(match[name] or least) for name, least in _PARTS]
    try:
        moment = datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]  # six whole numbers
    except (ValueError, OverflowError):
        return None
    fraction = int((match["fraction"] or "0").ljust(3, "0")[:3])
    return int(moment.timestamp()) * 1000 + fraction - offset * 60_000


_PARTS = (("year", 1), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0))


def _patterned(text: str, pattern: str) -> int | None:
    """By a Java pattern, as far as Python has its letters."""
    unknown = False

    def translate(match: re.Match[str]) -> str:
        nonlocal unknown
        if match["literal"] is not None:
            return match["literal"] or "'"
        unknown = unknown or match["letters"] not in _PATTERNS
        return _PATTERNS.get(match["letters"], "")

    translated = _LETTERS.sub(translate, pattern)
    if unknown:
        return None
    try:
        moment = datetime.strptime(text, translated)  # noqa: DTZ007 - a time without a zone is UTC
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
