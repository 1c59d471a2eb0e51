"""Fields that documents introduce: by dynamic templates, else by the type of the value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

import numpy as np

from ragbridge.local.search.dates import milliseconds
from ragbridge.local.search.declared import merge
from ragbridge.local.search.errors import SearchFailure, document_parsing, invalid_argument
from ragbridge.local.search.mapping import Field, Mapping

MOST_FIELDS: Final = 1000
"""``index.mapping.total_fields.limit``."""
MOST_DEPTH: Final = 20
"""``index.mapping.depth.limit``."""
LEAST_VECTOR, MOST_VECTOR = 128, 4096
"""Lists of so many floats become ``dense_vector`` fields (8.11 and later)."""

_DATE = re.compile(r"\d{4}-\d{2}(?:-\d{2}(?:T.*)?)?")
"""What may be a date; the whole is read as one. Years alone are taken for texts."""


def introduce(mapping: Mapping, path: str, value: Any) -> Field | None:
    """The field that a value introduces, which is in the mapping then; None where ``dynamic`` is false.

    Raises:
        Failure: 400, ``dynamic`` is strict, or there are too many fields.
    """
    setting, within = _setting(mapping, path)
    if setting == "false":
        return None
    if setting == "strict":
        raise SearchFailure(
            400,
            f"[1:1] mapping set to strict, dynamic introduction of [{path.rpartition('.')[2]}] within [{within}] is not allowed",
            kind="strict_dynamic_mapping_exception",
        )
    kind = _kind(mapping, value)
    if kind is None:
        return None
    _check_parents(mapping, path)
    if path.count(".") >= MOST_DEPTH:
        raise invalid_argument(f"Limit of mapping depth [{MOST_DEPTH}] has been exceeded")
    declared = _templated(mapping, path, kind) or _DECLARED[kind]
    if kind == "dense_vector" and "dims" not in declared:
        declared = {**declared, "dims": len(value)}
    merge(mapping, {"properties": {path: declared}})
    if len(mapping.fields) > MOST_FIELDS:
        raise document_parsing(
            "[1:1] failed to parse",
            cause=invalid_argument(f"Limit of total fields [{MOST_FIELDS}] has been exceeded"),
        )
    return mapping.fields[path]


def _check_parents(mapping: Mapping, path: str) -> None:
    above = path.rpartition(".")[0]
    while above:
        known = mapping.get(above)
        if known is not None and known.type != "object":
            reason = (
                f"Could not dynamically add mapping for field [{path}]. Existing mapping for [{above}] must be of type object "
                f"but found [{known.type}]."
            )
            raise document_parsing(f"[1:1] failed to parse: {reason}", cause=invalid_argument(reason))
        above = above.rpartition(".")[0]


_DECLARED: Final[dict[str, dict[str, Any]]] = {
    "object": {"type": "object"},
    "string": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}},
    "long": {"type": "long"},
    "double": {"type": "float"},
    "boolean": {"type": "boolean"},
    "date": {"type": "date"},
    "dense_vector": {"type": "dense_vector", "similarity": "cosine"},
}
"""What a value becomes, by the name that ``match_mapping_type`` has for it."""


def _setting(mapping: Mapping, path: str) -> tuple[str, str]:
    """``dynamic`` of the nearest object above a path, and that object's name."""
    above = path.rpartition(".")[0]
    while above:
        known = mapping.get(above)
        if known is not None and "dynamic" in known.parameters:
            return str(known.parameters["dynamic"]), above
        above = above.rpartition(".")[0]
    return mapping.dynamic, "_doc"


def _kind(mapping: Mapping, value: Any) -> str | None:
    if isinstance(value, np.ndarray):  # an inference processor has made it
        return "dense_vector" if len(value) >= LEAST_VECTOR else "double"
    if isinstance(value, list):
        if LEAST_VECTOR <= len(value) <= MOST_VECTOR and all(type(number) is float for number in value):
            return "dense_vector"
        value = next((item for item in value if item is not None), None)
        if isinstance(value, list):
            return _kind(mapping, value)
    if value is None:
        return None
    return _KINDS.get(type(value)) or _of_text(mapping, str(value))


_KINDS = {dict: "object", bool: "boolean", int: "long", float: "double"}


def _of_text(mapping: Mapping, text: str) -> str:
    if mapping.further.get("numeric_detection") and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return "double" if "." in text else "long"
    if mapping.further.get("date_detection", True) and _DATE.fullmatch(text):
        try:
            milliseconds(text)
        except ValueError:
            return "string"
        return "date"
    return "string"


def _templated(mapping: Mapping, path: str, kind: str) -> dict[str, Any] | None:
    """The mapping of the first template that a field meets."""
    name = path.rpartition(".")[2]
    for row in mapping.dynamic_templates:
        for template in row.values():
            if _meets(template, name, path, kind):
                declared = template.get("mapping") or {}
                default = {"object": "object", "string": "text", "double": "double"}.get(kind, kind)
                filled = _filled(declared, name, default)
                return filled if "type" in filled or "properties" in filled else {"type": default, **filled}
    return None


def _meets(template: dict[str, Any], name: str, path: str, kind: str) -> bool:
    regex = template.get("match_pattern") == "regex"
    asked = template.get("match_mapping_type")
    refused = _several(template.get("unmatch_mapping_type", []))
    if kind in refused:
        return False
    if asked is not None and kind not in {asked, *_several(asked)} and "*" not in _several(asked):
        return False
    if asked is None and kind == "object" and not ("match" in template or "path_match" in template):
        return False
    return all(
        any(_matches(pattern, text, regex=regex and "path" not in key) for pattern in _several(template[key]))
        is wanted
        for key, text, wanted in (
            ("match", name, True),
            ("unmatch", name, False),
            ("path_match", path, True),
            ("path_unmatch", path, False),
        )
        if key in template
    )


def _several(given: Any) -> Iterator[str] | list[str]:
    return [str(item) for item in given] if isinstance(given, list) else [str(given)]


def _matches(pattern: str, text: str, *, regex: bool) -> bool:
    return bool(re.fullmatch(pattern, text)) if regex else fnmatchcase(text, pattern)


def _filled(declared: Any, name: str, kind: str) -> Any:
    """A template's mapping with ``{name}`` and ``{dynamic_type}`` replaced."""
    if isinstance(declared, dict):
        return {_filled(key, name, kind): _filled(value, name, kind) for key, value in declared.items()}
    if isinstance(declared, list):
        return [_filled(item, name, kind) for item in declared]
    if isinstance(declared, str):
        return declared.replace("{name}", name).replace("{dynamic_type}", kind).replace("{dynamicType}", kind)
    return declared
