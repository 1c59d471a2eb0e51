"""Multi-vector embeddings: ``POST /v1/multi-vector``, ColBERT on ``/v1/embeddings``, ``return_multivector`` of v4.

Sources of the fields and shapes: Jina's API descriptions of 2024 (0.0.89) and of 2026-09-09. The hosted models embed
queries and documents differently. The embedded model accepts ``input_type`` and embeds both in the same way.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.local.calls import Call, Row, Work
from ragbridge.local.fields import Fields
from ragbridge.local.items import Medium, answering, read_items, usage
from ragbridge.local.jina.encodings import read_encoding
from ragbridge.models import MAX_ITEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragbridge.local.model import Embedder, Floats
    from ragbridge.models import Model

DIGEST = "[digest]"
"""The token that stands for an image in the tokenized input."""


def read_multivectors(call: Call) -> Work:
    """Validates a request to ``/v1/multi-vector``, the route of 2024.

    Raises:
        Refusal: 422 for an invalid field.
    """
    fields = Fields.of(call.body)
    return read_tokens_of(fields, fields.model("multivector"), call.embedder())


def read_tokens_of(fields: Fields, row: Model, embedder: Embedder) -> Work:
    """Validates a request for one vector per token. Texts longer than the model's context are truncated.

    Raises:
        Refusal: 422 for an invalid field, 500 for a list of embedding types, as on the service.
    """
    encode = read_encoding(fields)
    among_others = "return_multivector" in row.options
    width = row.token_dimensions or row.dimensions or embedder.width
    if among_others:
        if fields.get("dimensions") is not None:
            message = "dimensions cannot be set with return_multivector"
            fields.report("dimensions", message, "value_error", fields.get("dimensions"))
    elif row.sizes:
        width = fields.among("dimensions", row.sizes) or width
    if "input_type" in row.options:
        fields.choice("input_type", among=("query", "document"))
    if row.tasks:
        fields.choice("task", "task_type", among=row.tasks)
    spelled = among_others and fields.boolean("return_tokenized_input", default=False)
    given = fields.required("input", "texts", "content")
    items = [] if given is None else read_items(fields, "input", given, row, most=MAX_ITEMS)
    fields.check()

    texts = [
        [part if isinstance(part, Medium) else embedder.ids(part)[: row.context] for part in item]
        for item in items
    ]
    counted = sum(len(part) for item in texts for part in item if not isinstance(part, Medium))
    counts = usage(items, counted, row)
    head = {"model": answering(row, embedder, items), "object": "list", "usage": counts}

    def compute() -> list[Row]:
        return [Row(index, _stack(embedder, item, width)) for index, item in enumerate(texts)]

    def write(rows: Sequence[Row]) -> bytes:
        data = []
        for each in rows:
            tokens = b",".join(encode(vector) for vector in each.numbers)
            body = b'{"object":"embeddings","index":%d,"embeddings":[%b]' % (each.index, tokens)
            if spelled and each.index < len(texts):
                body += b',"tokenized_input":%b' % json.dumps(_spell(embedder, texts[each.index])).encode()
            data.append(body + b"}")
        return b'%b,"data":[%b]}' % (json.dumps(head).encode()[:-1], b",".join(data))

    return Work(counts["total_tokens"], write, compute)


def _stack(embedder: Embedder, parts: Sequence[Any], width: int) -> Floats:
    stacked: Floats = np.concatenate(
        [
            part.vector(width)[None] if isinstance(part, Medium) else embedder.token_vectors(part, width)
            for part in parts
        ]
    )
    return stacked


def _spell(embedder: Embedder, parts: Sequence[Any]) -> list[str]:
    return [
        word for part in parts for word in ([DIGEST] if isinstance(part, Medium) else embedder.spelled(part))
    ]
