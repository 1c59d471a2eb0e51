"""Retrievers that join the hits of several: plain objects for any client. No I/O.

Rules: Elasticsearch's ``RRFRetrieverBuilder`` and ``LinearRetrieverBuilder``. Both take retrievers, or one query over
several fields (9.1 and later), for which Elasticsearch makes the retrievers by itself.
"""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ragbridge.errors import ConfigurationError
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, Filter, given
from ragbridge.services.elastic.retrieval.windows import compound

Normalizer = Literal["minmax", "l2_norm", "none"]


def rrf(
    retrievers: Sequence[Mapping[str, Any]] | None = None,
    *,
    query: str | None = None,
    fields: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    rank_constant: int | None = None,
    rank_window_size: int | None = None,
    filter: Filter | None = None,
    min_score: float | None = None,
) -> Body:
    """Combine hits by their ranks (reciprocal rank fusion), which needs no comparable scores.

    Args:
        retrievers: Two or more, such as a full-text and a semantic one.
        query: Instead of ``retrievers``, a text that is searched for in ``fields`` (9.1 and later).
        fields: Names or patterns of text and semantic fields, with a weight after ``^`` where one counts more
            (``"title^2"``); None for those of the index's setting ``index.query.default_field``.
        weights: How much each of ``retrievers`` counts, 1 by default (9.2 and later).
        rank_constant: The larger, the less the first ranks stand out; 60 by default.
        rank_window_size: How many hits of each are combined, at least the search's ``size``; 10 by default.
        filter: Queries that every hit must match.
        min_score: Lowest combined score of a hit.

    Raises:
        ConfigurationError: There are fewer than two retrievers, retrievers as well as a query, or an argument is wrong.
    """
    if query is not None or fields is not None:
        inner = _over_fields("rrf", retrievers, query, fields, weights)
    else:
        rows = _several("rrf", retrievers)
        if weights is not None:
            pairs = zip(rows, _weights(weights, len(rows)), strict=True)
            rows = [{"retriever": one, "weight": weight} for one, weight in pairs]
        inner = dict[str, Any](retrievers=rows)
    if rank_constant is not None:
        inner["rank_constant"] = check.whole("rank_constant", rank_constant)
    return compound("rrf", inner, rank_window_size, filter, min_score)


def linear(
    retrievers: Sequence[Mapping[str, Any]] | None = None,
    *,
    query: str | None = None,
    fields: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    normalizer: Normalizer | Sequence[Normalizer] = "minmax",
    rank_window_size: int | None = None,
    filter: Filter | None = None,
    min_score: float | None = None,
) -> Body:
    """Combine hits by a weighted sum of their scores (8.18 and later).

    Args:
        retrievers: Two or more, such as a full-text and a semantic one.
        query: Instead of ``retrievers``, a text that is searched for in ``fields`` (9.1 and later).
        fields: Names or patterns of text and semantic fields, with a weight after ``^`` where one counts more
            (``"title^2"``); None for those of the index's setting ``index.query.default_field``.
        weights: How much each of ``retrievers`` counts, 1 by default.
        normalizer: Brings the scores of each to one scale before they are added: ``"minmax"``, ``"l2_norm"``, or
            ``"none"`` (Elasticsearch's default), which adds BM25's open-ended scores to cosines. One for all of them,
            or one each; with ``query``, one.
        rank_window_size: How many hits of each are combined, at least the search's ``size``; 10 by default.
        filter: Queries that every hit must match.
        min_score: Lowest combined score of a hit, 0 or more.

    Raises:
        ConfigurationError: There are fewer than two retrievers, retrievers as well as a query, or an argument is wrong.
    """
    if min_score is not None:
        min_score = check.number("min_score", min_score, least=0)
    if query is not None or fields is not None:
        inner = _over_fields("linear", retrievers, query, fields, weights)
        if not isinstance(normalizer, str):
            raise ConfigurationError(
                f"normalizer={normalizer!r}: with query= all fields have one, such as 'minmax'"
            )
        inner["normalizer"] = _normalizer(normalizer)
        return compound("linear", inner, rank_window_size, filter, min_score)
    several = _several("linear", retrievers)
    counts = _weights(weights, len(several)) if weights is not None else [1.0] * len(several)
    scales = [normalizer] * len(several) if isinstance(normalizer, str) else list(normalizer)
    if len(scales) != len(several):
        raise ConfigurationError(
            f"{len(scales)} normalizers for {len(several)} retrievers: pass one each, or one name"
        )
    rows = [
        {"retriever": one, "weight": weight, "normalizer": _normalizer(scale)}
        for one, weight, scale in zip(several, counts, scales, strict=True)
    ]
    return compound("linear", {"retrievers": rows}, rank_window_size, filter, min_score)


def _normalizer(scale: object) -> object:
    if scale not in {"minmax", "l2_norm", "none"}:
        raise ConfigurationError(f"normalizer={scale!r} must be 'minmax', 'l2_norm' or 'none'")
    return scale


def _over_fields(
    kind: str,
    retrievers: object,
    query: str | None,
    fields: Sequence[str] | None,
    weights: object,
) -> Body:
    """One query over several fields.

    Raises:
        ConfigurationError: There is no query, or something that goes with retrievers alone.
    """
    if query is None:
        raise ConfigurationError("fields= are searched for query=: pass query=, or retrievers instead")
    if retrievers is not None:
        raise ConfigurationError(f"{kind}() takes retrievers or query=, not both")
    if weights is not None:
        raise ConfigurationError(
            "weights= are those of retrievers: write a field's behind it, as in 'title^2'"
        )
    names = None
    if fields is not None:
        if isinstance(fields, (str, bytes)) or not isinstance(fields, Sequence) or not fields:
            raise ConfigurationError(
                f"fields={fields!r} must be a list of names, or None for the index's own"
            )
        names = [check.text(f"fields[{index}]", name) for index, name in enumerate(fields)]
    return given(query=check.text("query", query), fields=names)


def _several(kind: str, retrievers: Sequence[Mapping[str, Any]] | None) -> list[Body]:
    if retrievers is None:
        raise ConfigurationError(
            f"{kind}() joins nothing: pass two retrievers or more, or query= and fields="
        )
    if isinstance(retrievers, (str, bytes, Mapping)) or not isinstance(retrievers, Sequence):
        raise ConfigurationError(f"retrievers is one {type(retrievers).__name__}: pass a list")
    if len(retrievers) < 2:
        raise ConfigurationError(
            f"{kind}() joins two retrievers or more, and retrievers has {len(retrievers)}: use one as it is"
        )
    return [check.query(f"retrievers[{index}]", one) for index, one in enumerate(retrievers)]


def _weights(weights: Sequence[float], count: int) -> list[float]:
    if len(weights) != count:
        raise ConfigurationError(f"{len(weights)} weights for {count} retrievers: pass one each")
    return [check.number(f"weights[{index}]", one, least=0) for index, one in enumerate(weights)]
