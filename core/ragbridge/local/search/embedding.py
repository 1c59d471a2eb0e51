"""The ``semantic_text`` fields of a document: which texts are embedded, and which chunks are kept from its last version."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Map
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.documents import Chunk, Document, Source
from ragbridge.local.search.errors import document_parsing, invalid_argument
from ragbridge.local.search.inference import model_settings
from ragbridge.local.search.parsing import INFERENCE
from ragbridge.local.search.semantic import chunks as embedded
from ragbridge.local.search.semantic import utf16_slice
from ragbridge.local.search.semantic_mapping import fitting
from ragbridge.local.search.values import spelled

if TYPE_CHECKING:
    from ragbridge.local.search.mapping import Field, Mapping
    from ragbridge.local.search.parsing import Parsed
    from ragbridge.local.search.semantic import Embeddings


def announce(
    mapping: Mapping, source: Source, embeddings: Embeddings, present: Document | None = None
) -> None:
    """Announce the texts of a document, or of an update of ``present``, that are to be embedded."""
    ready = ready_made(source)
    for field in mapping.of_type("semantic_text"):
        if field.path in ready:
            continue
        for path in mapping.sources(field.path):
            values = texts(source, path)
            if present is None or values != texts(present.source, path):
                embeddings.want(field, values)


def ready_made(source: Source) -> dict[str, Any]:
    """The embeddings that a document brings, by field: in ``_inference_fields``, as an object or as names with dots."""
    ready: dict[str, Any] = {}
    for name, value in source.items():
        if name == INFERENCE and isinstance(value, dict):
            ready.update(value)
        elif name.startswith(f"{INFERENCE}."):
            ready[name.removeprefix(f"{INFERENCE}.")] = value
    return ready


def texts(source: Source, path: str) -> list[str]:
    """The values of a field in a document, as text. Objects are left out."""
    return [spelled(value) for value in _values(source, path) if not isinstance(value, dict)]


def _values(part: Any, path: str) -> Iterator[Any]:
    """The values at a path, through objects, lists and names with dots."""
    if isinstance(part, list):
        for item in part:
            yield from _values(item, path)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name == path:
                yield from _each(value)
            elif path.startswith(f"{name}."):
                yield from _values(value, path[len(name) + 1 :])


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _each(item)
    elif value is not None and not isinstance(value, np.ndarray):
        yield value


def chunks_of(
    mapping: Mapping, parsed: Parsed, source: Source, embeddings: Embeddings, previous: Document | None
) -> dict[str, list[Chunk]]:
    """The chunks of all ``semantic_text`` fields of a document, by path.

    Args:
        mapping: The mapping, which learns the model of a field from its first document.
        parsed: The document as its mapping reads it.
        source: The document as it was sent.
        embeddings: The embeddings of the request.
        previous: The version that an update changes: chunks of sources whose values did not change are kept.

    Raises:
        Failure: A text could not be embedded, or the model is another one than that of earlier documents.
    """
    made: dict[str, list[Chunk]] = {}
    ready = ready_made(source)
    for path, by_source in parsed.texts.items():
        field = mapping.fields[path]
        if path in ready:
            found = _ready(mapping, field, by_source, ready[path])
        else:
            found = []
            for name, values in by_source.items():
                if previous is not None and texts(previous.source, name) == values:
                    found += [chunk for chunk in previous.chunks.get(path, ()) if chunk.source == name]
                    continue
                fresh = list(embedded(field, name, values, embeddings))
                if fresh:
                    field = _learn(mapping, field, model_settings(embeddings.endpoint(field)))
                found += fresh
        if found:
            made[path] = found
    return made


def _learn(mapping: Mapping, field: Field, model: Map[str, Any]) -> Field:
    """The field with the model of its embeddings.

    Raises:
        Failure: 400, it has embeddings of another one.
    """
    if not fitting(field, model):
        reason = (
            f"Incompatible model settings for field [{field.path}]. Check that the inference_id is not using different model "
            "settings"
        )
        raise document_parsing(f"[1:1] failed to parse: {reason}", cause=invalid_argument(reason))
    return (
        field if "model_settings" in field.parameters else mapping.change(field, model_settings=dict(model))
    )


def _ready(mapping: Mapping, field: Field, by_source: Map[str, list[str]], given: Any) -> list[Chunk]:
    """Chunks and embeddings that the document brings in ``_inference_fields``.

    Raises:
        Failure: 400, they are not what Elasticsearch itself shows there, or are of another endpoint.
    """
    try:
        inference = given["inference"]
        inference_id, model = inference["inference_id"], inference.get("model_settings")
        found = [
            _chunk(name, row, by_source.get(name, []))
            for name, rows in (inference.get("chunks") or {}).items()
            for row in rows
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise document_parsing(
            f"[1:1] failed to parse field [{INFERENCE}] of type [{INFERENCE}]",
            cause=invalid_argument(f"Failed to parse [{field.path}]: {error!r}"),
        ) from error
    if inference_id != field.endpoints[0]:
        reason = (
            f"The configured inference_id [{field.endpoints[0]}] for field [{field.path}] doesn't match the inference_id "
            f"[{inference_id}] reported in the document"
        )
        raise document_parsing(f"[1:1] failed to parse: {reason}", cause=invalid_argument(reason))
    if found and model is not None:
        _learn(mapping, field, model)
    elif found and "model_settings" not in field.parameters:
        raise Failure(400, f"[model_settings] must be set for field [{field.path}] when chunks are provided")
    return found


def _chunk(name: str, row: Map[str, Any], values: list[str]) -> Chunk:
    start, end, embeddings = int(row["start_offset"]), int(row["end_offset"]), row["embeddings"]
    text = utf16_slice("\n".join(values), start, end)
    if isinstance(embeddings, dict):
        return Chunk(
            name, start, end, text, tokens={token: float(weight) for token, weight in embeddings.items()}
        )
    return Chunk(name, start, end, text, np.array(embeddings, dtype=np.float32))
