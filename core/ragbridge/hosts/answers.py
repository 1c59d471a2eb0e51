"""Answers that are not of the common shape, turned into it; and bodies that are not, made of the common one.

The common shape is Jina's: ``data`` with ``index`` and ``embedding``, ``results`` with ``index`` and ``relevance_score``. What
is wrong in an answer stays wrong, so that whoever reads the common shape says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def same(body: Any) -> Any:
    """What is of the common shape already."""
    return body


def cut_to_context(body: dict[str, Any]) -> dict[str, Any]:
    """A number of tokens in place of a switch, of vLLM: -1 stands for the model's context, absent is refused."""
    if body.pop("truncate", False):
        body["truncate_prompt_tokens"] = -1
    return body


def of_cohere(body: dict[str, Any]) -> dict[str, Any]:
    """Cohere's words for what is cut, and its list of encodings."""
    if "truncate" in body:
        body["truncate"] = "END" if body["truncate"] else "NONE"
    if "embedding_types" in body:
        body["embedding_types"] = [body["embedding_types"]]
    return body


def from_cohere(body: Any) -> Any:
    """Vectors by their place, in a list for each encoding."""
    found = body.get("embeddings") if isinstance(body, Mapping) else None
    rows = next(iter(found.values()), None) if isinstance(found, Mapping) else found
    if not isinstance(body, Mapping) or not isinstance(rows, list):
        return body
    return {
        **body,
        "data": [{"index": index, "embedding": row} for index, row in enumerate(rows)],
        "usage": {"total_tokens": _billed(body.get("meta"))},
    }


def _billed(meta: object) -> Any:
    units = meta.get("billed_units") if isinstance(meta, Mapping) else None
    return units.get("input_tokens") if isinstance(units, Mapping) else None


def of_sagemaker(body: dict[str, Any]) -> dict[str, Any]:
    """Items as objects under ``data``, options apart from them."""
    items = body.pop("data", ())  # none, where only the options are asked for
    data = [{"text": item} if isinstance(item, str) else item for item in items]
    return {"data": data, "parameters": body} if body else {"data": data}


def from_sagemaker(body: Any) -> Any:
    """Rows without an index are in the order of the items; some models answer in the common shape."""
    rows = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(rows, list):
        return body
    data = [{"index": index, **row} if isinstance(row, Mapping) else row for index, row in enumerate(rows)]
    return {**body, "data": data}


def of_sagemaker_ranking(body: dict[str, Any]) -> dict[str, Any]:
    """The whole request under ``data``, documents as objects."""
    documents = [{"text": item} if isinstance(item, str) else item for item in body.get("documents", ())]
    return {"data": {**body, "documents": documents}}


def from_sagemaker_ranking(body: Any) -> Any:
    """The ranking is the one item of ``data``."""
    rows = body.get("data") if isinstance(body, Mapping) else None
    return rows[0] if isinstance(rows, list) and len(rows) == 1 else body
