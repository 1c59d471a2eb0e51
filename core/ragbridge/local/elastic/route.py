"""Elasticsearch's paths among those of the engine: one route, since its API answers them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragbridge.local.calls import Call, Route, Work
from ragbridge.local.elastic.errors import server_error
from ragbridge.local.elastic.http import content_type
from ragbridge.local.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragbridge.local.elastic.api import InferenceApi


def elastic_route(api: InferenceApi, headers: Mapping[str, str], query: Mapping[str, str]) -> Route:
    """The route of Elasticsearch's paths. ``api`` answers them, errors included, in Elasticsearch's shapes.

    Args:
        api: Elasticsearch's part of the engine.
        headers: Those of the request, names in lower case: they say in which form it is answered.
        query: The parameters of its address, which may say so too.
    """
    form = content_type(headers, query)

    def read(call: Call) -> Work:
        charges: list[int] = []

        def charge(tokens: int) -> None:
            call.charge(tokens)
            charges.append(tokens)

        response, tokens = api.handle(
            call.method, call.path, call.arguments, call.headers, call.body, charge=charge
        )
        return Work(
            tokens,
            lambda _: bytes(response.body),
            status=response.status,
            headers=response.headers,
            charged=bool(charges),
        )

    return Route(
        "",
        "",
        "inference",
        read,
        schemes=("apikey", "basic", "bearer"),
        refuse=lambda refusal, _: api.refuse(refusal.status, refusal.message, refusal.headers, form=form),
        upstream=_upstream,
    )


def _upstream(call: Call, status: int) -> Refusal:
    """The refusal for a service that failed behind Elasticsearch. Searches and writes report its status as it is."""
    if "/_inference/" not in call.path:
        return Refusal(status, "Fault drawn by the embedded engine")
    return Refusal(400, server_error(call.path.rpartition("/")[2], status))
