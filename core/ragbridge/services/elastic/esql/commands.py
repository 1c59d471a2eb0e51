"""Commands and functions of ES|QL that run models or join what they found: parts of queries. No I/O.

Syntax: Elasticsearch's pages of ``FROM``, ``FORK``, ``FUSE``, ``RERANK``, ``KNN``, ``TEXT_EMBEDDING`` and ``EMBEDDING``, and
the grammar of its parser (August 2026). The official client's builder writes the same texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from ragbridge.errors import ConfigurationError
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.content import Content, data_uri, read_content
from ragbridge.services.elastic.esql.query import Esql, identifier, index_pattern, merged, value
from ragbridge.services.elastic.wire import duration
from ragbridge.values.inputs import Group

MOST_BRANCHES = 8
"""Branches of a ``FORK`` (Elasticsearch's page of the command)."""


def esql_from(*indexes: str, metadata: Sequence[str] = ("_id", "_index", "_score")) -> Esql:
    """``FROM``: where a query begins.

    Args:
        indexes: Names or patterns such as ``docs-*``.
        metadata: What is read of each document beside its fields. ``FUSE`` needs these three, ``RERANK`` the score.

    Raises:
        ConfigurationError: There is no name, or one is none.
    """
    if not indexes:
        raise ConfigurationError("esql_from() names no index")
    names = ", ".join(index_pattern(name, f"indexes[{index}]") for index, name in enumerate(indexes))
    columns = ", ".join(_names("metadata", metadata)) if metadata else ""
    return Esql(f"FROM {names}{f' METADATA {columns}' if columns else ''}")


def esql_fork(*branches: Esql) -> Esql:
    """``FORK``: several searches side by side, for ``esql_fuse`` to join (9.1 and later).

    Args:
        branches: From two to eight parts, such as ``Esql("WHERE MATCH(title, ?q) | SORT _score DESC | LIMIT 50", q=...)``.
            From 9.4 on each needs a ``LIMIT`` of its own.

    Raises:
        ConfigurationError: There are too few or too many, or one is no ``Esql``.
    """
    if not 2 <= len(branches) <= MOST_BRANCHES:
        raise ConfigurationError(f"esql_fork() takes from 2 to {MOST_BRANCHES} branches, not {len(branches)}")
    for index, branch in enumerate(branches):
        if not isinstance(branch, Esql):
            raise ConfigurationError(f"branches[{index}] is {type(branch).__name__}, not Esql")
    parts = " ".join(f"({branch})" for branch in branches)
    return Esql(f"FORK {parts}", **merged(*(branch.params for branch in branches)))


def esql_fuse(
    method: Literal["rrf", "linear"] = "rrf",
    *,
    score: str | None = None,
    group: str | None = None,
    keys: Sequence[str] | None = None,
    rank_constant: int | None = None,
    normalizer: Literal["none", "minmax"] | None = None,
    weights: Mapping[str, float] | None = None,
) -> Esql:
    """``FUSE``: joins the rows of the branches of a ``FORK`` and scores them anew (9.2, out of preview in 9.5).

    It sorts nothing: ``Esql("SORT _score DESC")`` follows.

    Args:
        method: ``"rrf"`` by ranks, or ``"linear"`` by a weighted sum of scores.
        score: The column of scores; ``_score`` by default.
        group: The column that says which branch a row is of; ``_fork`` by default.
        keys: The columns by which rows are one; ``_id`` and ``_index`` by default.
        rank_constant: For ``rrf``: the larger, the less the first ranks stand out; 60 by default.
        normalizer: For ``linear``: what brings the scores to one scale, ``"minmax"`` or ``"none"``, the default.
        weights: How much each branch counts, by the value of ``group``: ``{"fork1": 0.7, "fork2": 0.3}``.

    Raises:
        ConfigurationError: An argument is wrong, or is one of the other method.
    """
    if method not in {"rrf", "linear"}:
        raise ConfigurationError(f"method={method!r} must be 'rrf' or 'linear'")
    if rank_constant is not None and method != "rrf":
        raise ConfigurationError("rank_constant= is for method='rrf'")
    if normalizer is not None and method != "linear":
        raise ConfigurationError("normalizer= is for method='linear'")
    if normalizer not in {None, "none", "minmax"}:
        raise ConfigurationError(f"normalizer={normalizer!r} must be 'minmax' or 'none'")
    words = ["FUSE", method.upper()]
    words += [] if score is None else [f"SCORE BY {identifier(score, 'score')}"]
    words += [] if group is None else [f"GROUP BY {identifier(group, 'group')}"]
    words += [] if keys is None else [f"KEY BY {', '.join(_names('keys', keys))}"]
    options: dict[str, str] = {}
    if rank_constant is not None:
        options["rank_constant"] = str(check.whole("rank_constant", rank_constant))
    if weights is not None:
        options["weights"] = _weights(weights)
    if normalizer is not None:
        options["normalizer"] = f'"{normalizer}"'
    if options:
        words.append(f"WITH {_options(options)}")
    return Esql(" ".join(words))


def esql_rerank(
    query: str, *, on: str | Sequence[str], inference_id: str | None = None, column: str | None = None
) -> Esql:
    """``RERANK``: scores rows anew by a rerank endpoint (9.2 and later).

    Put a ``LIMIT`` before it: each row is a text that is sent. Elasticsearch takes 1,000 at most by default.

    Args:
        query: What is asked. It travels as a parameter.
        on: The field or fields whose text the reranker reads.
        inference_id: The rerank endpoint; Elasticsearch's own by default.
        column: Where scores are written; ``_score`` by default.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    asked = value("query", check.text("query", query))
    fields = ", ".join(_names("on", [on] if isinstance(on, str) else on))
    target = "" if column is None else f"{identifier(column, 'column')} = "
    text, params = f"RERANK {target}{asked} ON {fields}", dict(asked.params)
    if inference_id is not None:
        endpoint = _endpoint(inference_id)
        text += f" WITH {_options({'inference_id': str(endpoint)})}"
        params = merged(params, endpoint.params)
    return Esql(text, **params)


def esql_text_embedding(text: str, inference_id: str) -> Esql:
    """``TEXT_EMBEDDING``: the vector of a text, as an expression (9.3 and later); for ``esql_knn``.

    Args:
        text: What is embedded. It travels as a parameter.
        inference_id: The endpoint, of the type ``text_embedding``.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    asked, endpoint = value("text", check.text("text", text)), _endpoint(inference_id)
    return Esql(f"TEXT_EMBEDDING({asked}, {endpoint})", **merged(asked.params, endpoint.params))


def esql_embedding(content: Content, inference_id: str, *, timeout: float | None = None) -> Esql:
    """``EMBEDDING``: the vector of a text, an image and the like, as an expression (9.5); for ``esql_knn``.

    Args:
        content: What is embedded: a text, an ``Image``, ``Audio``, ``Video`` or ``Pdf``. It travels as a parameter; files
            are read now.
        inference_id: The endpoint, of the type ``embedding``.
        timeout: Seconds that Elasticsearch waits for the model.

    Raises:
        ConfigurationError: An argument is wrong, or a group, which ES|QL does not take.
    """
    item = read_content(content, "content")
    if isinstance(item, Group):
        raise ConfigurationError("content is a Group: ES|QL embeds one part; use knn_query(query_input=...)")
    options: dict[str, str] = {}
    if isinstance(item, str):
        asked = value("text", check.text("content", item))
    else:
        asked, options["type"] = value("media", data_uri(item)), f'"{item.KIND}"'
    if timeout is not None:
        options["timeout"] = f'"{duration(check.seconds("timeout", timeout))}"'
    endpoint = _endpoint(inference_id)
    more = f", {_options(options)}" if options else ""
    return Esql(f"EMBEDDING({asked}, {endpoint}{more})", **merged(asked.params, endpoint.params))


def esql_knn(field: str, vector: Esql, *, k: int | None = None, similarity: float | None = None) -> Esql:
    """``KNN``: nearest neighbours, as a condition (9.2 and later): ``Esql(f"WHERE {near} | ...", **near.params)``.

    Args:
        field: A ``dense_vector`` or ``semantic_text`` field.
        vector: An expression, such as ``esql_text_embedding(...)``.
        k: How many neighbours each shard finds.
        similarity: Lowest similarity of a neighbour, in the field's own measure.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    if not isinstance(vector, Esql):
        raise ConfigurationError(
            f"vector is {type(vector).__name__}: pass an expression, such as esql_text_embedding(...)"
        )
    options = {}
    if k is not None:
        options["k"] = str(check.whole("k", k))
    if similarity is not None:
        options["similarity"] = repr(check.number("similarity", similarity))
    more = f", {_options(options)}" if options else ""
    return Esql(f"KNN({identifier(field, 'field')}, {vector}{more})", **vector.params)


def _endpoint(inference_id: str) -> Esql:
    return value("endpoint", check.text("inference_id", inference_id))


def _names(where: str, names: Sequence[str]) -> list[str]:
    if isinstance(names, (str, bytes)) or not isinstance(names, Sequence) or not names:
        raise ConfigurationError(f"{where}={names!r} must be a list of names")
    return [identifier(name, f"{where}[{index}]") for index, name in enumerate(names)]


def _options(options: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {text}' for name, text in options.items()) + "}"


def _weights(weights: Mapping[str, float]) -> str:
    fields = check.entry("weights", weights)
    counts: dict[str, str] = {}
    for name, weight in fields.items():
        if not name.isidentifier():
            raise ConfigurationError(f"weights[{name!r}]: a branch is named fork1, fork2, ...")
        counts[name] = repr(check.number(f"weights[{name!r}]", weight, least=0))
    return _options(counts)
