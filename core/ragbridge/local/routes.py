"""The paths that the engine answers, and the functions that read their requests."""

from __future__ import annotations

from collections.abc import Mapping

from ragbridge.local import dialects
from ragbridge.local.calls import Read, Route, Work
from ragbridge.local.jina import envelope
from ragbridge.local.jina.batches import Batches
from ragbridge.local.jina.bulk import Bulk
from ragbridge.local.jina.classifiers import Classifiers
from ragbridge.local.jina.embeddings import read_embeddings
from ragbridge.local.jina.models import read_models
from ragbridge.local.jina.multivectors import read_multivectors
from ragbridge.local.jina.reader import Reader
from ragbridge.local.jina.rerank import read_rerank
from ragbridge.local.jina.search import Search
from ragbridge.local.jina.segment import read_segment

_PREFIX = "^(?:/(?!_)[^/]*)*?"
"""Prefix of the paths that stand for hosts: any base address, except names that Elasticsearch reserves (``_...``)."""
_ID = "(?P<id>[^/]+)"


def jina_routes(pages: Mapping[str, str]) -> list[Route]:
    """Jina's paths. Their state (classifiers, jobs) lives as long as the routes.

    The first route that matches answers, since the address of a page may end like another route.
    """
    web = envelope.Pages(pages)
    reader, search = Reader(web), Search(web)
    classifiers, batches, bulk = Classifiers(), Batches(), Bulk()
    return [
        _host("GET", "/r(?:/(?P<target>(?!_).+))?", "reader", reader.read),
        _host("POST", "/r", "reader", reader.read),
        _host("GET", "/s(?:/(?P<query>(?!_).+))?", "search", search.search),
        _host("POST", "/s", "search", search.search),
        _host("GET", "/g/(?P<statement>(?!_).+)", "grounding", search.ground),
        _host("POST", "/g", "grounding", search.ground),
        Route("POST", "/v1/embeddings", "embeddings", read_embeddings),
        Route("POST", "/v1/multi-vector", "embeddings", read_multivectors),
        Route("POST", "/v1/rerank", "rerank", read_rerank),
        Route("POST", "/v1/segment", "segment", read_segment),
        Route("POST", "/v1/classify", "classify", classifiers.classify),
        Route("POST", "/v1/train", "train", classifiers.train),
        Route("GET", "/v1/classifiers", "train", classifiers.list),
        Route("POST", "/v1/classifiers", "train", classifiers.list),
        Route("DELETE", f"/v1/classifiers/{_ID}", "train", classifiers.delete),
        Route("POST", "/v1/batch/embeddings", "batch", batches.submit),
        Route("GET", "/v1/batches", "batch", batches.list),
        Route("GET", f"/v1/batch/{_ID}", "batch", batches.status),
        Route("DELETE", f"/v1/batch/{_ID}", "batch", batches.cancel),
        Route("GET", f"/v1/batch/{_ID}/output", "batch", batches.output, signed=True),
        Route("GET", f"/v1/batch/{_ID}/errors", "batch", batches.errors, signed=True),
        Route("POST", "/v1/bulk-embeddings", "bulk", bulk.submit),
        Route("GET", f"/v1/bulk-embeddings/{_ID}", "bulk", bulk.status),
        Route("POST", f"/v1/bulk-embeddings/{_ID}/download-result", "bulk", bulk.download),
        Route("GET", f"/v1/bulk-embeddings/{_ID}/result", "bulk", bulk.result, signed=True),
        Route("GET", "/v1/models(?:/(?P<model>.+))?", "", read_models),
        Route(
            "GET", _PREFIX + "/(?:health|live|ready)", "", lambda _: Work(0, lambda _: b'{"status": "ok"}')
        ),
        *dialects.routes(),
    ]


def _host(method: str, path: str, product: str, read: Read) -> Route:
    """A route of a product that has its own host and its own error shape, and reads keys with and without ``Bearer``.

    Source: ``src/dto/jina-embeddings-auth.ts`` of jina-ai/reader.
    """
    return Route(method, _PREFIX + path, product, read, schemes=(), refuse=envelope.refuse)
