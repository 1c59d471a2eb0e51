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
