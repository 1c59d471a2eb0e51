"""Answers requests: finds the route, checks the key, draws a fault, reads, charges the quota, computes and writes."""

from __future__ import annotations

import binascii
import functools
import hmac
import itertools
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from ragbridge.errors import ConfigurationError
from ragbridge.flow import Request, Response
from ragbridge.ground.numbers import check_whole
from ragbridge.ground.records import dataclass
from ragbridge.local.calls import Call, Route, Work
from ragbridge.local.faults import NO_FAULT, Cut, Fault, Faults
from ragbridge.local.loading import load, name_of, named
from ragbridge.local.model import Embedder
from ragbridge.local.quota import Ledger, Quota
from ragbridge.local.refusals import CODES, JSON, Refusal, Shape
from ragbridge.local.routes import jina_routes

if TYPE_CHECKING:
    from ragbridge.local.search import SearchApi


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer for a transport to deliver.

    Attributes:
        response: The response.
        delay: Seconds to wait before sending it.
        cut: How to break the connection instead of sending the whole response; None to send it normally.
    """

    response: Response
    delay: float = 0.0
    cut: Cut | None = None


class Engine:
    """The Jina AI API and Elasticsearch's inference API in this process.

    It answers all of Jina's products (reader, search and grounding at ``/r``, ``/s`` and ``/g``), and the part of
    Elasticsearch's API in ``ragbridge.local.elastic``. ``ragbridge.local.routes`` lists the paths.

    Requests are validated with the services' own errors and answered from static embeddings, or from a sentence model. The ``model`` of an answer names
    both the requested and the embedded model. Vectors have the requested model's width; padding with zeros leaves cosines
    unchanged. Images, audio and video are not understood: a digest of their bytes represents them.

    Any number of threads may call ``handle`` at once. No request makes the engine open a file or a network address; web
    pages are those in ``pages``.
    """

    def __init__(
        self,
        *,
        model: str | Path | None = None,
        quota: Quota | None = None,
        faults: Faults | None = None,
        api_keys: Collection[str] | None = None,
        pages: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        """Creates an engine. The weights are loaded by the first request.

        Args:
            model: None for the static embeddings of the ``wordllama`` package; ``"minilm"`` for all-MiniLM-L6-v2 (extra
                ``minilm``); or a directory with a model2vec model, or with a sentence-transformers model as ONNX.
            quota: Limits for each key and product; None for no limits.
            faults: Faults to inject; None for none.
            api_keys: Accepted keys; None to require no key.
            pages: The pages that reader, search and grounding know: HTML, Markdown or plain text by address.
            clock: Returns the time in seconds, for the quota.
            seed: Seed of the faults.

        Raises:
            ConfigurationError: ``api_keys`` is a string, is empty or has an empty key, or ``pages`` has an invalid address
                or content.
        """
        if api_keys is not None and (isinstance(api_keys, str) or not all(api_keys) or not api_keys):
            raise ConfigurationError(
                "api_keys must be a non-empty list of non-empty keys, or None to require no key"
            )
        self._model = named(model)
        self._ledger = Ledger(quota or Quota())
        self._faults = faults or Faults()
        self._keys = None if api_keys is None else [_bytes(key) for key in api_keys]
        self._clock = clock
        seed = check_whole("seed", seed, "an int of 0 or more", least=0)
        self._chance = random.Random(seed)  # noqa: S311 - faults, not secrets
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._routes = jina_routes(pages or {})
        self._elastic_api: SearchApi | None = None

    @property
    def model_name(self) -> str:
        """The embedded model: the name of a packaged one, or the folder of another. Nothing is loaded."""
        return name_of(self._model)

    def load(self) -> Embedder:
        """Loads the weights, once per process. The first request does so implicitly.

        Raises:
            ConfigurationError: The extra ``local`` or ``minilm`` is not installed, or ``model`` is no directory with a model.
        """
        return load(self._model)

    def handle(self, request: Request) -> Answer:
        """Answers one request. It is routed by the end of its path; the host and any prefix are ignored.

        Raises:
            ConfigurationError: The weights are missing. Errors in the request are answered, not raised.
        """
        request_id = f"{next(self._numbers):032x}"
        refuse: Callable[[Refusal, str], Response] = Refusal.response
        try:
            route, call = self._find(request)
            refuse = route.refuse
            return self._answer(route, call)
        except Refusal as refusal:
            return Answer(refuse(refusal, request_id))

    def refused(self, request: Request) -> Response | None:
        """The refusal of a request whose body is still to come: for its route, its method or its key. None: it needs the body.

        A server asks before it reads a body, so that strangers cannot have it read anything. Quotas count nothing here.
        """
        try:
            route, call = self._find(request)
        except Refusal as refusal:
            return refusal.response(f"{next(self._numbers):032x}")
        try:
            if route.product:
                self._authenticate(route, call)
        except Refusal as refusal:
            return route.refuse(refusal, f"{next(self._numbers):032x}")
        return None

    @property
    def _elastic(self) -> SearchApi:
        """Elasticsearch's part, made for the first request that is not Jina's: its modules are half of the engine's."""
        if self._elastic_api is None:
            from ragbridge.local.search import SearchApi

            with self._lock:
                if self._elastic_api is None:
                    self._elastic_api = SearchApi(self.load)
        return self._elastic_api

    def _find(self, request: Request) -> tuple[Route, Call]:
        """The request's route. Jina's routes take precedence over Elasticsearch's."""
        address = urlsplit(request.url)
        method, path = request.method.upper(), unquote(address.path).rstrip("/") or "/"
        headers = {name.lower(): value for name, value in request.headers.items()}
        base = f"{address.scheme}://{address.netloc}" if address.netloc else ""
        parameters: Mapping[str, str | None] = {}
        methods = set()
        for route in self._routes:
            match = _compiled(route.pattern).search(path)
            if match is None:
                continue
            methods.add(route.method)
            if route.method == ("GET" if method == "HEAD" else method):
                base += path[: match.start()]
                parameters = match.groupdict()
                break
        else:
            if not self._elastic.owns(method, path):
                raise _unknown(path, methods)
            from ragbridge.local.elastic.route import elastic_route

            route = elastic_route(self._elastic, headers, dict(parse_qsl(address.query)))
        return route, Call(method, path, base, parameters, address.query, headers, request.body, self.load)

    def _answer(self, route: Route, call: Call) -> Answer:
        if not route.product:
            return Answer(_respond(route.read(call)))
        key = self._authenticate(route, call)
        account = (key, route.product)
        call = replace(
            call, key=key, charge=lambda tokens: self._ledger.charge(account, self._clock(), tokens)
        )
        with self._lock:
            fault = self._faults.draw(self._chance)
        self._ledger.enter(account, self._clock())
        delay = 0.0
        try:
            response = _gateway(fault, route, call)
            if response is None:
                work = route.read(call)
                if not work.charged:
                    call.charge(work.tokens)
                response = _respond(work, fault)
            delay = fault.delay
            return Answer(response, delay, fault.cut)
        finally:
            self._ledger.leave(account, self._clock() + delay)

    def _authenticate(self, route: Route, call: Call) -> str:
        """The request's key; "" if it has none.

        Raises:
            Refusal: 401 if keys are required and the request has no accepted one.
        """
        header = call.headers.get("authorization", "")
        scheme, _, key = header.partition(" ")
        if not route.schemes:
            key = key or scheme
        key = _password(key) if scheme.lower() == "basic" and route.schemes else key.strip()
        if self._keys is None or (route.signed and "signature" in call.arguments):
            return key
        if not header:
            raise Refusal(401, "Authentication required", code="AUTH_MISSING_API_KEY")
        if not key or (route.schemes and scheme.lower() not in route.schemes):
            raise Refusal(401, "Invalid authorization format", code="AUTH_INVALID_FORMAT")
        if not any([hmac.compare_digest(_bytes(key), known) for known in self._keys]):  # noqa: C419 - compares all keys, in constant time
            raise Refusal(401, "Invalid API key", code="AUTH_INVALID_API_KEY")
        return key


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A route's pattern, compiled when a request first gets as far."""
    return re.compile(f"{pattern}$")


def _unknown(path: str, methods: set[str]) -> Refusal:
    """The refusal for a request without a route. ``methods`` are those that the path supports."""
    if not methods:
        return Refusal(404, f"Route {path[:200]!r} not found", code="RESOURCE_NOT_FOUND")
    allowed = sorted({*methods, "HEAD"} if "GET" in methods else methods)
    return Refusal(405, "Method Not Allowed", headers={"allow": ", ".join(allowed)})


def _password(credentials: str) -> str:
    """The password of Basic credentials, whose user name is ignored; "" if they are malformed."""
    try:
        return binascii.a2b_base64(credentials.encode()).decode().partition(":")[2]
    except ValueError:  # not base64, or not UTF-8
        return ""


def _bytes(key: str) -> bytes:
    """Encodes a key for comparison. ``surrogatepass`` accepts lone surrogates, which UTF-8 cannot encode."""
    return key.encode("utf-8", "surrogatepass")


def _gateway(fault: Fault, route: Route, call: Call) -> Response | None:
    """The response of a fault that replaces the product's own answer; None if the fault does not.

    Raises:
        Refusal: The fault is an error status.
    """
    if fault.status is not None:
        if fault.upstream and route.upstream is not None:
            raise route.upstream(call, fault.status)
        code = CODES.get(fault.status, "INTERNAL_ERROR")
        shape: Shape = "nested" if fault.status == 500 else "flat"
        raise Refusal(fault.status, "Fault drawn by the embedded engine", code=code, shape=shape)
    if fault.kind == "html502":
        page = (
            b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
        )
        return Response(502, {"content-type": "text/html"}, page)
    if fault.kind == "error200":
        return Response(200, JSON, b'{"detail": "upstream error"}')
    return None


def _respond(work: Work, fault: Fault = NO_FAULT) -> Response:
    body = work.write(fault.spoil(work.compute()))
    return Response(work.status, work.headers, body[: len(body) // 2] if fault.kind == "badjson" else body)
