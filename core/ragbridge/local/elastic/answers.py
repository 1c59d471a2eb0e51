"""Answers from the embedded model: dense and sparse vectors, relevance. Media get stand-in vectors, as for Jina."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.local.elastic.errors import Failure
from ragbridge.local.items import Medium, media, vectors
from ragbridge.local.words import weights
from ragbridge.models import lookup
from ragbridge.rules.endpoints import E5_DIMS, MODEL_TASKS
from ragbridge.values.media import ASSUMED_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ragbridge.local.elastic.endpoints import Endpoint
    from ragbridge.local.elastic.inputs import Inference
    from ragbridge.local.items import Item
    from ragbridge.local.model import Embedder, Ids
    from ragbridge.models import Model

_QUERY = {"search": True, "ingest": False}
"""Whether an input type is for queries."""

NODE_CONTEXT = 512
"""Tokens that models on the cluster's nodes read. The rest is cut off, as Elasticsearch does."""

_SUFFIXES = {"float": "", "byte": "_bytes"}
"""Of the answer's key, by element type; ``_bits`` for all others."""


def answer(inference: Inference, embedder: Embedder) -> tuple[dict[str, Any], int]:
    """The answer's body, and the number of tokens used.

    Raises:
        Failure: 400, an input is longer than the model's context, and its service refuses such inputs.
    """
    match inference.endpoint.task_type:
        case "sparse_embedding":
            return _sparse(inference, embedder)
        case "rerank":
            return _ranking(inference, embedder)
        case _:
            return _dense(inference, embedder)


def _dense(inference: Inference, embedder: Embedder) -> tuple[dict[str, Any], int]:
    numbers, tokens = dense(inference, embedder)
    suffix = _SUFFIXES.get(element_type(inference.endpoint), "_bits")
    name = "embeddings" if inference.endpoint.task_type == "embedding" else "text_embedding"
    shown = numbers.astype(np.float64).round(8) if numbers.dtype.kind == "f" else numbers
    return {f"{name}{suffix}": [{"embedding": vector} for vector in shown.tolist()]}, tokens


def element_type(endpoint: Endpoint) -> str:
    """``float``, ``byte``, ``bit`` or ``binary``, which means the same: of an endpoint's dense vectors."""
    settings = endpoint.service_settings
    return str(settings.get("embedding_type", settings.get("element_type", "float")))


def dense(inference: Inference, embedder: Embedder) -> tuple[NDArray[Any], int]:
    """One row of numbers for each input: floats, or signed bytes of bytes or of eight bits; and the number of tokens used.

    Raises:
        Failure: 400, see ``answer``.
    """
    endpoint, items = inference.endpoint, inference.inputs
    settings, row = endpoint.service_settings, _row(endpoint)
    texts = [
        _cut(endpoint, index, embedder.ids(part))
        for index, item in enumerate(items)
        for part in item
        if isinstance(part, str)
    ]
    late = (
        bool(inference.settings.get("late_chunking")) and row is not None and "late_chunking" in row.options
    )
    embedded = vectors(
        embedder,
        items,
        texts,
        settings.get("dimensions", E5_DIMS),
        late=late and not media(items),
        query=_QUERY.get(inference.settings.get("input_type", "")),
    )
    kind = element_type(endpoint)
    numbers: NDArray[Any]
    if kind == "float":
        numbers = embedded
    elif kind == "byte":
        numbers = np.rint(embedded * 127).astype(np.int64)
    else:  # bit, binary: as Jina's "binary", most significant bit first
        numbers = np.packbits(embedded > 0, axis=1).astype(np.int64) - 128
    return numbers, sum(map(len, texts)) + _weight(media(items), row)


def _sparse(inference: Inference, embedder: Embedder) -> tuple[dict[str, Any], int]:
    """Words and their weights, which stand in for ELSER's; see ``ragbridge.local.words``."""
    rows = []
    tokens = 0
    for item in inference.inputs:
        text = str(item[0])
        length = len(embedder.ids(text))
        tokens += min(length, NODE_CONTEXT)
        rows.append(
            {"is_truncated": length > NODE_CONTEXT, "embedding": weights(text, embedder, NODE_CONTEXT)}
        )
    return {"sparse_embedding": rows}, tokens


def _ranking(inference: Inference, embedder: Embedder) -> tuple[dict[str, Any], int]:
    items: list[Item] = [(inference.query or "",), *inference.inputs]
    query, *documents = [[embedder.ids(part) for part in item if isinstance(part, str)] for item in items]
    if query and all(documents):
        scores = embedder.relevance(query[0], [document[0] for document in documents])
    else:  # media: the cosine with a stand-in
        texts = [part for item in (query, *documents) for part in item]
        embedded = vectors(embedder, items, texts, embedder.width)
        scores = (embedded[1:] @ embedded[0]).astype(np.float64)
    rows = []
    for index in np.argsort(-scores, kind="stable")[: inference.settings.get("top_n")].tolist():
        row: dict[str, Any] = {"index": index, "relevance_score": round(float(scores[index]), 8)}
        part = inference.inputs[index][0]
        if inference.settings.get("return_documents") and isinstance(part, str):
            row["text"] = part
        rows.append(row)
    tokens = sum(len(part) for item in (query, *documents) for part in item)
    return {"rerank": rows}, tokens + _weight(media(items), _row(inference.endpoint))


def _weight(given: Iterable[Medium], row: Model | None) -> int:
    """The number of tokens that media cost."""
    return sum(ASSUMED_TOKENS["image"] if row is None else medium.tokens(row) for medium in given)


def _row(endpoint: Endpoint) -> Model | None:
    return lookup(str(endpoint.service_settings["model_id"]))


def _cut(endpoint: Endpoint, index: int, ids: Ids) -> Ids:
    """The ids within the model's context. Jina's own API refuses longer inputs; the other services truncate them."""
    model, row = str(endpoint.service_settings["model_id"]), _row(endpoint)
    context = row.context if row is not None else NODE_CONTEXT if model in MODEL_TASKS else len(ids)
    if len(ids) > context and endpoint.service == "jinaai":
        raise Failure(
            400,
            "Received an input validation error response for request from inference entity id "
            f"[{endpoint.inference_id}] status [400]. Error message: [Input at index {index} has {len(ids)} tokens and "
            f"exceeds the limit of {context} tokens of model {model}]",
        )
    return ids[:context]
