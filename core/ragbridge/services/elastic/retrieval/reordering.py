"""Retrievers that reorder or thin out the hits of another: plain objects for any client. No I/O.

Rules: Elasticsearch's ``PinnedRetrieverBuilder``, ``QueryRuleRetrieverBuilder``, ``RescorerRetrieverBuilder`` and
``DiversifyRetrieverBuilder``.
"""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, Filter, given
from ragbridge.services.elastic.retrieval.queries import MOST_CANDIDATES, query_vector_fields
from ragbridge.services.elastic.retrieval.windows import DEFAULT_WINDOW, base, check_windows, compound

if TYPE_CHECKING:
    from ragbridge.services.elastic.content import Content
    from ragbridge.services.elastic.retrieval.queries import QueryVector

MOST_PINNED = 100
"""Documents that can be pinned (``PinnedQueryBuilder.MAX_NUM_PINNED_HITS``)."""
_RESCORERS = ("query", "learning_to_rank", "script")


def pinned(
    retriever: Mapping[str, Any],
    *,
    ids: Sequence[str] | None = None,
    docs: Sequence[Mapping[str, str]] | None = None,
    rank_window_size: int | None = None,
    filter: Filter | None = None,
    min_score: float | None = None,
) -> Body:
    """Put chosen documents before the hits of another retriever (8.18, 9.0 and later).

    Args:
        retriever: Finds the hits that follow.
        ids: Ids of the documents, in their order; 100 at most.
        docs: Instead of ``ids``, ``{"index": ..., "id": ...}`` of each, where several indexes are searched.
        rank_window_size: How many hits the result has at most, at least the search's ``size``; 10 by default.
        filter: Queries that a hit of ``retriever`` must match.
        min_score: Lowest score of a hit.

    Raises:
        ConfigurationError: There is not exactly one of ``ids`` and ``docs``, or an argument is wrong.
    """
    if ids is not None and docs is not None:
        raise ConfigurationError(
            "Both 'ids' and 'docs' cannot be specified at the same time: pass one of them"
        )
    rows: Any = _listed("ids", ids) if docs is None else _listed("docs", docs)
    if not rows:
        raise ConfigurationError(
            "Either 'ids' or 'docs' must be provided and non-empty for pinned retriever: pass ids=[...]"
        )
    if len(rows) > MOST_PINNED:
        raise ConfigurationError(
            f"{len(rows)} documents cannot be pinned: Elasticsearch takes {MOST_PINNED} at most"
        )
    inner = given(
        retriever=check.query("retriever", retriever),
        ids=[check.text(f"ids[{index}]", one) for index, one in enumerate(rows)] if docs is None else None,
        docs=None if docs is None else [_document(index, one) for index, one in enumerate(rows)],
    )
    return compound("pinned", inner, rank_window_size, filter, min_score)


def rule(
    retriever: Mapping[str, Any],
    *,
    ruleset_ids: str | Sequence[str],
    match_criteria: Mapping[str, Any],
    rank_window_size: int | None = None,
    filter: Filter | None = None,
    min_score: float | None = None,
) -> Body:
    """Pin or leave out documents by query rules that are kept in Elasticsearch (8.16 and later).

    Args:
        retriever: Finds the hits.
        ruleset_ids: One or several sets of rules, in the order in which they are applied.
        match_criteria: What the rules are matched with, such as ``{"query_string": "puggles"}``.
        rank_window_size: How many hits the rules see, at least the search's ``size``; 10 by default.
        filter: Queries that a hit must match.
        min_score: Lowest score of a hit.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    names = [ruleset_ids] if isinstance(ruleset_ids, str) else _listed("ruleset_ids", ruleset_ids)
    if not names:
        raise ConfigurationError("ruleset_ids is empty: name a set of rules")
    inner = {
        "retriever": check.query("retriever", retriever),
        "ruleset_ids": [check.text(f"ruleset_ids[{index}]", name) for index, name in enumerate(names)],
        "match_criteria": check.entry("match_criteria", match_criteria),
    }
    return compound("rule", inner, rank_window_size, filter, min_score)


def rescorer(
    retriever: Mapping[str, Any],
    *,
    rescore: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    filter: Filter | None = None,
    min_score: float | None = None,
) -> Body:
    """Score the best hits of another retriever again (8.18, 9.0 and later).

    Args:
        retriever: Finds the hits.
        rescore: One rescorer or several, one after another, as a search takes them:
            ``{"window_size": 50, "query": {"rescore_query": {...}}}``, ``{"learning_to_rank": {...}}``. The window, 10 by
            default, is at least the search's ``size`` and at most an inner stage's ``rank_window_size``.
        filter: Queries that a hit must match.
        min_score: Lowest score of a hit.

    Raises:
        ConfigurationError: An argument is wrong, or a window does not fit.
    """
    rows = [rescore] if isinstance(rescore, Mapping) else _listed("rescore", rescore)
    if not rows:
        raise ConfigurationError(
            "rescore is empty: pass {'window_size': ..., 'query': {'rescore_query': ...}}"
        )
    checked = [_rescore(f"rescore[{index}]", one) for index, one in enumerate(rows)]
    inner = {
        "retriever": check.query("retriever", retriever),
        "rescore": checked if len(checked) > 1 else checked[0],
    }
    built = {"rescorer": {**inner, **base(filter, min_score)}}
    check_windows(built, size=1)
    return built


def diversify(
    retriever: Mapping[str, Any],
    *,
    field: str,
    lambda_: float,
    query_vector: QueryVector | None = None,
    query_text: str | None = None,
    query_input: Content | None = None,
    inference_id: str | None = None,
    size: int | None = None,
    rank_window_size: int | None = None,
    filter: Filter | None = None,
    min_score: float | None = None,
) -> Body:
    """Leave out hits that are like others, by maximal marginal relevance (9.3 and later).

    Args:
        retriever: Finds the hits. Those that stay keep their order.
        field: The vectors that hits are compared by: a ``dense_vector`` or semantic field.
        lambda_: From 0.0, as different as possible, to 1.0, as near to the query as possible.
        query_vector: The query's vector, of the field's width.
        query_text: Instead, a text that Elasticsearch embeds.
        query_input: Instead, a text, an ``Image`` and the like, for an endpoint of the type ``embedding``.
        inference_id: The endpoint that embeds ``query_text`` or ``query_input``.
        size: How many hits stay, at most ``rank_window_size``; 10 by default, or the window where that is smaller.
        rank_window_size: How many hits of ``retriever`` are compared, at least the search's ``size``; 10 by default.
        filter: Queries that a hit must match.
        min_score: Lowest score of a hit.

    Raises:
        ConfigurationError: An argument is wrong, or several say what the query is.
    """
    nearness = check.number("lambda_", lambda_, least=0)
    if nearness > 1:
        raise ConfigurationError(f"lambda_={lambda_!r} must be from 0.0 (different) to 1.0 (relevant)")
    query: Body = {}
    if (query_vector, query_text, query_input, inference_id) != (None, None, None, None):
        query = query_vector_fields(query_vector, query_text, query_input, inference_id)
    window = (
        DEFAULT_WINDOW
        if rank_window_size is None
        else check.whole("rank_window_size", rank_window_size, most=MOST_CANDIDATES)
    )
    if size is not None:
        size = check.whole("size", size)
        if size > window:
            raise ConfigurationError(
                f"[diversify] MMR result diversification [size] of {size} cannot be greater than the [rank_window_size] of "
                f"{window}: set rank_window_size={size} or more"
            )
    inner = given(
        type="mmr",
        field=check.text("field", field),
        retriever=check.query("retriever", retriever),
        **{"lambda": nearness},
        **query,
        size=size,
    )
    return compound("diversify", inner, rank_window_size, filter, min_score)


def _listed(name: str, value: object) -> Sequence[Any]:
    if value is None:
        return ()
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{name} is {type(value).__name__}: pass a list")
    return value


def _document(index: int, value: object) -> Body:
    row = check.entry(f"docs[{index}]", value)
    if not {"id"} <= row.keys() <= {"index", "id"}:
        raise ConfigurationError(f"docs[{index}] holds {sorted(row)}: pass {{'index': ..., 'id': ...}}")
    return {name: check.text(f"docs[{index}][{name!r}]", row[name]) for name in row}


def _rescore(name: str, value: object) -> Body:
    row = check.entry(name, value)
    kinds = [kind for kind in _RESCORERS if kind in row]
    unknown = sorted(row.keys() - {*_RESCORERS, "window_size"})
    if len(kinds) != 1 or unknown:
        raise ConfigurationError(
            f"{name} holds {sorted(row)}: pass 'window_size' and exactly one of {', '.join(map(repr, _RESCORERS))}"
        )
    if "window_size" in row:
        row["window_size"] = check.whole(f"{name}['window_size']", row["window_size"], most=MOST_CANDIDATES)
    row[kinds[0]] = check.entry(f"{name}[{kinds[0]!r}]", row[kinds[0]])
    return row
