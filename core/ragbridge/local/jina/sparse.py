"""Sparse embeddings: ``elser-v2`` on ``/v1/embeddings``. Source of the fields and shapes: Jina's API description of 2026-04.

The hosted model embeds queries and documents differently; the embedded one takes ``task`` and embeds both in the same way.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from ragbridge.local.calls import Row, Work
from ragbridge.local.items import answering, read_items
from ragbridge.local.words import weights
from ragbridge.models import MAX_ITEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragbridge.local.fields import Fields
    from ragbridge.local.model import Embedder
    from ragbridge.models import Model


def read_weights_of(fields: Fields, row: Model, embedder: Embedder) -> Work:
    """Validates a request for sparse embeddings. Texts longer than the model's context are truncated.

    Raises:
        Refusal: 422 for an invalid field.
    """
    fields.choice("task", "task_type", among=row.tasks)
    given = fields.required("input", "texts", "content")
    items = [] if given is None else read_items(fields, "input", given, row, most=MAX_ITEMS)
    fields.check()

    texts = [str(item[0]) for item in items]
    tokens = sum(min(len(embedder.ids(text)), row.context) for text in texts)
    counts = {"total_tokens": tokens, "input_tokens": tokens, "output_tokens": 0}
    head = {"model": answering(row, embedder, items), "object": "list", "usage": counts}
    found = [weights(text, embedder, row.context) for text in texts]

    def compute() -> list[Row]:
        return [Row(index, np.array([*each.values()])) for index, each in enumerate(found)]

    def write(rows: Sequence[Row]) -> bytes:
        data = [
            dict(zip(found[each.index % len(found)], each.numbers.tolist(), strict=False)) for each in rows
        ]
        return json.dumps({**head, "data": data}).encode()

    return Work(tokens, write, compute)
