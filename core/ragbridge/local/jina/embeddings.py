"""``POST /v1/embeddings``. Sources of the fields and shapes: Jina's API description of 2026-09-09."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ragbridge.local.calls import Call, Row, Work
from ragbridge.local.fields import Fields
from ragbridge.local.items import Item, answering, read_items, usage, vectors
from ragbridge.local.jina.encodings import read_encoding
from ragbridge.local.jina.multivectors import read_tokens_of
from ragbridge.local.jina.sparse import read_weights_of
from ragbridge.local.refusals import Refusal
from ragbridge.models import MAX_ITEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragbridge.local.model import Embedder, Ids
    from ragbridge.models import Model

_QUERY = {"query": True, "passage": False}
"""Whether a task is for queries, by the end of its name."""

WIDTH_NAMES = ("dimensions", "output_dimension", "output_dimensionality")


def read_embeddings(call: Call) -> Work:
    """Validates the request against the model's row.

    Raises:
        Refusal: 422 for an invalid field, 400 for a text longer than the model's context, 500 for a list of embedding
            types, as on the service.
    """
    fields = Fields.of(call.body)
    row = fields.model("embed", "multivector", "sparse")
    if "sparse" in row.products:
        return read_weights_of(fields, row, call.embedder())
    both = "return_multivector" in row.options
    whole = fields.boolean("return_multivector", default=False) if both else False
    if whole or "embed" not in row.products:
        return read_tokens_of(fields, row, call.embedder())
    if both and fields.boolean("return_tokenized_input", default=False):
        message = "return_tokenized_input needs return_multivector"
        fields.report("return_tokenized_input", message, "value_error", True)

    encode = read_encoding(fields)
    task = fields.choice("task", "task_type", among=row.tasks) if row.tasks else None
    width = fields.integer(*WIDTH_NAMES, low=1, high=row.dimensions) if row.sizes else None
    truncate = fields.boolean("truncate", "truncation", default=False)
    normalized = fields.boolean("normalized", default=True) if "normalized" in row.options else True
    late = "late_chunking" in row.options and fields.boolean("late_chunking", default=False)
    given = fields.required("input", "texts", "content")
    items = [] if given is None else read_items(fields, "input", given, row, most=MAX_ITEMS)
    if late and not all(isinstance(part, str) for item in items for part in item):
        fields.report("late_chunking", "late_chunking takes text inputs only", "value_error", late)
    fields.check()

    embedder = call.embedder()
    texts = ids_within(row, embedder, items, truncate=truncate, late=late)
    counts = usage(items, sum(len(ids) for ids in texts), row)
    head = {"model": answering(row, embedder, items), "object": "list", "usage": counts}

    def compute() -> list[Row]:
        embedded = vectors(
            embedder,
            items,
            texts,
            width or row.dimensions or 0,
            normalized=normalized,
            late=late,
            query=_QUERY.get((task or "").rpartition(".")[2]),
        )
        return [Row(index, vector) for index, vector in enumerate(embedded)]

    def write(rows: Sequence[Row]) -> bytes:
        data = (
            b'{"object":"embedding","index":%d,"embedding":%b}' % (each.index, encode(each.numbers))
            for each in rows
        )
        return b'%b,"data":[%b]}' % (json.dumps(head).encode()[:-1], b",".join(data))

    return Work(counts["total_tokens"], write, compute)


def ids_within(
    row: Model, embedder: Embedder, items: Sequence[Item], *, truncate: bool = False, late: bool = False
) -> list[Ids]:
    """Token ids of each text, within the model's context. In late chunking the context holds all texts together.

    Raises:
        Refusal: 400 for a text that is too long, unless ``truncate`` is set.
    """
    places = [index for index, item in enumerate(items) for part in item if isinstance(part, str)]
    texts = [embedder.ids(part) for item in items for part in item if isinstance(part, str)]
    lengths = [len(ids) for ids in texts]
    if late and sum(lengths) > row.context:
        raise _too_long("The chunks", sum(lengths), row)
    if truncate:
        return [ids[: row.context] for ids in texts]
    for place, length in zip(places, lengths, strict=True):
        if length > row.context:
            raise _too_long(f"Input at index {place}", length, row)
    return texts


def _too_long(what: str, tokens: int, row: Model) -> Refusal:
    message = (
        f"{what} has {tokens} tokens and exceeds the limit of {row.context} tokens of model {row.name}. "
    )
    message += "Set truncate to true to truncate it."
    return Refusal(400, message, code="INPUT_TOKEN_LIMIT_EXCEEDED", shape="nested")
