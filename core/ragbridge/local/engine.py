"""Answers requests, all products alike: find the route, check the key, draw a fault, count, read, compute, write."""

from __future__ import annotations

import binascii
import hmac
import itertools
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ragbridge.errors import ConfigurationError
from ragbridge.flow import Request, Response
from ragbridge.local.calls import Call, Route, Work
from ragbridge.local.elastic import InferenceApi
from ragbridge.local.faults import NO_FAULT, Cut, Fault, Faults
from ragbridge.local.model import StaticEmbedder, load
from ragbridge.local.quota import Ledger, Quota
from ragbridge.local.refusals import CODES, JSON, Refusal, Shape
from ragbridge.local.routes import elastic_route, jina_routes


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
    """The Jina AI API and Elasticsearch's inference API in this process.

    Every product of Jina's (``ragbridge.local.routes`` lists the paths; the reader, search and grounding are at
    ``/r``, ``/s`` and ``/g``), and what ``ragbridge.local.elastic`` has of Elasticsearch's.

    Checks requests as the services do, with their errors, and answers them from static embeddings; the ``model`` of an
    answer names both the asked model and the embedded one. Vectors have the asked model's width: longer ones are padded
    with zeros, which leaves cosines as they are. Images, sound and films are not understood: a digest of their bytes
    stands in for what they show. Any number of threads may call ``handle`` at once.

    Nothing that a request says makes the engine open a file or an address: web pages are those in ``pages``.
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
        """Nothing is read before the first request.

        Args:
            model: Directory of a model2vec model; None for the weights of the ``wordllama`` package.
            quota: What each key may use of each product; None for no limit.
            faults: What goes wrong; None for nothing.
            api_keys: Keys that are accepted; None where none is asked for.
            pages: The web, as far as reader, search and grounding know it: address -> HTML, Markdown or plain text.
            clock: Seconds, for the quota.
            seed: Of the faults.

        Raises:
            ConfigurationError: ``api_keys`` is a string or empty, or ``pages`` holds something else than texts.
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
        self._routes = [(re.compile(f"{route.pattern}$"), route) for route in jina_routes(pages or {})]
        self._inference = InferenceApi(self.load)

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
        refuse: Callable[[Refusal, str], Response] = Refusal.response
        try:
            route, call = self._find(request)
            refuse = route.refuse
            return self._answer(route, call)
        except Refusal as refusal:
            return Answer(refuse(refusal, request_id))

    def _find(self, request: Request) -> tuple[Route, Call]:
        """The request's route; where Jina and Elasticsearch have the same path, Jina's."""
        address = urlsplit(request.url)
        method, path = request.method.upper(), unquote(address.path).rstrip("/") or "/"
        found = [(route, match) for pattern, route in self._routes if (match := pattern.search(path))]
        base = f"{address.scheme}://{address.netloc}" if address.netloc else ""
        parameters: Mapping[str, str | None] = {}
        for route, match in found:
            if route.method == ("GET" if method == "HEAD" else method):
                base += path[: match.start()]
                parameters = match.groupdict()
                break
        else:
            if not self._inference.owns(method, path):
                raise _unknown(path, {route.method for route, _ in found})
            route = elastic_route(self._inference)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return route, Call(method, path, base, parameters, address.query, headers, request.body, self.load)

    def _answer(self, route: Route, call: Call) -> Answer:
        if not route.product:
            return Answer(_respond(route.read(call)))
        call = replace(call, key=self._authenticate(route, call))
        account = (call.key, route.product)
        with self._lock:
            fault = self._faults.draw(self._chance)
        self._ledger.enter(account, self._clock())
        delay = 0.0
        try:
            response = _gateway(fault, route, call)
            if response is None:
                work = route.read(call)
                self._ledger.charge(account, self._clock(), work.tokens)
                response = _respond(work, fault)
            delay = fault.delay
            return Answer(response, delay, fault.cut)
        finally:
            self._ledger.leave(account, self._clock() + delay)

    def _authenticate(self, route: Route, call: Call) -> str:
        """The request's key, "" where there is none.

        Raises:
            Refusal: 401, a key is asked for and this is none of them.
        """
        header = call.headers.get("authorization", "")
        scheme, _, key = header.partition(" ")
        key = _password(key) if scheme.lower() == "basic" else key.strip()
        if self._keys is None or (route.signed and "signature" in call.arguments):
            return key
        if not header:
            raise Refusal(401, "Authentication required", code="AUTH_MISSING_API_KEY")
        if scheme.lower() not in route.schemes or not key:
            raise Refusal(401, "Invalid authorization format", code="AUTH_INVALID_FORMAT")
        if not any([hmac.compare_digest(_bytes(key), known) for known in self._keys]):  # noqa: C419 - all, always
            raise Refusal(401, "Invalid API key", code="AUTH_INVALID_API_KEY")
        return key


def _unknown(path: str, methods: set[str]) -> Refusal:
    """What to say to a request without a route, where these methods have one."""
    if not methods:
        return Refusal(404, f"Route {path[:200]!r} not found", code="RESOURCE_NOT_FOUND")
    allowed = sorted({*methods, "HEAD"} if "GET" in methods else methods)
    return Refusal(405, "Method Not Allowed", headers={"allow": ", ".join(allowed)})


def _password(credentials: str) -> str:
    """What follows the user's name, which may be any; "" where there is nothing to read."""
    try:
        return binascii.a2b_base64(credentials.encode()).decode().partition(":")[2]
    except ValueError:  # no base64, no UTF-8
        return ""


def _bytes(key: str) -> bytes:
    """Whatever a header holds can be compared; half a surrogate pair is not in UTF-8."""
    return key.encode("utf-8", "surrogatepass")


def _gateway(fault: Fault, route: Route, call: Call) -> Response | None:
    """The answer of something before, beside or behind the service, where the fault is one."""
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
