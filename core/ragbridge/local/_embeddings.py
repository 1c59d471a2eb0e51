"""``POST /v1/embeddings``. Sources of the fields and shapes: Jina's API description of 2026-09-09."""

from __future__ import annotations

import json
from binascii import b2a_base64
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.local._refusals import Refusal
from ragbridge.local._rows import Job, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ragbridge.local._fields import Fields
    from ragbridge.local._model import Ids, StaticEmbedder
    from ragbridge.models import Model


def read_embeddings(fields: Fields, row: Model, embedder: StaticEmbedder) -> Job:
    """Check the request against the model's row of the table.

    Raises:
        Refusal: 422 for a wrong field, 400 for a text beyond the model's context, 500 for a list of embedding types
            (as the service does).
    """
    encoding_asked = fields.get("embedding_type", "encoding_format", "encoding_type", "embedding_types")
    if isinstance(encoding_asked, list):
        raise Refusal(500, "An unexpected error occurred", code="INTERNAL_ERROR", shape="nested")
    encoding = fields.choice(
        "embedding_type", "encoding_format", "encoding_type", "embedding_types", among=tuple(_ENCODERS)
    )
    if row.tasks:
        fields.choice("task", "task_type", among=row.tasks)
    width = None
    if row.sizes:
        names = ("dimensions", "output_dimension", "output_dimensionality")
        width = fields.integer(*names, low=1, high=row.dimensions)
    truncate = fields.boolean("truncate", "truncation", default=False)
    normalized = fields.boolean("normalized", default=True) if "normalized" in row.options else True
    late = "late_chunking" in row.options and fields.boolean("late_chunking", default=False)

    given = fields.required("input", "texts", "content")
    single = isinstance(given, str | dict)
    texts = (
        [fields.text("input", given)] if single else fields.texts("input", given) if given is not None else []
    )
    fields.check()

    ids = _within(row, [embedder.ids(text) for text in texts], truncate=truncate, late=late)
    tokens = sum(len(text) for text in ids)
    width = width or row.dimensions or embedder.width
    return Job(
        tokens,
        partial(_compute, embedder, ids, width, normalized=normalized, late=late),
        partial(_write, f"{row.name} (embedded: {embedder.name})", tokens, _ENCODERS[encoding or "float"]),
    )


def _within(row: Model, texts: list[Ids], *, truncate: bool, late: bool) -> list[Ids]:
    """The texts, each within the model's context; late chunking needs all of them within it together."""
    lengths = [len(ids) for ids in texts]
    if late and sum(lengths) > row.context:
        raise _too_long("The chunks", sum(lengths), row)
    if max(lengths) <= row.context:
        return texts
    if truncate:
        return [ids[: row.context] for ids in texts]
    index = next(index for index, length in enumerate(lengths) if length > row.context)
    raise _too_long(f"Input at index {index}", lengths[index], row)


def _too_long(what: str, tokens: int, row: Model) -> Refusal:
    message = (
        f"{what} has {tokens} tokens and exceeds the limit of {row.context} tokens of model {row.name}. "
    )
    message += "Set truncate to true to cut it."
    return Refusal(400, message, code="INPUT_TOKEN_LIMIT_EXCEEDED", shape="nested")


def _compute(
    embedder: StaticEmbedder, ids: list[Ids], width: int, *, normalized: bool, late: bool
) -> list[Row]:
    vectors = embedder.embed(ids, width, normalized=normalized, late=late)
    return [Row(index, vector) for index, vector in enumerate(vectors)]


def _write(model: str, tokens: int, encode: Callable[[Any], bytes], rows: Sequence[Row]) -> bytes:
    head = {"model": model, "object": "list", "usage": {"total_tokens": tokens, "prompt_tokens": tokens}}
    items = (
        b'{"object":"embedding","index":%d,"embedding":%b}' % (row.index, encode(row.numbers)) for row in rows
    )
    return b'%b,"data":[%b]}' % (json.dumps(head).encode()[:-1], b",".join(items))


def _float(vector: Any) -> bytes:
    return json.dumps(vector.astype(np.float64).round(8).tolist()).encode()


def _base64(vector: Any) -> bytes:
    return b'"%b"' % b2a_base64(vector.astype("<f4", copy=False).tobytes(), newline=False)


def _ubinary(vector: Any) -> bytes:
    return json.dumps(np.packbits(vector > 0).tolist()).encode()


def _binary(vector: Any) -> bytes:
    """``ubinary`` minus 128, most significant bit first: measured on the hosted service."""
    return json.dumps((np.packbits(vector > 0).astype(np.int16) - 128).tolist()).encode()


_ENCODERS: Mapping[str, Callable[[Any], bytes]] = {
    "float": _float,
    "base64": _base64,
    "binary": _binary,
    "ubinary": _ubinary,
}
