"""Reading mappings as they are declared, and merging them into those of an index with Elasticsearch's refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from typing import Any

from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.errors import invalid_argument, mapper_parsing, not_offered
from ragbridge.local.search.mapping import Field, Mapping
from ragbridge.local.search.semantic_mapping import check_semantic, merge_semantic
from ragbridge.local.search.shapes import an_object
from ragbridge.local.search.types import check_parameters, check_similarity, check_type

UPDATABLE = frozenset(
    {
        *("boost", "coerce", "copy_to", "dynamic", "eager_global_ordinals", "fielddata", "ignore_above"),
        *("ignore_malformed", "index_options", "meta", "norms", "search_analyzer", "search_quote_analyzer"),
    }
)
"""Parameters that a later mapping may change. Others must stay what they are."""
_TEMPLATE = (
    *("mapping", "match", "match_mapping_type", "match_pattern", "path_match", "path_unmatch", "unmatch"),
    "unmatch_mapping_type",
)
DYNAMIC = ("true", "false", "strict", "runtime")
_FURTHER = (
    "_meta",
    "_source",
    "_routing",
    "date_detection",
    "numeric_detection",
    "dynamic_date_formats",
    "subobjects",
)


def merge(mapping: Mapping, declared: Map[str, Any]) -> None:
    """Take over a mapping as ``PUT /{index}`` and ``PUT /{index}/_mapping`` send it; all of it, or nothing.

    Raises:
        Failure: 400, it cannot be read or does not fit the fields that are there; 501, the engine lacks a part of it.
    """
    declared = an_object("mappings", declared)
    if set(declared) == {"_doc"} and isinstance(declared["_doc"], dict):
        declared = declared["_doc"]
    reading = _Reading(mapping)
    try:
        root = _root(declared)
        reading.properties("", declared.get("properties") or {}, subobjects=declared.get("subobjects", True))
    except Failure as failure:
        if reading.refusal is not None:
            raise reading.refusal from None
        if failure.status != 400 or failure.kind == "unsupported_operation_exception":
            raise
        raise mapper_parsing(
            f"Failed to parse mapping: {failure.reason}",
            cause=failure,
            roots=None if failure.kind == "illegal_argument_exception" else [failure],
        ) from None
    if reading.refusal is not None:
        raise reading.refusal
    fields = dict(mapping.fields)
    for path, field in reading.fields.items():
        fields[path] = _merged(fields.get(path), field)
    mapping.fields = fields
    mapping.dynamic = root.pop("dynamic", mapping.dynamic)
    mapping.dynamic_templates = root.pop("dynamic_templates", mapping.dynamic_templates)
    mapping.further.update(root)


def dynamic(given: object) -> str:
    """The value of ``dynamic``.

    Raises:
        Failure: 400; 501 for runtime fields.
    """
    word = str(given).lower()
    if word not in DYNAMIC:
        raise mapper_parsing(
            f"No enum constant org.elasticsearch.index.mapper.ObjectMapper.Dynamic.{word.upper()}"
        )
    if word == "runtime":
        raise not_offered("runtime fields")
    return word


def _root(declared: Map[str, Any]) -> dict[str, Any]:
    """The parts of a mapping beside its fields."""
    root: dict[str, Any] = {}
    for name, value in declared.items():
        if name == "properties":
            if not isinstance(value, dict):
                raise mapper_parsing(f"Expected map for [properties] but got {value!r}")
        elif name == "dynamic":
            root[name] = dynamic(value)
        elif name == "dynamic_templates":
            if not isinstance(value, list) or not all(
                isinstance(row, dict) and len(row) == 1 for row in value
            ):
                raise mapper_parsing("A dynamic template must be defined with a name")
            for row in value:
                _check_template(next(iter(row.values())))
            root[name] = value
        elif name == "runtime":
            raise not_offered("runtime fields")
        elif name in _FURTHER:
            _check_further(name, value)
            root[name] = value
        else:
            raise mapper_parsing(f"Root mapping definition has unsupported parameters:  [{name} : {value}]")
    return root


def _check_further(name: str, value: Any) -> None:
    """Refuse what would change how documents are kept and found, and the engine does not know how."""
    if name == "_source" and (
        not isinstance(value, dict) or set(value) - {"enabled"} or value.get("enabled") is False
    ):
        raise not_offered("_source of mappings")
    if name == "_routing" and value != {"required": False}:
        raise not_offered("_routing of mappings")
    if name == "dynamic_date_formats":
        raise not_offered("dynamic_date_formats of mappings")


def _check_template(template: Any) -> None:
    if not isinstance(template, dict):
        raise mapper_parsing("A dynamic template must be an object")
    if "runtime" in template:
        raise not_offered("runtime fields")
    for name in template:
        if name not in _TEMPLATE:
            raise mapper_parsing(f"Illegal dynamic template parameter: [{name}]")
    if template.get("match_pattern") == "regex":
        for name in ("match", "unmatch"):
            try:
                re.compile(str(template.get(name, "")))
            except re.error:
                raise mapper_parsing(f"Pattern [{template[name]}] of type [REGEX] is invalid.") from None


class _Reading:
    """Fields as they are declared, by path.

    Attributes:
        fields: The fields.
        refusal: Why the whole of it does not fit together; Elasticsearch says so after it has read all of it.
    """

    def __init__(self, mapping: Mapping) -> None:
        self.fields: dict[str, Field] = {}
        self.refusal: Failure | None = None
        self._known = mapping.fields
        self._similarities = mapping.similarities

    def _refuse(self, reason: str) -> None:
        self.refusal = self.refusal or invalid_argument(reason)

    def properties(
        self, above: str, declared: Any, *, subobjects: object = True, nested: bool = False
    ) -> None:
        """The fields below an object; ``above`` is its path with a dot, or ""."""
        if not isinstance(declared, dict):
            raise mapper_parsing(
                f"Expected map for property [properties] on field [{above[:-1]}] but got {declared!r}"
            )
        for name, given in declared.items():
            if not name.strip(". "):
                raise invalid_argument("field name cannot be an empty string")
            if not isinstance(given, dict):
                raise mapper_parsing(
                    f"Expected map for property [fields] on field [{name}] but got {given!r}"
                )
            if subobjects is not False:
                self._parents(above, name)
            self.field(f"{above}{name}", given, subobjects=subobjects, nested=nested)

    def field(
        self, path: str, given: Map[str, Any], *, subobjects: object = True, nested: bool = False
    ) -> None:
        """One field or object."""
        kind = given.get("type")
        if kind is None and (
            "properties" in given or (given and set(given) <= {"dynamic", "enabled", "subobjects"})
        ):
            kind = "object"
        if kind is None:
            raise mapper_parsing(f"No type specified for field [{path.rpartition('.')[2]}]")
        if kind == "semantic_text" and nested:
            self._refuse(f"semantic_text field [{path}] cannot be nested")
        if kind == "semantic_text" and subobjects is False:
            self._refuse(
                f"semantic_text field [{path}] cannot be in an object field with subobjects disabled"
            )
        if kind in {"object", "nested"}:
            self._object(path, given, nested=nested or kind == "nested", subobjects=subobjects)
            if kind == "nested":
                raise not_offered(f"field type nested, of field {path}")
            return
        check_type(path.rpartition(".")[2], str(kind))
        self._leaf(path, str(kind), given, parent=None)
        for name, inner in an_object("fields", given.get("fields") or {}).items():
            if not isinstance(inner, dict) or "type" not in inner:
                raise mapper_parsing(f"no type specified for property [{name}]")
            check_type(name, str(inner["type"]))
            self._leaf(f"{path}.{name}", str(inner["type"]), inner, parent=path)

    def _leaf(self, path: str, kind: str, given: Map[str, Any], *, parent: str | None) -> None:
        check_parameters(path.rpartition(".")[2], kind, given)
        similarity = given.get("similarity")
        if kind == "text" and similarity is not None and similarity not in self._similarities:
            check_similarity(path, str(similarity))
        parameters = {name: value for name, value in given.items() if name not in {"type", "fields"}}
        if kind == "semantic_text":
            parameters = check_semantic(path, parameters)
        self._put(Field(path, kind, parameters, parent))

    def _object(self, path: str, given: Map[str, Any], *, nested: bool, subobjects: object) -> None:
        parameters = {name: value for name, value in given.items() if name not in {"type", "properties"}}
        if not nested:
            check_parameters(path.rpartition(".")[2], "object", given)
        if "dynamic" in parameters:
            parameters["dynamic"] = dynamic(parameters["dynamic"])
        self._put(Field(path, "object", parameters))
        below = False if subobjects is False else parameters.get("subobjects", True)
        self.properties(f"{path}.", given.get("properties") or {}, subobjects=below, nested=nested)

    def _parents(self, above: str, name: str) -> None:
        """The objects that a name with dots implies."""
        *parents, _ = name.split(".")
        for parent in parents:
            path = f"{above}{parent}"
            above = f"{path}."
            known = self.fields.get(path) or self._known.get(path)
            if known is None or known.type == "object":
                self.fields.setdefault(path, known or Field(path, "object"))
            else:
                raise _unmergeable(path, "object")

    def _put(self, field: Field) -> None:
        """Keep a field. It may be declared twice, by its name with dots and in its object, if both fit."""
        before = self.fields.get(field.path)
        if before is not None and "object" in {before.type, field.type} and before.type != field.type:
            raise _unmergeable(field.path, field.type)
        self.fields[field.path] = field


def _merged(known: Field | None, given: Field) -> Field:
    """A field after a later mapping.

    Raises:
        Failure: 400, it cannot become what is declared.
    """
    if known is None:
        return given
    if "object" in {known.type, given.type} and known.type != given.type:
        raise _unmergeable(known.path, given.type)
    if known.type != given.type:
        raise invalid_argument(
            f"mapper [{known.path}] cannot be changed from type [{known.type}] to [{given.type}]"
        )
    if known.type == "semantic_text":
        return merge_semantic(known, given)
    if known.type == "object":
        return Field(known.path, "object", {**known.parameters, **given.parameters}, known.parent)
    conflicts = [
        f"\n\tCannot update parameter [{name}] from [{_word(known, name)}] to [{_word(given, name)}]"
        for name in dict.fromkeys([*known.parameters, *given.parameters])
        if name not in UPDATABLE and known.parameters.get(name) != given.parameters.get(name)
    ]
    if conflicts:
        raise invalid_argument(
            f"Mapper for [{known.path}] conflicts with existing mapper:{''.join(conflicts)}"
        )
    return given


def _unmergeable(path: str, kind: str) -> Failure:
    """An object that becomes a field, or a field that becomes an object (``kind``)."""
    names = ("a non object", "an object") if kind == "object" else ("an object", "a non object")
    return invalid_argument(f"can't merge {names[0]} mapping [{path}] with {names[1]} mapping")


_DEFAULTS = {
    "analyzer": "default",
    "index": "true",
    "doc_values": "true",
    "store": "false",
    "element_type": "float",
}


def _word(field: Field, name: str) -> str:
    """A parameter's value as Elasticsearch's sentences show it."""
    value = field.parameters.get(name, _DEFAULTS.get(name))
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
