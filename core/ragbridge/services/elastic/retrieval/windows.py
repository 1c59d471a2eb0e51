"""Windows of retrievers over other retrievers: how many hits go from one stage to the next.

Rules and messages: Elasticsearch's ``CompoundRetrieverBuilder`` and ``RescorerRetrieverBuilder``.
"""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ragbridge.errors import ConfigurationError
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, Filter, given
from ragbridge.services.elastic.retrieval.queries import MOST_CANDIDATES

DEFAULT_WINDOW = 10
"""Default of ``rank_window_size`` (Elasticsearch's ``DEFAULT_RANK_WINDOW_SIZE``), of ``window_size`` and of ``size``."""
_WINDOWED = ("text_similarity_reranker", "rrf", "linear", "rule", "pinned", "diversify")
"""Retrievers over other retrievers that have a ``rank_window_size``."""


class _Stage(NamedTuple):
    """A retriever over others: its kind, its smallest and largest window, their setting, and the retrievers below."""

    kind: str
    least: int
    most: int
    setting: str
    stated: bool
    below: list[Mapping[str, Any]]


def check_windows(
    retriever: Mapping[str, Any], *, size: int = DEFAULT_WINDOW, name: str = "retriever"
) -> None:
    """Check as Elasticsearch does that no window is below the search's ``size`` or above that of an inner stage.

    Args:
        retriever: Built by the functions of this package, or by hand. Unknown kinds are not checked.
        size: The search's ``size``.
        name: The retriever's name in errors.

    Raises:
        ConfigurationError: A ``rank_window_size``, or a rescorer's ``window_size``, does not fit.
    """
    for stage in _stages(retriever):
        if stage.least < size:
            raise ConfigurationError(
                f"{name}: [{stage.kind}] has {stage.setting}={stage.least}{'' if stage.stated else ' by default'}, below "
                f"the search's size={size}: set {stage.setting}={size} or more"
            )
        for index, inner in enumerate(stage.below):
            where = f"{name}.{stage.kind}[{index}]"
            for lower in _stages(inner):
                if lower.least < stage.most:
                    raise ConfigurationError(
                        f"{where}: [{stage.kind}] requires [{stage.setting}: {stage.most}] to be smaller than or equal to "
                        f"its sub retriever's {lower.kind} [{lower.setting}: {lower.least}]: set that one to {stage.most} "
                        "or more"
                    )
            check_windows(inner, size=size, name=where)


def compound(
    kind: str, inner: Body, window: int | None, filter: Filter | None, min_score: float | None
) -> Body:
    """A retriever over others, with the fields that all of them have, its windows checked."""
    if window is not None:
        inner["rank_window_size"] = check.whole("rank_window_size", window, most=MOST_CANDIDATES)
    built = {kind: {**inner, **base(filter, min_score)}}
    check_windows(built, size=1)
    return built


def base(filter: Filter | None, min_score: float | None) -> Body:
    """The fields that every retriever has."""
    return given(
        filter=None if filter is None else check.filters("filter", filter),
        min_score=None if min_score is None else check.number("min_score", min_score),
    )


def _stages(retriever: Mapping[str, Any]) -> Iterator[_Stage]:
    for kind, body in retriever.items():
        if not isinstance(body, Mapping):
            continue
        if kind == "rescorer":
            yield from _rescorer(body)
        elif kind in _WINDOWED:
            window = body.get("rank_window_size", DEFAULT_WINDOW)
            if isinstance(window, int):
                stated = "rank_window_size" in body
                yield _Stage(kind, window, window, "rank_window_size", stated, _below(body))


def _rescorer(body: Mapping[str, Any]) -> Iterator[_Stage]:
    rescore = body.get("rescore")
    rows = [rescore] if isinstance(rescore, Mapping) else rescore
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows) or not rows:
        return
    windows = [row.get("window_size", DEFAULT_WINDOW) for row in rows]
    if all(isinstance(window, int) for window in windows):
        stated = all("window_size" in row for row in rows)
        yield _Stage("rescorer", min(windows), max(windows), "window_size", stated, _below(body))


def _below(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The inner retrievers, without weights."""
    rows = body.get("retrievers", [body.get("retriever")])
    inner = [row.get("retriever", row) for row in rows if isinstance(row, Mapping)]
    return [one for one in inner if isinstance(one, Mapping)]
