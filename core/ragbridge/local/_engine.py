"""Answers requests: routes, keys, faults, quota, and then the product."""

from __future__ import annotations

import hmac
import itertools
import json
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ragbridge._errors import ConfigurationError
from ragbridge._flow import Request, Response
from ragbridge.local._embeddings import read_embeddings
from ragbridge.local._faults import Cut, Fault, Faults
from ragbridge.local._fields import Fields
from ragbridge.local._model import StaticEmbedder, load
from ragbridge.local._quota import Ledger, Quota
from ragbridge.local._refusals import CODES, JSON, Refusal, Shape
from ragbridge.local._rerank import read_rerank
from ragbridge.local._segment import read_segment
from ragbridge.models import MODELS, Model

if TYPE_CHECKING:
    from ragbridge.local._rows import Job

Read = Callable[[Fields, Model, StaticEmbedder], "Job"]

_PRODUCTS: Mapping[str, tuple[str, Read]] = {
    "embeddings": ("embed", read_embeddings),
    "rerank": ("rerank", read_rerank),
}
"""Route -> what the model must serve, and who reads the request; the segmenter has no models."""

_ROUTE = re.compile(
    r"/(?:v1/(?P<product>embeddings|rerank|segment)|(?P<models>v1/models)(?:/(?P<model>.+))?|health)$"
)
"""Matched at the end of the path, so that any base address works."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a transport acts out.

    Attributes:
        response: The answer.
        delay: Seconds to hold it back.
        cut: What happens to the connection instead of sending all of it; None for nothing.
    """

    response: Response
    delay: float = 0.0
    cut: Cut | None = None


class Engine:
    """The Jina AI API in this process.

    ``POST /v1/embeddings``, ``POST /v1/rerank``, ``POST /v1/segment``, ``GET /v1/models``, ``GET /health``.

    Checks requests as the service does, with its errors, and answers them from static embeddings; the ``model`` of an
    answer names both the asked model and the embedded one. Vectors have the asked model's width: longer ones are padded
    with zeros, which leaves cosines as they are. Any number of threads may call ``handle`` at once.
    """

    def __init__(
        self,
        *,
        model: str | Path | None = None,
        quota: Quota | None = None,
        faults: Faults | None = None,
        api_keys: Collection[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        """Nothing is read before the first request.

        Args:
            model: Directory of a model2vec model; None for the weights of the ``wordllama`` package.
            quota: What each key may use of each product; None for no limit.
            faults: What goes wrong; None for nothing.
            api_keys: Keys that are accepted; None where none is asked for.
            clock: Seconds, for the quota.
            seed: Of the faults.

        Raises:
            ConfigurationError: ``api_keys`` is a string or empty.
        """
        if api_keys is not None and (isinstance(api_keys, str) or not all(api_keys) or not api_keys):
            raise ConfigurationError(
                "api_keys must be a list of keys, none of them empty, or None to ask for none"
            )
        self._directory = None if model is None else Path(model).resolve()
        self._ledger = Ledger(quota or Quota())
        self._faults = faults or Faults()
        self._keys = None if api_keys is None else [_bytes(key) for key in api_keys]
        self._clock = clock
        self._chance = random.Random(seed)  # noqa: S311 - faults, not secrets
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def load(self) -> StaticEmbedder:
        """Read the weights, once per process; the first request does it by itself.

        Raises:
            ConfigurationError: The extra ``local`` is not installed, or ``model`` is not a model2vec directory.
        """
        return load(self._directory)

    def handle(self, request: Request) -> Answer:
        """Answer one request. The path decides; host and anything before ``/v1`` do not matter.

        Raises:
            ConfigurationError: The weights are missing. Whatever is wrong with the request is an answer.
        """
        request_id = f"{next(self._numbers):032x}"
        try:
            return self._answer(request)
        except Refusal as refusal:
            return Answer(refusal.response(request_id))

    def _answer(self, request: Request) -> Answer:
        path = unquote(urlsplit(request.url).path).rstrip("/")
        route = _ROUTE.search(path)
        if route is None:
            raise Refusal(404, f"Route {path or '/'!r} not found", code="RESOURCE_NOT_FOUND")
        product = route["product"]
        allowed = ("POST",) if product else ("GET", "HEAD")
        if request.method.upper() not in allowed:
            raise Refusal(405, "Method Not Allowed", headers={"allow": ", ".join(allowed)})
        if product:
            return self._answer_product(product, request)
        if route["models"]:
            return Answer(_json(_describe(route["model"])))
        return Answer(_json({"status": "ok"}))

    def _answer_product(self, product: str, request: Request) -> Answer:
        account = (self._authenticate(request.headers), product)
        with self._lock:
            fault = self._faults.draw(self._chance)
        self._ledger.enter(account, self._clock())
        delay = 0.0
        try:
            response = _gateway(fault)
            if response is None:
                response = self._work(account, product, request.body, fault)
            delay = fault.delay
            return Answer(response, delay, fault.cut)
        finally:
            self._ledger.leave(account, self._clock() + delay)

    def _work(self, account: tuple[str, str], product: str, body: bytes, fault: Fault) -> Response:
        fields = Fields.of(body)
        if product == "segment":
            job = read_segment(fields, self.load())
        else:
            serves, read = _PRODUCTS[product]
            job = read(fields, _model(fields, serves), self.load())
        self._ledger.charge(account, self._clock(), job.tokens)
        answer = job.write(fault.spoil(job.compute()))
        return Response(200, JSON, answer[: len(answer) // 2] if fault.kind == "badjson" else answer)

    def _authenticate(self, headers: Mapping[str, str]) -> str:
        """The request's key, "" where there is none.

        Raises:
            Refusal: 401, a key is asked for and this is none of them.
        """
        header = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
        scheme, _, key = header.partition(" ")
        key = key.strip()
        if self._keys is None:
            return key
        if not header:
            raise Refusal(401, "Authentication required", code="AUTH_MISSING_API_KEY")
        if scheme.lower() != "bearer" or not key:
            raise Refusal(401, "Invalid authorization format", code="AUTH_INVALID_FORMAT")
        if not any([hmac.compare_digest(_bytes(key), known) for known in self._keys]):  # noqa: C419 - all, always
            raise Refusal(401, "Invalid API key", code="AUTH_INVALID_API_KEY")
        return key


def _model(fields: Fields, serves: str) -> Model:
    """The row of the model that a request names."""
    name = fields.word("model")
    fields.check()
    row = MODELS.get(name.removeprefix("jina-ai/"))
    if row is None or serves not in row.products:
        raise Refusal(400, f"Model {name[:200]!r} not found", code="INPUT_MODEL_NOT_FOUND")
    return row


def _bytes(key: str) -> bytes:
    """Whatever a header holds can be compared; half a surrogate pair is not in UTF-8."""
    return key.encode("utf-8", "surrogatepass")


def _gateway(fault: Fault) -> Response | None:
    """The answer of something before or beside the service, where the fault is one."""
    if fault.status is not None:
        code = CODES.get(fault.status, "INTERNAL_ERROR")
        shape: Shape = "nested" if fault.status == 500 else "flat"
        raise Refusal(fault.status, "Fault drawn by the embedded engine", code=code, shape=shape)
    if fault.kind == "html502":
        page = (
            b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
        )
        return Response(502, {"content-type": "text/html"}, page)
    if fault.kind == "error200":
        return _json({"detail": "upstream error"})
    return None


def _describe(name: str | None) -> dict[str, Any]:
    """One model of the table, or all of them."""
    if name is None:
        return {"object": "list", "data": [_describe(model) for model in MODELS]}
    row = MODELS.get(name.removeprefix("jina-ai/"))
    if row is None:
        raise Refusal(404, f"Model {name[:200]!r} not found", code="RESOURCE_NOT_FOUND")
    described = {"id": row.name, "object": "model", "owned_by": "ragbridge", "context_length": row.context}
    return described if row.dimensions is None else {**described, "dimensions": row.dimensions}


def _json(value: object) -> Response:
    return Response(200, JSON, json.dumps(value).encode())
