"""Ingest pipelines: processors that change documents before they are written, ``inference`` among them.

The processors ``inference``, ``set`` and ``remove`` run; a pipeline with another one is refused with 501 when it is to run.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.errors import SearchFailure, invalid_argument, not_offered
from ragbridge.local.search.inference import element_type

if TYPE_CHECKING:
    from ragbridge.local.elastic.pipelines import Pipelines
    from ragbridge.local.search.indices import Indices
    from ragbridge.local.search.inference import Inference
    from ragbridge.local.search.operations import Operation

Failed: TypeAlias = dict[int, Failure]
"""Why writes failed, by their position in the request."""
Documents: TypeAlias = Map[int, dict[str, Any]]
"""Documents by the position of their write."""


def ingest(
    operations: Sequence[Operation],
    failed: Failed,
    indices: Indices,
    pipelines: Pipelines,
    inference: Inference,
) -> Failed:
    """Run the pipelines of writes, which change their documents; texts of one processor are embedded together.

    Returns:
        The writes whose pipeline failed.
    """
    broken: Failed = {}
    for choose in (_own, _final):
        groups: dict[str, dict[int, dict[str, Any]]] = {}
        for position, operation in enumerate(operations):
            if position in failed or position in broken:
                continue
            index = indices.get(operation.index)
            name = choose(operation, index.settings if index is not None else {})
            document = _document(operation) if name not in {None, "_none"} else None
            if document is not None:
                groups.setdefault(str(name), {})[position] = document
        for name, documents in groups.items():
            definition = pipelines.find(name)
            if definition is None:
                reason = f"pipeline with id [{name}] does not exist"
                broken.update(dict.fromkeys(documents, invalid_argument(reason)))
            else:
                broken.update(_run(definition["processors"], documents, inference))
    return broken


def _own(operation: Operation, settings: Map[str, Any]) -> Any:
    """The pipeline of a write: the one that it names, else the index's default."""
    return operation.pipeline if operation.pipeline is not None else settings.get("default_pipeline")


def _final(_operation: Operation, settings: Map[str, Any]) -> Any:
    return settings.get("final_pipeline")


def _document(operation: Operation) -> dict[str, Any] | None:
    """The document that a write's pipeline changes, as a copy that is written in its place."""
    body = operation.body
    if operation.action in {"index", "create"}:
        operation.body = copy.deepcopy(body)
        return operation.body
    if operation.action == "update":
        name = "doc" if body.get("doc_as_upsert") else "upsert"
        if isinstance(body.get(name), dict):
            operation.body = {**body, name: copy.deepcopy(body[name])}
            document: dict[str, Any] = operation.body[name]
            return document
    return None


def _run(processors: Sequence[Any], documents: Documents, inference: Inference) -> Failed:
    """Run processors one after the other, each over all documents that are still well."""
    broken: Failed = {}
    for processor in processors:
        kind, options = _named(processor)
        left = {position: document for position, document in documents.items() if position not in broken}
        if kind not in _PROCESSORS or "if" in options:
            part = (
                f"condition [if] of processor {kind}" if kind in _PROCESSORS else f"ingest processor {kind}"
            )
            return {**broken, **dict.fromkeys(left, not_offered(part))}
        new = _PROCESSORS[kind](options, left, inference)
        if options.get("ignore_failure"):
            continue
        if new and options.get("on_failure"):
            recovered = {position: documents[position] for position in new}
            new = _run(options["on_failure"], recovered, inference)
        broken.update(new)
    return broken


def _named(processor: Any) -> tuple[str, dict[str, Any]]:
    """The name of a processor, and its options; "" for what is none."""
    if not isinstance(processor, dict) or len(processor) != 1:
        return "", {}
    [(kind, options)] = processor.items()
    return (str(kind), options) if isinstance(options, dict) else ("", {})


def _infer(options: Map[str, Any], documents: Documents, inference: Inference) -> Failed:
    """The processor ``inference``: ``input_output`` with one object or a list of them."""
    broken: Failed = {}
    given: Any = options.get("input_output")
    rows: list[Any] = given if isinstance(given, list) else [given]
    if not all(isinstance(row, dict) and "input_field" in row and "output_field" in row for row in rows):
        return dict.fromkeys(documents, not_offered("processor inference without input_output"))
    for row in rows:
        texts = {}
        for position, document in documents.items():
            value = read(document, row["input_field"])
            if isinstance(value, str):
                texts[position] = value
            elif not options.get("ignore_missing"):
                broken[position] = _missing(row["input_field"], value)
        try:
            results = _embedded(str(options.get("model_id")), list(texts.values()), inference)
        except Failure as failure:
            broken.update(dict.fromkeys(texts, failure))
            continue
        for position, result in zip(texts, results, strict=True):
            try:
                write(documents[position], row["output_field"], result)
            except Failure as failure:
                broken[position] = failure
    return broken


def _embedded(model_id: str, texts: Sequence[str], inference: Inference) -> list[Any]:
    if not texts:
        return []
    endpoint = inference.model(model_id)
    if endpoint.chunking_settings is None:
        raise not_offered(f"processor inference with an endpoint of task {endpoint.task_type}")
    embedded = inference.embed(endpoint, texts, "ingest")
    if embedded.vectors is None:
        return list(embedded.tokens)
    if element_type(endpoint) == "bit":
        return list(np.packbits(embedded.vectors.astype(np.uint8), axis=1).view(np.int8))
    return list(embedded.vectors)


def _missing(name: str, value: Any) -> Failure:
    if value is None:
        return SearchFailure(
            400,
            f"Field value is missing: [{name}] is not in the document",
            kind="illegal_argument_exception",
        )
    return invalid_argument(
        f"field [{name}] of type [{type(value).__name__}] cannot be cast to [java.lang.String]"
    )


def _set(options: Map[str, Any], document: dict[str, Any]) -> None:
    """The processor ``set``: ``value``, with ``{{field}}``, or ``copy_from``."""
    name, origin = _field(options), options.get("copy_from")
    if options.get("override") is False and read(document, name) is not None:
        return
    value = read(document, str(origin)) if origin is not None else _filled(options.get("value"), document)
    if value in (None, "") and options.get("ignore_empty_value"):
        return
    if value is None:
        raise invalid_argument(f"field [{origin}] not present as part of path [{origin}]")
    write(document, name, copy.deepcopy(value))


def _remove(options: Map[str, Any], document: dict[str, Any]) -> None:
    """The processor ``remove``: ``field`` with one name or a list of them."""
    given = options.get("field")
    for name in given if isinstance(given, list) else [_field(options)]:
        if not _drop(document, str(name)) and not options.get("ignore_missing"):
            raise invalid_argument(f"field [{name}] not present as part of path [{name}]")


def _field(options: Map[str, Any]) -> str:
    if not isinstance(options.get("field"), str):
        raise SearchFailure(400, "[field] required property is missing", kind="parse_exception")
    return str(options["field"])


def _single(process: Callable[[Map[str, Any], dict[str, Any]], None]) -> _Processor:
    """A processor that changes one document after the other."""

    def run(options: Map[str, Any], documents: Documents, _inference: Inference) -> Failed:
        broken: Failed = {}
        for position, document in documents.items():
            try:
                process(options, document)
            except Failure as failure:
                broken[position] = failure
        return broken

    return run


_Processor: TypeAlias = Callable[[Map[str, Any], Documents, "Inference"], Failed]
_PROCESSORS: dict[str, _Processor] = {"inference": _infer, "set": _single(_set), "remove": _single(_remove)}
_VARIABLE = re.compile(r"\{\{\{?\s*([\w.]+)\s*\}?\}\}")


def _filled(value: Any, document: dict[str, Any]) -> Any:
    if not isinstance(value, str):
        return value
    return _VARIABLE.sub(lambda match: str(read(document, match[1].removeprefix("_source.")) or ""), value)


def read(document: Any, path: str) -> Any:
    """The value at a path; None where there is none."""
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return None
        document = document[name]
    return document


def write(document: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a path; objects on the way are made."""
    *parents, last = path.split(".")
    for name in parents:
        inner = document.setdefault(name, {})
        if not isinstance(inner, dict):
            raise invalid_argument(
                f"cannot set [{last}] with parent object of type [{type(inner).__name__}] as part of path [{path}]"
            )
        document = inner
    document[last] = value


def _drop(document: Any, path: str) -> bool:
    *parents, last = path.split(".")
    for name in parents:
        document = document.get(name) if isinstance(document, dict) else None
    return isinstance(document, dict) and document.pop(last, document) is not document
