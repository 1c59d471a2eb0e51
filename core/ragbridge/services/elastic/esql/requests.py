"""``POST /_query``: run an ES|QL query, read its columns and rows."""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.client import sizes
from ragbridge.client.wire import count_of
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.flow import Flow, Plan, Response, single
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, Filter, given
from ragbridge.services.elastic.encoding import encode
from ragbridge.services.elastic.esql.query import Esql, merged
from ragbridge.services.elastic.wire import decode
from ragbridge.values.esql import EsqlColumn, EsqlResult

if TYPE_CHECKING:
    from ragbridge.services.elastic.session import ElasticChannel

log = logging.getLogger("ragbridge")

PRODUCT = "esql"


def run(channel: ElasticChannel, body: Body, *, timeout: float | None) -> Plan[EsqlResult]:
    """Run a query with one request."""
    data = encode(body, name="the query")

    def flow() -> Flow[EsqlResult]:
        return channel.send(
            "POST", "/_query", product=PRODUCT, read=_read, body=data, timeout=timeout, most=sizes.PAGE
        )

    return single(flow())


def query_body(
    query: Esql | str,
    params: Mapping[str, Any] | Sequence[Any] | None = None,
    *,
    filter: Filter | None = None,
) -> Body:
    """The body of the request.

    Raises:
        ConfigurationError: The query is empty, or its parameters are neither named nor a list.
    """
    if not isinstance(query, (Esql, str)):
        raise ConfigurationError(
            f"query is {type(query).__name__}: pass Esql(...), or a text and its params="
        )
    if isinstance(query, Esql):
        if params is not None and not isinstance(params, Mapping):
            raise ConfigurationError(
                "params= of an Esql, whose parameters have names, is an object of named values"
            )
        sent: Any = _named(merged(query.params, params or {}))
        text = query.text
    else:
        text = check.text("query", query)
        if isinstance(params, (str, bytes)) or not isinstance(params, (Mapping, Sequence, type(None))):
            raise ConfigurationError("params= is an object of named values (?name), or a list of values (?)")
        sent = _named(params) if isinstance(params, Mapping) else list(params or [])
    return given(
        query=text,
        params=sent or None,
        filter=None if filter is None else _filter(check.filters("filter", filter)),
    )


def _named(params: Mapping[str, Any]) -> list[Body]:
    """One object for each: Elasticsearch takes a list of them."""
    return [{check.text("params", name): value} for name, value in params.items()]


def _filter(filters: Body | list[Body]) -> Body:
    return {"bool": {"filter": filters}} if isinstance(filters, list) else filters


def _read(response: Response) -> EsqlResult:
    """The columns and rows in an answer.

    Raises:
        ResponseError: A column has no name or type, or a row is not as wide as there are columns.
    """
    body = decode(response)
    columns, values = body.get("columns"), body.get("values")
    if not isinstance(columns, list) or not isinstance(values, list):
        raise ResponseError("the answer has no lists of 'columns' and 'values'")
    read = tuple(_column(row) for row in columns)
    for place, row in enumerate(values):
        if not isinstance(row, list) or len(row) != len(read):
            raise ResponseError(f"row {place} has not one value for each of the {len(read)} columns")
    partial = body.get("is_partial") is True
    if partial:
        log.warning("rows may be missing: Elasticsearch says that the result is partial")
    return EsqlResult(
        columns=read,
        rows=tuple(map(tuple, values)),
        took=count_of(body.get("took")) or 0,
        partial=partial,
        raw=body,
    )


def _column(row: object) -> EsqlColumn:
    name, kind = (row.get("name"), row.get("type")) if isinstance(row, dict) else (None, None)
    if not isinstance(name, str) or not isinstance(kind, str):
        raise ResponseError("a column of the answer has no name or type")
    return EsqlColumn(name, kind)
