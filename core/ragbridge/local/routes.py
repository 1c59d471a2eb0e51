"""The paths that the engine answers, and the functions that read their requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ragbridge.local import dialects, jina
from ragbridge.local.calls import Call, Read, Route, Work
from ragbridge.local.jina.embeddings import read_embeddings
from ragbridge.local.jina.models import read_models
from ragbridge.local.jina.rerank import read_rerank

if TYPE_CHECKING:
    from ragbridge.flow import Response
    from ragbridge.local.refusals import Refusal

_PREFIX = "^(?:/(?!_)[^/]*)*?"
"""Prefix of the paths that stand for hosts: any base address, except names that Elasticsearch reserves (``_...``)."""
_ID = "(?P<id>[^/]+)"


def jina_routes(pages: Mapping[str, str]) -> list[Route]:
    """Jina's paths. Their state (classifiers, jobs) lives as long as the routes.

    The first route that matches answers, since the address of a page may end like another route.
    """
    web = _Late(lambda: jina.envelope.Pages(pages))
    if pages:
        web.begin()  # which refuses wrong ones
    reader = _Late(lambda: jina.reader.Reader(web.begin()))
    search = _Late(lambda: jina.search.Search(web.begin()))
    segment = _Late(lambda: jina.segment)
    multivectors = _Late(lambda: jina.multivectors)
    classifiers = _Late(lambda: jina.classifiers.Classifiers())  # noqa: PLW0108 - without it, the module is imported here
    batches = _Late(lambda: jina.batches.Batches())  # noqa: PLW0108 - as above
    bulk = _Late(lambda: jina.bulk.Bulk())  # noqa: PLW0108 - as above
    return [
        _host("GET", "/r(?:/(?P<target>(?!_).+))?", "reader", reader.reads("read")),
        _host("POST", "/r", "reader", reader.reads("read")),
        _host("GET", "/s(?:/(?P<query>(?!_).+))?", "search", search.reads("search")),
        _host("POST", "/s", "search", search.reads("search")),
        _host("GET", "/g/(?P<statement>(?!_).+)", "grounding", search.reads("ground")),
        _host("POST", "/g", "grounding", search.reads("ground")),
        Route("POST", "/v1/embeddings", "embeddings", read_embeddings),
        Route("POST", "/v1/multi-vector", "embeddings", multivectors.reads("read_multivectors")),
        Route("POST", "/v1/rerank", "rerank", read_rerank),
        Route("POST", "/v1/segment", "segment", segment.reads("read_segment")),
        Route("POST", "/v1/classify", "classify", classifiers.reads("classify")),
        Route("POST", "/v1/train", "train", classifiers.reads("train")),
        Route("GET", "/v1/classifiers", "train", classifiers.reads("list")),
        Route("POST", "/v1/classifiers", "train", classifiers.reads("list")),
        Route("DELETE", f"/v1/classifiers/{_ID}", "train", classifiers.reads("delete")),
        Route("POST", "/v1/batch/embeddings", "batch", batches.reads("submit")),
        Route("GET", "/v1/batches", "batch", batches.reads("list")),
        Route("GET", f"/v1/batch/{_ID}", "batch", batches.reads("status")),
        Route("DELETE", f"/v1/batch/{_ID}", "batch", batches.reads("cancel")),
        Route("GET", f"/v1/batch/{_ID}/output", "batch", batches.reads("output"), signed=True),
        Route("GET", f"/v1/batch/{_ID}/errors", "batch", batches.reads("errors"), signed=True),
        Route("POST", "/v1/bulk-embeddings", "bulk", bulk.reads("submit")),
        Route("GET", f"/v1/bulk-embeddings/{_ID}", "bulk", bulk.reads("status")),
        Route("POST", f"/v1/bulk-embeddings/{_ID}/download-result", "bulk", bulk.reads("download")),
        Route("GET", f"/v1/bulk-embeddings/{_ID}/result", "bulk", bulk.reads("result"), signed=True),
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
    return Route(method, _PREFIX + path, product, read, schemes=(), refuse=_refuse)


def _refuse(refusal: Refusal, request_id: str) -> Response:
    return jina.envelope.refuse(refusal, request_id)


class _Late:
    """A product: its module is imported, and its state begins, with its first request."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Any = None

    def begin(self) -> Any:
        """The product, made once for all threads."""
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = self._make()
        return self._made

    def reads(self, name: str) -> Read:
        """What reads the requests of a route: the product's method of this name."""

        def read(call: Call) -> Work:
            work: Work = getattr(self.begin(), name)(call)
            return work

        return read
