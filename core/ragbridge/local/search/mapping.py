"""Mappings: the fields of an index by path, from JSON and to JSON, and merged as Elasticsearch merges them."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import field, replace
from typing import Any

from ragbridge.ground.records import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One field, an object or a multi-field.

    Attributes:
        path: Its full name, with dots.
        type: ``text``, ``keyword``, ..., ``object``.
        parameters: The other parameters as declared, without ``type``, ``fields`` and ``properties``. ``semantic_text`` always has
            its ``inference_id``, and ``model_settings`` once a document was embedded.
        parent: Of a multi-field: the field whose values it takes.
    """

    path: str
    type: str
    parameters: Map[str, Any] = field(default_factory=dict)
    parent: str | None = None

    @property
    def copy_to(self) -> tuple[str, ...]:
        """The fields that take its values too."""
        given = self.parameters.get("copy_to", ())
        return (given,) if isinstance(given, str) else tuple(given)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The inference endpoints of a ``semantic_text`` field: for documents, and for queries."""
        inference_id = str(self.parameters["inference_id"])
        return inference_id, str(self.parameters.get("search_inference_id", inference_id))


class Mapping:
    """The fields of one index. Its registry's lock guards its changes.

    A ``Field`` never changes, nor does the dict ``fields``: both are replaced.

    Attributes:
        fields: By path: leaves, multi-fields (``title.raw``) and objects.
        dynamic: ``true``, ``false``, ``strict`` or ``runtime``; objects may have their own.
        dynamic_templates: As declared, each ``{name: template}``.
        similarities: The names of the index's own similarities, which text fields may use (``index.similarity``).
        further: Other parts of the mapping, shown as declared: ``_meta``, ``_source``, ``date_detection``, ...
    """

    def __init__(self) -> None:
        self.fields: dict[str, Field] = {}
        self.dynamic = "true"
        self.similarities: frozenset[str] = frozenset()
        self.dynamic_templates: list[dict[str, Any]] = []
        self.further: dict[str, Any] = {}
        self._children: tuple[dict[str, Field], dict[str, list[Field]]] = self.fields, {}

    def get(self, path: str) -> Field | None:
        """The field of this path; None where there is none."""
        return self.fields.get(path)

    def multi_fields(self, path: str) -> list[Field]:
        """The multi-fields of a field."""
        if self._children[0] is not self.fields:
            children: dict[str, list[Field]] = {}
            for known in self.fields.values():
                if known.parent is not None:
                    children.setdefault(known.parent, []).append(known)
            self._children = self.fields, children
        return self._children[1].get(path, [])

    def change(self, field: Field, **parameters: Any) -> Field:
        """Give a field what a document has taught, e.g. ``dims`` or ``model_settings``."""
        changed = replace(field, parameters={**field.parameters, **parameters})
        self.fields = {**self.fields, field.path: changed}
        return changed

    def of_type(self, *types: str) -> list[Field]:
        """All fields of these types."""
        return [known for known in self.fields.values() if known.type in types]

    def sources(self, path: str) -> list[str]:
        """The fields whose values a field takes: itself, or the parent of a multi-field, and those that ``copy_to`` it."""
        known = self.fields[path]
        own = known.parent or path
        return [own, *(other.path for other in self.fields.values() if own in other.copy_to)]

    @property
    def body(self) -> dict[str, Any]:
        """The mapping as JSON."""
        shown: dict[str, Any] = {}
        if self.dynamic != "true":
            shown["dynamic"] = self.dynamic
        if self.dynamic_templates:
            shown["dynamic_templates"] = self.dynamic_templates
        shown.update(self.further)
        properties = _properties(self)
        if properties:
            shown["properties"] = properties
        return shown


def _properties(mapping: Mapping) -> dict[str, Any]:
    """The tree of the fields, by name."""
    root: dict[str, Any] = {}
    for path, known in sorted(mapping.fields.items()):
        if known.parent is not None:
            name = path[len(known.parent) + 1 :]
            _node(mapping, root, known.parent).setdefault("fields", {})[name] = _shown(known)
        else:
            _node(mapping, root, path).update(_shown(known))
    return root


def _node(mapping: Mapping, root: dict[str, Any], path: str) -> dict[str, Any]:
    """The place of a field in the tree. Objects have one too, even where only their fields were declared."""
    above = path
    while "." in above:
        above = above.rpartition(".")[0]
        if above in mapping.fields:
            root = _node(mapping, root, above).setdefault("properties", {})
            path = path[len(above) + 1 :]
            break
    node: dict[str, Any] = root.setdefault(path, {})
    return node


def _shown(known: Field) -> dict[str, Any]:
    """A field as JSON. Elasticsearch does not show the type of an object that has fields."""
    kind = {} if known.type == "object" else {"type": known.type}
    return {**kind, **known.parameters}
