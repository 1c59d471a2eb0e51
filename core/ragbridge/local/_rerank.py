"""``POST /v1/rerank``. Sources of the fields and shapes: Jina's API description of 2026-09-09."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.local._rows import Job, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ragbridge.local._fields import Fields
    from ragbridge.local._model import Ids, StaticEmbedder
    from ragbridge.models import Model

DOCUMENT_TOKENS: Mapping[str, int] = {"jina-reranker-v3": 2048, "jina-reranker-v3.5": 8192}
"""``max_doc_length`` where the request has none: what is longer is cut."""


def read_rerank(fields: Fields, row: Model, embedder: StaticEmbedder) -> Job:
    """Check the request against the model's row of the table.

    Raises:
        Refusal: 422.
    """
    top_n = fields.integer("top_n", low=1)
    returned = fields.boolean("return_documents", default=True)
    longest = DOCUMENT_TOKENS.get(row.name)
    if longest is not None:
        longest = fields.integer("max_doc_length", low=1, high=8192) or longest
    query = fields.required("query")
    documents = fields.required("documents")
    question = fields.text("query", query) if query is not None else ""
    texts = fields.texts("documents", documents) if documents is not None else []
    fields.check()

    asked = embedder.ids(question)
    ids = [embedder.ids(text)[:longest] for text in texts]
    tokens = len(asked) + sum(len(document) for document in ids)
    echoed = None
    if returned:
        # Listwise rerankers wrap every document, the others send back what came (measured on the hosted service).
        echoed = [{"text": text} for text in texts] if row.window else documents
    return Job(
        tokens,
        partial(_compute, embedder, asked, ids, top_n),
        partial(_write, f"{row.name} (embedded: {embedder.name})", tokens, echoed),
    )


def _compute(embedder: StaticEmbedder, query: Ids, documents: list[Ids], top_n: int | None) -> list[Row]:
    scores = embedder.relevance(query, documents)
    order = np.argsort(-scores, kind="stable")[:top_n]
    return [Row(int(index), scores[index : index + 1]) for index in order]


def _write(model: str, tokens: int, documents: list[Any] | None, rows: Sequence[Row]) -> bytes:
    results = []
    for row in rows:
        result: dict[str, Any] = {"index": row.index}
        if len(row.numbers):
            result["relevance_score"] = round(float(row.numbers[0]), 8)
        if documents is not None and row.index < len(documents):
            result["document"] = documents[row.index]
        results.append(result)
    body = {"model": model, "object": "list", "usage": {"total_tokens": tokens}, "results": results}
    return json.dumps(body).encode()
