"""``fields`` of hits: values as the mapping reads them, each a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ragbridge.ground.records import dataclass
from ragbridge.local.search.documents import plain
from ragbridge.local.search.errors import not_offered, parsing
from ragbridge.local.search.queries.constants import matches
from ragbridge.local.search.reading import OBJECT, Body

if TYPE_CHECKING:
    from ragbridge.local.search.documents import Document
    from ragbridge.local.search.mapping import Field
    from ragbridge.local.search.view import View

INFERENCE = "_inference_fields"
"""Not a field: it adds embeddings to ``_source``."""


@dataclass(frozen=True, slots=True)
class FieldPattern:
    """Fields that are asked for.

    Attributes:
        pattern: A path, with ``*`` for any characters.
        format: How dates are written; None for the field's own format.
    """

    pattern: str
    format: str | None = None


def read_fields(given: Any) -> list[FieldPattern]:
    """``fields`` of a body.

    Raises:
        Failure: 400; 501 for what the engine has not.
    """
    if not isinstance(given, list):
        raise parsing("Unknown key for a value in [fields].")
    patterns: list[FieldPattern] = []
    for one in given:
        if isinstance(one, str):
            patterns.append(FieldPattern(one))
            continue
        body = Body("fields", one, refusal=OBJECT)
        path, form = body.need_text("field"), body.some_text("format")
        if body.flag("include_unmapped", False):
            raise not_offered("include_unmapped of fields")
        body.end()
        patterns.append(FieldPattern(path, form))
    return patterns


def values(view: View, document: Document, patterns: Sequence[FieldPattern]) -> dict[str, list[Any]]:
    """The values of a document in the fields that are asked for; fields without a value are absent."""
    found: dict[str, list[Any]] = {}
    for asked in patterns:
        for path, field in view.fields.items():
            if asked.pattern == path or ("*" in asked.pattern and matches(asked.pattern, path)):
                of_field = _values(field, document, asked.format)
                if of_field:
                    found[path] = of_field
    return found


def _values(field: Field, document: Document, form: str | None) -> list[Any]:
    path = field.path
    if path in document.vectors:
        return list(plain(document.vectors[path]))
    if path in document.sparse:
        return [dict(document.sparse[path])]
    own = document.values.get(path, [])
    if field.type == "date":
        return [written(one, form or field.parameters.get("format")) for one in own]
    return list(own)


_LETTERS = (
    ("yyyy", "%Y"),
    ("uuuu", "%Y"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("mm", "%M"),
    ("ss", "%S"),
)


def written(milliseconds: int, form: str | None) -> str:
    """A date in a format: names or Java patterns, the first of several.

    Raises:
        Failure: 501, the engine does not know the format.
    """
    first = (form or "strict_date_optional_time").split("||")[0]
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return str(milliseconds)
    if first == "epoch_millis":
        return str(milliseconds)
    if first == "epoch_second":
        return str(milliseconds // 1000)
    if first.removeprefix("strict_") in {
        "date_optional_time",
        "date_time",
        "date_optional_time_nanos",
        "iso8601",
    }:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
    if first.removeprefix("strict_") in {"date", "year_month_day"}:
        return moment.strftime("%Y-%m-%d")
    pattern = first.replace("'", "")
    for letters, directive in _LETTERS:
        pattern = pattern.replace(letters, directive)
    pattern = pattern.replace("SSS", f"{milliseconds % 1000:03d}").replace("XXX", "Z")
    if any(
        letter.isalpha()
        for letter in pattern.replace("T", "").replace("Z", "").replace("%", "").translate(_KNOWN)
    ):
        raise not_offered(f"format {first} of fields")
    return moment.strftime(pattern)


_KNOWN = {ord(letter): None for letter in "YmdHMS"}


def collapsed(document: Document, path: str) -> Any:
    """The value by which a hit is collapsed; None where it has none."""
    own = document.values.get(path)
    return own[0] if own else None
