"""Hits as an answer shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.search import fields
from ragbridge.local.search.highlighting import highlighted
from ragbridge.local.search.queries.base import Run
from ragbridge.local.search.ranking import Found, queries_of

if TYPE_CHECKING:
    from ragbridge.local.search.documents import Document
    from ragbridge.local.search.request import Request
    from ragbridge.local.search.retrievers.base import Key
    from ragbridge.local.search.view import View


def top_score(found: Found, request: Request) -> float | None:
    """``max_score``: None without hits, and where hits are ordered by something else."""
    if not found.scored or not found.hits or request.shown == 0:
        return None
    return max(score for _, score in found.hits)


def shown_hit(run: Run, request: Request, hit: tuple[Key, float], *, scored: bool) -> dict[str, Any]:
    """One hit."""
    (number, row), score = hit
    view = run.views[number]
    document = view.documents[row]
    shown: dict[str, Any] = {"_index": view.name, "_id": document.id}
    if request.version:
        shown["_version"] = document.version
    if request.seq_no:
        shown["_seq_no"], shown["_primary_term"] = document.seq_no, 1
    shown["_score"] = score if scored else None
    if document.ignored:
        shown["_ignored"] = sorted(document.ignored)
    source = request.source.of(view, document, embeddings=request.embeddings)
    if source is not None:
        shown["_source"] = source
    parts = {
        "fields": _fields(view, document, request),
        "highlight": highlighted(run, view, document, request.highlights, list(queries_of(request)))
        if request.highlights
        else {},
        "sort": [sort.shown(run, hit) for sort in request.sorts],
        "matched_queries": [
            name for (index, name), mask in run.named.items() if index == view.name and mask[row]
        ],
    }
    return {**shown, **{name: part for name, part in parts.items() if part}}


def _fields(view: View, document: Document, request: Request) -> dict[str, Any]:
    values = fields.values(view, document, request.fields)
    value = None if request.collapse is None else fields.collapsed(document, request.collapse)
    if request.collapse is not None and value is not None:
        return {**values, request.collapse: [value]}
    return values
