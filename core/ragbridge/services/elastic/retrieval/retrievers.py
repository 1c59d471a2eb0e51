"""Retrievers, which find and reorder hits in stages: plain objects for any client. No I/O.

``search(retriever=...)`` runs them. ``check_windows`` checks beforehand what Elasticsearch would refuse.
Rules and messages: Elasticsearch's ``CompoundRetrieverBuilder``, ``TextSimilarityRankRetrieverBuilder``,
``RRFRetrieverBuilder`` and ``LinearRetrieverBuilder``.
"""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ragbridge.errors import ConfigurationError
from ragbridge.rules.chunking import checked
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, Filter, given
from ragbridge.services.elastic.retrieval.queries import CANDIDATES_PER_K, MOST_CANDIDATES, knn_fields

if TYPE_CHECKING:
    from ragbridge.rules.chunking import ChunkingSettings
    from ragbridge.services.elastic.retrieval.queries import QueryVector

Normalizer = Literal["minmax", "l2_norm", "none"]

DEFAULT_WINDOW = 10
"""Default of ``rank_window_size`` (Elasticsearch's ``DEFAULT_RANK_WINDOW_SIZE``) and of ``size``."""
_WINDOWED = ("text_similarity_reranker", "rrf", "linear", "rule", "pinned", "diversify")
"""Retrievers over other retrievers that have a ``rank_window_size``."""


def standard(
    query: Mapping[str, Any],
    *,
    filter: Filter | None = None,
    min_score: float | None = None,
) -> Body:
    """Any query as a retriever.

    Args:
        query: Such as ``semantic_query`` or ``match_query`` build it.
        filter: Queries that a hit must match. They do not affect scores.
        min_score: Lowest score of a hit, by this query's own scores.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    return {"standard": {"query": check.query("query", query), **_base(filter, min_score)}}


def knn_retriever(
    field: str,
    *,
    k: int,
    query_vector: QueryVector | None = None,
    query_text: str | None = None,
    inference_id: str | None = None,
    num_candidates: int | None = None,
    similarity: float | None = None,
    filter: Filter | None = None,
) -> Body:
    """Nearest neighbours as a retriever; the arguments are those of ``knn_query``.

    ``num_candidates`` is always sent, since Elasticsearch 8 requires it. By default it is one and a half times ``k``,
    as in Elasticsearch's ``knn`` query.

    Raises:
        ConfigurationError: An argument is wrong, or there is not exactly one of ``query_vector`` and
            ``query_text``.
    """
    k = check.whole("k", k, most=MOST_CANDIDATES)
    if num_candidates is None:
        num_candidates = min(MOST_CANDIDATES, round(CANDIDATES_PER_K * k))
    return {
        "knn": knn_fields(
            field,
            query_vector=query_vector,
            query_text=query_text,
            inference_id=inference_id,
            k=k,
            num_candidates=num_candidates,
            similarity=similarity,
            filter=filter,
        )
    }


def text_similarity_reranker(
    retriever: Mapping[str, Any],
    *,
    field: str,
    inference_text: str,
    inference_id: str | None = None,
    rank_window_size: int | None = None,
    min_score: float | None = None,
    filter: Filter | None = None,
    chunk_rescorer: Mapping[str, Any] | None = None,
) -> Body:
    """Rerank the best hits of another retriever with a rerank endpoint.

    Scores are transformed, since the reranker's own may be negative. ``original_score`` restores them.

    Args:
        retriever: Finds the hits to rerank, such as ``standard(semantic_query(...))``.
        field: The field whose text the reranker reads.
        inference_text: The query text.
        inference_id: The rerank endpoint; ``.rerank-v1-elasticsearch`` by default.
        rank_window_size: How many of the best hits are reranked, at least the search's ``size``; 10 by default. A
            ``top_n`` in the endpoint's task settings must not be smaller: Elastic's guide that combines ``top_n`` 10
            with a window of 100 is refused.
        min_score: Lowest score by the reranker's own measure, before the transformation. Fewer hits than ``size`` may
            remain.
        filter: Queries that a hit must match, before reranking.
        chunk_rescorer: Rerank by a hit's best chunks instead of its whole text, since 9.2: an object with ``size``
            (chunks per hit, 1 by default) and ``chunking_settings`` (any strategy but ``none``). It multiplies the
            number of texts that are reranked, and a ``top_n`` must not be smaller than that number.

    Raises:
        ConfigurationError: An argument is wrong, or the window is larger than an inner one.
    """
    inner = given(
        retriever=check.query("retriever", retriever),
        field=check.text("field", field),
        inference_text=check.text("inference_text", inference_text),
        inference_id=None if inference_id is None else check.text("inference_id", inference_id),
        chunk_rescorer=None if chunk_rescorer is None else _chunk_rescorer(chunk_rescorer),
    )
    return _compound("text_similarity_reranker", inner, rank_window_size, filter, min_score)


def rrf(
    retrievers: Sequence[Mapping[str, Any]],
    *,
    weights: Sequence[float] | None = None,
    rank_constant: int | None = None,
    rank_window_size: int | None = None,
    filter: Filter | None = None,
    min_score: float | None = None,
) -> Body:
    """Combine hits by their ranks (reciprocal rank fusion), which needs no comparable scores.

    Args:
        retrievers: Two or more, such as a full-text and a semantic one.
        weights: How much each of them counts, 1 by default (9.2 and later).
        rank_constant: The larger, the less the first ranks stand out; 60 by default.
        rank_window_size: How many hits of each are combined, at least the search's ``size``; 10 by default.
        filter: Queries that every hit must match.
        min_score: Lowest combined score of a hit.

    Raises:
        ConfigurationError: There are fewer than two retrievers, or an argument is wrong.
    """
    inner = _several("rrf", retrievers)
    if weights is not None:
        pairs = zip(inner, _weights(weights, len(inner)), strict=True)
        inner = [{"retriever": one, "weight": weight} for one, weight in pairs]
    fields = given(
        retrievers=inner,
        rank_constant=None if rank_constant is None else check.whole("rank_constant", rank_constant),
    )
    return _compound("rrf", fields, rank_window_size, filter, min_score)


def linear(
    retrievers: Sequence[Mapping[str, Any]],
    *,
    weights: Sequence[float] | None = None,
    normalizer: Normalizer | Sequence[Normalizer] = "minmax",
    rank_window_size: int | None = None,
    filter: Filter | None = None,
    min_score: float | None = None,
) -> Body:
    """Combine hits by a weighted sum of their scores (8.18 and later).

    Args:
        retrievers: Two or more, such as a full-text and a semantic one.
        weights: How much each of them counts, 1 by default.
        normalizer: Brings the scores of each to one scale before they are added: ``"minmax"``, ``"l2_norm"``, or
            ``"none"`` (Elasticsearch's default), which adds BM25's open-ended scores to cosines. One for all of them,
            or one each.
        rank_window_size: How many hits of each are combined, at least the search's ``size``; 10 by default.
        filter: Queries that every hit must match.
        min_score: Lowest combined score of a hit, 0 or more.

    Raises:
        ConfigurationError: There are fewer than two retrievers, or an argument is wrong.
    """
    inner = _several("linear", retrievers)
    counts = _weights(weights, len(inner)) if weights is not None else [1.0] * len(inner)
    scales = [normalizer] * len(inner) if isinstance(normalizer, str) else list(normalizer)
    if len(scales) != len(inner):
        raise ConfigurationError(
            f"{len(scales)} normalizers for {len(inner)} retrievers: pass one each, or one name"
        )
    for scale in scales:
        if scale not in {"minmax", "l2_norm", "none"}:
            raise ConfigurationError(f"normalizer={scale!r} must be 'minmax', 'l2_norm' or 'none'")
    rows = [
        {"retriever": one, "weight": weight, "normalizer": scale}
        for one, weight, scale in zip(inner, counts, scales, strict=True)
    ]
    if min_score is not None:
        min_score = check.number("min_score", min_score, least=0)
    return _compound("linear", {"retrievers": rows}, rank_window_size, filter, min_score)


def original_score(score: float) -> float:
    """The reranker's own score, from a hit of ``text_similarity_reranker``.

    Elasticsearch makes scores positive by ``max(s, 0) + min(exp(s), 1)``: scores of 0 and above become 1 and above,
    negative ones less than 1. Precision is that of a 32-bit float: scores far below -80 have become 0, for which minus
    infinity is returned.

    Args:
        score: A hit's score, if no later stage has changed it.

    Raises:
        ConfigurationError: ``score`` is negative, so it is not from a ``text_similarity_reranker``.
    """
    score = check.number("score", score, least=0)
    if score >= 1:
        return score - 1
    return math.log(score) if score > 0 else -math.inf


def check_windows(
    retriever: Mapping[str, Any], *, size: int = DEFAULT_WINDOW, name: str = "retriever"
) -> None:
    """Check as Elasticsearch does that no window is below the search's ``size`` or above that of an inner stage.

    Args:
        retriever: Built by the functions of this module, or by hand. Unknown kinds are not checked.
        size: The search's ``size``.
        name: The retriever's name in errors.

    Raises:
        ConfigurationError: A ``rank_window_size`` does not fit.
    """
    for kind, window, stated, below in _windows(retriever):
        if window < size:
            raise ConfigurationError(
                f"{name}: [{kind}] has rank_window_size={window}{'' if stated else ' by default'}, below the search's "
                f"size={size}: set rank_window_size={size} or more"
            )
        for index, inner in enumerate(below):
            where = f"{name}.{kind}[{index}]"
            for lower, its_window, _, _ in _windows(inner):
                if its_window < window:
                    raise ConfigurationError(
                        f"{where}: [{kind}] requires [rank_window_size: {window}] to be smaller than or equal to its "
                        f"sub retriever's {lower} [rank_window_size: {its_window}]: set that one to {window} or more"
                    )
            check_windows(inner, size=size, name=where)


def _windows(
    retriever: Mapping[str, Any],
) -> Iterator[tuple[str, int, bool, list[Mapping[str, Any]]]]:
    """Of a retriever over others: kind, window, whether the window is stated, and the inner retrievers without weights."""
    for kind, body in retriever.items():
        if kind not in _WINDOWED or not isinstance(body, Mapping):
            continue
        window = body.get("rank_window_size", DEFAULT_WINDOW)
        rows = body.get("retrievers", [body.get("retriever")])
        inner = [row.get("retriever", row) for row in rows if isinstance(row, Mapping)]
        if isinstance(window, int):
            below = [one for one in inner if isinstance(one, Mapping)]
            yield kind, window, "rank_window_size" in body, below


def _compound(
    kind: str, inner: Body, window: int | None, filter: Filter | None, min_score: float | None
) -> Body:
    if window is not None:
        inner["rank_window_size"] = check.whole("rank_window_size", window, most=MOST_CANDIDATES)
    built = {kind: {**inner, **_base(filter, min_score)}}
    check_windows(built, size=1)
    return built


def _base(filter: Filter | None, min_score: float | None) -> Body:
    """The fields that every retriever has."""
    return given(
        filter=None if filter is None else check.filters("filter", filter),
        min_score=None if min_score is None else check.number("min_score", min_score),
    )


def _several(kind: str, retrievers: Sequence[Mapping[str, Any]]) -> list[Body]:
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


def _chunk_rescorer(value: Mapping[str, Any]) -> Body:
    rescorer = dict(value)
    unknown = sorted(set(rescorer) - {"size", "chunking_settings"})
    if unknown:
        raise ConfigurationError(f"chunk_rescorer has {unknown}: it takes 'size' and 'chunking_settings'")
    if "size" in rescorer:
        rescorer["size"] = check.whole("chunk_rescorer['size']", rescorer["size"])
    if rescorer.get("chunking_settings") is not None:
        rescorer["chunking_settings"] = _rescored(rescorer["chunking_settings"])
    return rescorer


def _rescored(settings: ChunkingSettings) -> Body:
    """Chunking settings of a rescorer. A size alone means sentences without overlap."""
    name = "chunk_rescorer['chunking_settings']"
    if isinstance(settings, Mapping) and set(settings) == {"max_chunk_size"}:
        size = settings["max_chunk_size"]
        checked({"strategy": "sentence", "max_chunk_size": size, "sentence_overlap": 0}, name=name)
        return dict(settings)
    fields = checked(settings, name=name)
    if str(fields["strategy"]).lower() == "none":
        raise ConfigurationError(
            f"{name} has the strategy 'none', which makes no chunks: leave chunk_rescorer out, or choose 'sentence', "
            "'word' or 'recursive'"
        )
    return fields
