"""``POST /v1/rerank``. Sources of the fields and shapes: Jina's API description of 2026-09-09.

An image is compared by the cosine of its digest's vector (``ragbridge.local.items``). The cosine of two images is 1 for the
same bytes. The cosine of an image and a text is meaningless.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.local.calls import Call, Row, Work
from ragbridge.local.fields import Fields
from ragbridge.local.items import MOST_ITEMS, answering, read_item, usage, vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ragbridge.local.items import Item
    from ragbridge.local.model import Embedder, Ids


def read_rerank(call: Call) -> Work:
    """Validates the request against the model's row.

    Raises:
        Refusal: 422 for an invalid field, 400 for an unknown model.
    """
    fields = Fields.of(call.body)
    row = fields.model("rerank")
    top_n = fields.integer("top_n", low=1)
    returned = fields.boolean("return_documents", default=True)
    embedded = "return_embeddings" in row.options and fields.boolean("return_embeddings", default=False)
    longest = row.document_tokens
    if longest is not None:  # longer documents are truncated
        longest = fields.integer("max_doc_length", low=1, high=row.max_document_tokens) or longest
    asked = fields.required("query")
    query = read_item(fields, "query", asked, row) if asked is not None else ("",)
    given = fields.required("documents")
    documents = _read_documents(fields, given, row) if given is not None else []
    fields.check()
    # Listwise rerankers wrap each document, the others echo it unchanged (measured on the hosted service).
    echoed = [{"text": item[0]} for item in documents] if row.listwise else [*(given or ())]

    embedder = call.embedder()
    ids = [[embedder.ids(part)[:longest] for part in item if isinstance(part, str)] for item in documents]
    question = [embedder.ids(part) for part in query if isinstance(part, str)]
    texts = sum(len(part) for item in [question, *ids] for part in item)
    counts = usage([query, *documents], texts, row)
    head = {
        "model": answering(row, embedder, [query, *documents]),
        "object": "list",
        "usage": {"total_tokens": counts["total_tokens"]},
    }

    def compute() -> list[Row]:
        scores = _scores(embedder, query, question, documents, ids)
        order = np.argsort(-scores, kind="stable")[:top_n]
        return [Row(int(index), scores[index : index + 1]) for index in order]

    def write(rows: Sequence[Row]) -> bytes:
        results = []
        for each in rows:
            result: dict[str, Any] = {"index": each.index}
            if len(each.numbers):
                result["relevance_score"] = round(float(each.numbers[0]), 8)
            if each.index < len(documents):  # a fault may have changed the index
                if returned:
                    result["document"] = echoed[each.index]
                if embedded:
                    vector = embedder.embed(ids[each.index], row.document_dimensions or embedder.width)[0]
                    result["embedding"] = vector.astype(np.float64).round(8).tolist()
            results.append(result)
        return json.dumps({**head, "results": results}).encode()

    return Work(counts["total_tokens"], write, compute)


def _read_documents(fields: Fields, given: object, row: Any) -> list[Item]:
    if not isinstance(given, list):
        fields.report("documents", "Input should be a valid list", "list_type", given)
        return []
    if not given:
        message = "List should have at least 1 item after validation, not 0"
        fields.report("documents", message, "too_short", given)
    if len(given) > MOST_ITEMS:
        fields.too_many("documents", given, MOST_ITEMS)
        return []
    return [read_item(fields, f"documents.{index}", document, row) for index, document in enumerate(given)]


def _scores(
    embedder: Embedder, query: Item, question: list[Ids], documents: list[Item], ids: list[list[Ids]]
) -> NDArray[np.float64]:
    if question and all(ids):
        return embedder.relevance(question[0], [document[0] for document in ids])
    texts = [part for item in [question, *ids] for part in item]
    embedded = vectors(embedder, [query, *documents], texts, embedder.width)
    scores: NDArray[np.float64] = (embedded[1:] @ embedded[0]).astype(np.float64)
    with_text = [index for index, document in enumerate(ids) if document]
    if question and with_text:
        scores[with_text] = embedder.relevance(question[0], [ids[index][0] for index in with_text])
    return scores
