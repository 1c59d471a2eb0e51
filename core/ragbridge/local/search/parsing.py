"""Reading a document by its index's mapping: values by field path, and the texts that are to be embedded."""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search import vectors
from ragbridge.local.search.documents import VECTORS, Source, Tokens, plain
from ragbridge.local.search.dynamic import introduce
from ragbridge.local.search.errors import document_parsing, invalid_argument
from ragbridge.local.search.mapping import Field, Mapping
from ragbridge.local.search.values import convert, spelled, weights

INFERENCE = "_inference_fields"
"""The member of a document that holds its embeddings ready-made."""
METADATA = frozenset(
    {
        "_doc_count",
        "_field_names",
        "_id",
        "_ignored",
        "_index",
        "_routing",
        "_seq_no",
        "_source",
        "_type",
        "_version",
    }
)
"""Names that a document cannot have at its top."""
PREVIEW = 64
"""Characters of a bad value that an error shows."""


class Parsed:
    """What one document has, by field path. Fields that it introduces are in the mapping afterwards.

    Attributes:
        source: The document, with dense vectors as float32 arrays.
        values: See ``Document``.
        vectors: See ``Document``.
        sparse: See ``Document``.
        texts: For each ``semantic_text`` field the values of each of its sources, blank ones included.
        ignored: See ``Document``.
    """

    def __init__(self, mapping: Mapping, document_id: str, source: Source, raw: str = "") -> None:
        """Reads a document.

        Args:
            mapping: The mapping, whose lock is held.
            document_id: For sentences.
            source: The document.
            raw: The document as it was sent, for the places in sentences; "" if it is not known.

        Raises:
            Failure: 400, it does not fit the mapping.
        """
        self.values: dict[str, list[Any]] = {}
        self.vectors: dict[str, Any] = {}
        self.sparse: dict[str, Tokens] = {}
        self.texts: dict[str, dict[str, list[str]]] = {}
        self.ignored: list[str] = []
        self._mapping = mapping
        self._document = f"document with id '{document_id}'"
        self._raw = raw
        self.source = self._object(
            "", {name: value for name, value in source.items() if name.partition(".")[0] != INFERENCE}
        )

    @property
    def spoken(self) -> dict[str, list[str]]:
        """The texts of ``semantic_text`` fields that are not blank."""
        found = {
            path: [text for values in by_source.values() for text in values if text.strip()]
            for path, by_source in self.texts.items()
        }
        return {path: texts for path, texts in found.items() if texts}

    def _object(self, above: str, given: Source) -> Source:
        read: Source = {}
        for name, value in given.items():
            if above == "" and name in METADATA:
                reason = (
                    f"Field [{name}] is a metadata field and cannot be added inside a document. Use the index API request "
                    "parameters."
                )
                raise document_parsing(f"{self._place(name)} {reason}", cause=invalid_argument(reason))
            if not name.strip(". "):
                raise document_parsing(
                    "[1:2] failed to parse", cause=invalid_argument("field name cannot be an empty string")
                )
            read[name] = self._member(f"{above}{name}", value)
        return read

    def _member(self, path: str, value: Any) -> Any:
        field = self._mapping.get(path) or introduce(self._mapping, path, value)
        if field is None:
            return value
        if field.type == "object":
            return self._inner(field, value)
        if field.type == "binary":
            return self._binary(field, value)
        if field.parent is not None:
            raise document_parsing(
                f"[1:1] failed to parse: Cannot write to a multi field [{path}]",
                cause=invalid_argument(f"Cannot write to a multi field [{path}]"),
            )
        if field.type in {"dense_vector", "rank_vectors"} and value is not None:
            return self._vector(field, value)
        if field.type not in VECTORS:
            self._leaf(field, value, path)
        elif value is not None:
            self._sparse(field, value)
        return value

    def _inner(self, field: Field, value: Any) -> Any:
        if value is None or field.parameters.get("enabled") in {False, "false"}:
            return value
        if isinstance(value, dict):
            return self._object(f"{field.path}.", value)
        if isinstance(value, list):
            return [self._inner(field, item) for item in value]
        name = field.path.rpartition(".")[2]
        raise document_parsing(
            f"{self._place(field.path)} object mapping for [{name}] tried to parse field [{name}] as object, but found a "
            "concrete value"
        )

    def _binary(self, field: Field, value: Any) -> Any:
        """Base64, which is kept and never searched."""
        for item in _flat(value):
            try:
                binascii.a2b_base64(item or "", strict_mode=True)
            except (ValueError, TypeError) as error:
                raise self._bad(field, item, f"Illegal base64 character: {error}") from None
        return value

    def _leaf(self, field: Field, value: Any, origin: str) -> None:
        """The values of a field, of its multi-fields, and of the fields that they are copied to."""
        values = _flat(value)
        if field.parameters.get("null_value") is not None:
            values = [field.parameters["null_value"] if item is None else item for item in values]
        values = [item for item in values if item is not None]
        if not values:
            return
        if field.type == "semantic_text":
            texts = self.texts.setdefault(field.path, {}).setdefault(origin, [])
            texts.extend(self._text(field, item) for item in values)
        else:
            self._convert(field, values)
        for inner in self._mapping.multi_fields(field.path):
            self._leaf(inner, values, origin)
        if origin == field.path:
            for name in field.copy_to:
                target = self._mapping.get(name) or introduce(self._mapping, name, values)
                if target is not None:
                    self._leaf(target, values, origin)

    def _convert(self, field: Field, values: Sequence[Any]) -> None:
        kept = self.values.setdefault(field.path, [])
        for item in values:
            try:
                converted = convert(field, item)
            except (ValueError, OverflowError) as error:
                if field.parameters.get("ignore_malformed") in {True, "true"}:
                    self.ignored.append(field.path)
                    continue
                raise self._bad(field, item, str(error)) from None
            if converted is None:
                self.ignored.append(field.path)
            else:
                kept.append(converted)
        if not kept:
            del self.values[field.path]

    def _text(self, field: Field, item: Any) -> str:
        if isinstance(item, dict):
            raise Failure(
                400,
                f"Invalid format for field [{field.path}], expected [String|Number|Boolean] got [{_java(item)}]",
            )
        return spelled(item)

    def _vector(self, field: Field, value: Any) -> Any:
        """Keep a dense vector; it is an array in the source too."""
        read = vectors.dense if field.type == "dense_vector" else vectors.rank_vectors
        try:
            numbers = read(field, value, self._document)
        except (ValueError, OverflowError) as error:
            raise self._failed(field, str(error)) from None
        if field.parameters.get("dims") is None:
            self._mapping.change(field, dims=int(numbers.shape[-1]))
        self.vectors[field.path] = np.ascontiguousarray(numbers, dtype=np.float32)
        return vectors.as_sent(field, self.vectors[field.path])

    def _sparse(self, field: Field, value: Any) -> None:
        rows = value if isinstance(value, list) and all(isinstance(row, dict) for row in value) else [value]
        for row in rows:
            try:
                tokens = weights(row)
            except ValueError as error:
                raise self._failed(field, str(error)) from None
            known = self.sparse.get(field.path, {})
            both = {token: max(weight, known.get(token, 0.0)) for token, weight in tokens.items()}
            self.sparse[field.path] = {**known, **both}

    def _bad(self, field: Field, value: Any, reason: str) -> Failure:
        preview = value if isinstance(value, str) else _java(value)
        return document_parsing(
            f"{self._place(field.path)} failed to parse field [{field.path}] of type [{field.type}] in {self._document}. "
            f"Preview of field's value: '{preview[:PREVIEW]}'",
            cause=invalid_argument(reason),
        )

    def _failed(self, field: Field, reason: str) -> Failure:
        return document_parsing(
            f"{self._place(field.path)} failed to parse: {reason}", cause=invalid_argument(reason)
        )

    def _place(self, path: str) -> str:
        """Line and column of a field's value in the document as it was sent."""
        name = json.dumps(path.rpartition(".")[2])
        match = re.search(rf"{re.escape(name)}\s*:\s*", self._raw)
        if match is None:
            return "[1:1]"
        before = self._raw[: match.end()]
        return f"[{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}]"


def _flat(value: Any) -> list[Any]:
    """The values of a field: of a list, and of lists in it."""
    if isinstance(value, np.ndarray):  # an inference processor has made it
        value = plain(value)
    if not isinstance(value, list):
        return [value]
    if any(isinstance(item, list) for item in value):
        return [inner for item in value for inner in _flat(item)]
    return value


def _java(value: Any) -> str:
    """A value as Java writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_java(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_java, value)) + "]"
    return value if isinstance(value, str) else spelled(value)
