"""The method that runs ES|QL."""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.flow import Plan
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Filter
from ragbridge.services.elastic.esql import requests
from ragbridge.services.elastic.esql.query import Esql
from ragbridge.services.elastic.session import ElasticMethods
from ragbridge.values.esql import EsqlResult


class EsqlMethods(ElasticMethods):
    """Elasticsearch's query language. The functions of ``ragbridge.elastic`` write the parts that run models."""

    def _esql(
        self,
        query: Esql | str,
        params: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        filter: Filter | None = None,
        timeout: float | None = None,
    ) -> Plan[EsqlResult]:
        """Run an ES|QL query.

        Args:
            query: ``Esql(...)``, joined of parts with ``|``; or a text. Never write a user's words into it: pass them as
                ``params``.
            params: The values of the query's parameters: by their names (``?name``), or a list (``?``, ``?1``). Those of an
                ``Esql`` go along by themselves.
            filter: Queries that documents must match before they come into the query.
            timeout: Seconds to wait for the answer, where models or large data need longer than the client's own.

        Returns:
            ``EsqlResult``: columns and rows, which iterates over rows as objects.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            InvalidRequestError: Elasticsearch refuses the query; or the embedded engine, which runs none (501).
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        body = requests.query_body(query, params, filter=filter)
        if timeout is not None:
            timeout = check.seconds("timeout", timeout)
        return requests.run(self._channel, body, timeout=timeout)

    esql = Blocking(_esql)
    aesql = Awaitable(_esql)
