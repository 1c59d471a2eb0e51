"""Searches: the entry points that the routes call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.search.errors import not_offered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragbridge.local.search.documents import Document
    from ragbridge.local.search.indices import Index, Indices
    from ragbridge.local.search.inference import Inference


def search(
    indices: Indices,
    expression: str,
    body: Mapping[str, Any],
    parameters: Mapping[str, str],
    inference: Inference,
) -> dict[str, Any]:
    """The answer to ``_search`` on the indexes that ``expression`` means ("" for all)."""
    raise not_offered("_search")


def count(
    indices: Indices,
    expression: str,
    body: Mapping[str, Any],
    parameters: Mapping[str, str],
    inference: Inference,
) -> dict[str, Any]:
    """The answer to ``_count``."""
    raise not_offered("_count")


def matching(index: Index, query: Mapping[str, Any] | None, inference: Inference) -> list[Document]:
    """The documents of an index that match a query (None: all), in the index's order."""
    raise not_offered("queries")
