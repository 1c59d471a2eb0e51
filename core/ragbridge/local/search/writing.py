"""Writing documents: what ``_bulk`` and the routes of single documents share."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping as Map
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.changes import changed
from ragbridge.local.search.documents import Chunk, Document, Source
from ragbridge.local.search.embedding import announce, chunks_of
from ragbridge.local.search.errors import (
    document_missing,
    invalid_id,
    no_such_index,
    not_offered,
    version_conflict,
)
from ragbridge.local.search.indices import Index, Indices
from ragbridge.local.search.ingest import ingest
from ragbridge.local.search.operations import Operation, Written
from ragbridge.local.search.parsing import Parsed
from ragbridge.local.search.semantic import Embeddings
from ragbridge.local.search.shapes import an_object

if TYPE_CHECKING:
    from ragbridge.local.elastic.pipelines import Pipelines
    from ragbridge.local.search.inference import Inference

MOST_ID_BYTES = 512
"""Of an ``_id``, in UTF-8."""


class Writer:
    """Carries out the writes of one request, in their order."""

    def __init__(self, indices: Indices, inference: Inference, pipelines: Pipelines) -> None:
        self._indices = indices
        self._inference = inference
        self._pipelines = pipelines
        self._embeddings = Embeddings(inference)

    def run(self, operations: Sequence[Operation]) -> list[Written | Failure]:
        """The outcome of each write. All texts are embedded first, together, and paid for before the first document is written.

        Raises:
            Refusal: 429, the key has not that many tokens left. Then nothing was written.
        """
        failed: dict[int, Failure] = {}
        for position, operation in enumerate(operations):
            if operation.id is None:
                operation.id = secrets.token_urlsafe(15)
            try:
                if operation.broken is not None:
                    raise operation.broken
                self._index(operation)
            except Failure as failure:
                failed[position] = failure
        failed.update(ingest(operations, failed, self._indices, self._pipelines, self._inference))
        for position, operation in enumerate(operations):
            if position not in failed:
                self._announce(operation)
        self._embeddings.compute()
        self._inference.settle()
        outcomes: list[Written | Failure] = []
        for position, operation in enumerate(operations):
            try:
                if position in failed:
                    raise failed[position]
                with self._indices.lock:
                    outcomes.append(self._write(operation))
            except Failure as failure:
                outcomes.append(failure)
        return outcomes

    def one(self, operation: Operation) -> Written:
        """The outcome of a single write.

        Raises:
            Failure: It was refused.
        """
        [outcome] = self.run([operation])
        if isinstance(outcome, Failure):
            raise outcome
        return outcome

    def _index(self, operation: Operation) -> Index:
        """The index to write to. A missing one is made, unless there is nothing to delete in it."""
        with self._indices.lock:
            index = self._indices.get(operation.index)
            if operation.alias and (index is None or operation.index == index.name):
                raise no_such_index(
                    operation.index,
                    reason=f"no such index [{operation.index}] and [require_alias] request flag is [true] and [{operation.index}] "
                    "is not an alias",
                )
            if index is None and operation.action == "delete":
                raise no_such_index(operation.index)
            return index or self._indices.create(operation.index)

    def _announce(self, operation: Operation) -> None:
        with self._indices.lock:
            index = self._indices.get(operation.index)
            if index is None or operation.action == "delete" or not index.mapping.of_type("semantic_text"):
                return
            present = index.documents.get(operation.id or "")
            if operation.action == "update":
                part = operation.body.get("doc") or operation.body.get("upsert")
                if isinstance(part, dict):
                    announce(index.mapping, part, self._embeddings, present)
            elif operation.action == "index" or present is None:
                announce(index.mapping, operation.body, self._embeddings)

    def _write(self, operation: Operation) -> Written:
        index = self._index(operation)
        document_id = operation.id or ""
        if len(document_id.encode("utf-8", "surrogatepass")) > MOST_ID_BYTES or not document_id:
            raise invalid_id(document_id, MOST_ID_BYTES)
        present = index.documents.get(document_id)
        if operation.required is not None:
            _check_number(index, document_id, present, operation.required)
        if operation.action == "delete":
            return self._delete(index, document_id)
        if operation.action == "update":
            return self._update(index, document_id, present, operation)
        if operation.action == "create" and present is not None:
            raise version_conflict(
                index.name,
                index.uuid,
                f"[{document_id}]: version conflict, document already exists (current version [{present.version}])",
            )
        return self._store(index, document_id, operation.body, present, raw=operation.raw)

    def _update(
        self, index: Index, document_id: str, present: Document | None, operation: Operation
    ) -> Written:
        body = operation.body
        if "script" in body:
            if index.mapping.of_type("semantic_text"):
                raise Failure(
                    400, "Cannot apply update with a script on indices that contain [semantic_text] field(s)"
                )
            raise not_offered("scripts")
        part = an_object("doc", body.get("doc") or {})
        if present is None:
            fresh = body.get("doc") if body.get("doc_as_upsert") else body.get("upsert")
            if fresh is None:
                raise document_missing(index.name, index.uuid, document_id)
            return self._store(index, document_id, an_object("upsert", fresh), None, raw=operation.raw)
        after = changed(present.source, part)
        if after is None and body.get("detect_noop", True):
            return Written(_body(index, present, "noop"), 200)
        return self._store(
            index,
            document_id,
            present.source if after is None else after,
            present,
            raw=operation.raw,
            update=True,
        )

    def _store(
        self,
        index: Index,
        document_id: str,
        source: Source,
        present: Document | None,
        *,
        raw: str,
        update: bool = False,
    ) -> Written:
        before = index.mapping.fields
        try:
            parsed = Parsed(index.mapping, document_id, source, raw)
            chunks = chunks_of(index.mapping, parsed, source, self._embeddings, present if update else None)
            document = Document(
                document_id,
                parsed.source,
                version=index.next_version(document_id, present),
                seq_no=index.seq_no,
                size=(len(raw) or measured(source)) + weighed(parsed, chunks),
                values={**parsed.values, **parsed.spoken},
                vectors=parsed.vectors,
                sparse=parsed.sparse,
                chunks=chunks,
                ignored=tuple(parsed.ignored),
            )
            index.put(document)
        except Failure:
            index.mapping.fields = before
            raise
        return Written(
            _body(index, document, "created" if present is None else "updated"),
            201 if present is None else 200,
        )

    def _delete(self, index: Index, document_id: str) -> Written:
        number = index.seq_no
        found = index.take(document_id) is not None
        gone = Document(document_id, {}, version=index.gone[document_id], seq_no=number)
        return Written(_body(index, gone, "deleted" if found else "not_found"), 200 if found else 404)


def _body(index: Index, document: Document, result: str) -> dict[str, Any]:
    noop = result == "noop"
    return {
        "_index": index.name,
        "_id": document.id,
        "_version": document.version,
        "result": result,
        "_shards": {"total": 0 if noop else 2, "successful": 0 if noop else 1, "failed": 0},
        "_seq_no": document.seq_no,
        "_primary_term": 1,
    }


def _check_number(index: Index, document_id: str, present: Document | None, required: int) -> None:
    if present is None:
        reason = f"[{document_id}]: version conflict, required seqNo [{required}], primary term [1]. but no document was found"
    elif present.seq_no != required:
        reason = (
            f"[{document_id}]: version conflict, required seqNo [{required}], primary term [1]. current document has seqNo "
            f"[{present.seq_no}] and primary term [1]"
        )
    else:
        return
    raise version_conflict(index.name, index.uuid, reason)


def weighed(parsed: Parsed, chunks: Map[str, Sequence[Chunk]]) -> int:
    """Bytes of a document's vectors; a token of a sparse one counts as much as a pointer and a number."""
    weight = sum(int(vector.nbytes) for vector in parsed.vectors.values())
    for rows in chunks.values():
        for chunk in rows:
            weight += int(chunk.vector.nbytes) if chunk.vector is not None else 16 * len(chunk.tokens or ())
    return weight


def measured(source: Source) -> int:
    """Bytes of a document as JSON, roughly: vectors by their arrays."""
    return len(json.dumps(source, default=lambda value: value.nbytes))
