"""Tools for testing code that uses ragbridge: without a network, without a key, without waiting.

>>> from ragbridge import Jina
>>> from ragbridge.testing import ScriptedTransport, VirtualClock
>>> clock, transport = VirtualClock(), ScriptedTransport(503, 429)
>>> jina = Jina("a-key", transport=transport, clock=clock)
>>> jina.embed(["a text"], role="document").vectors.shape          # two refusals, then the right answer
(1, 1024)
>>> len(transport.requests), clock.now() > 0
(3, True)

Nothing in ragbridge itself imports this module. ``ragbridge.local.Engine`` is the tool for tests in which retrieval
must work, and ``ragbridge.server.running`` for those that need a real socket.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ragbridge import errors, models
from ragbridge.flow import Request, Response
from ragbridge.ground.public import publish as _publish
from ragbridge.limiter import limiter, tokens
from ragbridge.observers import registry

if TYPE_CHECKING:
    import asyncio

    from ragbridge.local import Engine

__all__ = ["Request", "Response", "ScriptedTransport", "VirtualClock", "reset", "vector_of"]

Outcome: TypeAlias = Response | int | BaseException | Callable[[Request], Response] | None
"""What a script says about one request; see ``ScriptedTransport``."""

DIMENSIONS = 8
"""Width of vectors unless something says another."""

_HEADERS = {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}
_WORD = re.compile(r"\w+")


class VirtualClock:
    """A clock on which time passes only when somebody waits, so that hours of waiting take no time.

    Give it to a client: ``Jina(clock=VirtualClock())``. Pauses between retries and waits for the rate limit then end at
    once. The client's quotas run on this clock and are shared with no other client. Every wait takes its whole time, also
    where another thread or task would have ended it early.

    Attributes:
        slept: The seconds of each wait, in their order.
    """

    def __init__(self) -> None:
        self._time = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> float:
        """Seconds since the clock was made."""
        return self._time

    def advance(self, seconds: float) -> None:
        """Let time pass outside of any wait."""
        with self._lock:
            self._time += seconds

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Let ``seconds`` pass at once, unless ``event`` is set."""
        if not event.is_set():
            self._pass(seconds)

    async def wait_async(self, event: asyncio.Event, seconds: float) -> None:
        """The same, after other tasks have had their turn: one of them may be what is waited for."""
        import asyncio

        await asyncio.sleep(0)
        if not event.is_set():
            self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        if math.isinf(seconds):
            raise RuntimeError("a wait without an end: only another thread or task could end it")
        with self._lock:
            self.slept.append(seconds)
            self._time += seconds


class ScriptedTransport:
    """Answers a client's requests from a script, and with right answers once the script has ended.

    Give it to a client: ``Jina("a-key", transport=ScriptedTransport(429))``. Each request uses up one outcome, in order
    of arrival. An outcome is one of these:

    * a ``Response``: it is the answer,
    * a status: an answer with this status and a message; the right answer where it is 200,
    * an exception: it is raised; a ``RequestError`` stands for a broken connection,
    * a function: it is called with the request and returns the ``Response``,
    * None: the right answer.

    The right answers are those of embeddings and reranking, in the form of Jina's API or of Elasticsearch's. A text's
    vector is ``vector_of`` the text, so that a vector tells which text it belongs to. A document's score is the share of
    the query's words that the document has. One token is billed for each word.

    One transport serves any number of clients, threads and event loops.

    Args:
        *outcomes: The script.
        default: What gives the right answers instead: a function, or a ``ragbridge.local.Engine``.
        dimensions: Width of vectors where neither the request nor the table of models says it: those of Elasticsearch,
            and of models that the table does not have.

    Attributes:
        requests: The requests that came, in their order.
    """

    def __init__(
        self,
        *outcomes: Outcome,
        default: Callable[[Request], Response] | Engine | None = None,
        dimensions: int = DIMENSIONS,
    ) -> None:
        self._outcomes = iter(outcomes)
        self._default = default
        self._dimensions = dimensions
        self._lock = threading.Lock()
        self.requests: list[Request] = []

    @property
    def bodies(self) -> list[Any]:
        """The bodies of all requests that had one, read as JSON."""
        return [json.loads(request.body) for request in self.requests if request.body]

    def send(self, request: Request) -> Response:
        """Answer ``request`` as the script says.

        Raises:
            RequestError: The script or the engine breaks the connection.
            ConfigurationError: The script has ended, and no right answer is known to such a request.
        """
        with self._lock:
            self.requests.append(request)
            outcome = next(self._outcomes, None)
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, Response):
            return outcome
        if isinstance(outcome, int) and outcome != 200:
            return _refusal(outcome)
        return outcome(request) if callable(outcome) else self._right(request)

    async def send_async(self, request: Request) -> Response:
        """The same, after other tasks have had their turn."""
        import asyncio

        await asyncio.sleep(0)
        return self.send(request)

    def close(self) -> None:
        """Nothing is held."""

    async def close_async(self) -> None:
        """Nothing is held."""

    def _right(self, request: Request) -> Response:
        if self._default is None:
            return _answer(request, self._dimensions)
        if callable(self._default):
            return self._default(request)
        answer = self._default.handle(request)
        if answer.cut:
            raise errors.RequestError(
                f"{request.method} {request.place}: the connection broke ({answer.cut})"
            )
        return answer.response


def vector_of(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """The vector that ``ScriptedTransport`` gives to ``text``: of length 1, made of a digest of the text.

    Equal texts have equal vectors, in any process. Different texts have different ones, whatever they mean.
    """
    digest = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(dimensions)
    numbers = [byte - 127.5 for byte in digest]
    length = math.hypot(*numbers)
    packed = struct.pack(f"<{dimensions}f", *(number / length for number in numbers))
    return list(struct.unpack(f"<{dimensions}f", packed))


def reset() -> None:
    """Forget what clients of this process share: limiters with what they have counted, estimates, observers, ``"local"``.

    Call it between tests, so that none waits for what another one used, and none finds another's indexes, endpoints or jobs
    in the embedded engine behind ``"local"``. Clients that exist keep their limiters; behind ``"local"`` they meet the new
    engine, too.
    """
    from ragbridge.local import shared

    limiter.forget()
    tokens.forget()
    registry.forget()
    shared.forget()


def _answer(request: Request, dimensions: int) -> Response:
    """The right answer of either service."""
    place = request.place
    body = json.loads(request.body) if request.body else {}
    if "/_inference/" in place:
        return _elastic(request.method, place.partition("/_inference/")[2], body, dimensions)
    if place.endswith("/embeddings") and not body.get("return_multivector"):
        return _embeddings(body, dimensions)
    if place.endswith("/rerank"):
        return _ranking(body, dimensions)
    raise _unknown(request.method, place)


def _embeddings(body: Mapping[str, Any], dimensions: int) -> Response:
    texts = [_text(item) for item in body["input"]]
    width = _width(body, dimensions)
    rows = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _encoded(
                vector_of(text, width), body.get("embedding_type") or body.get("encoding_format")
            ),
        }
        for index, text in enumerate(texts)
    ]
    return _json({"model": body["model"], "object": "list", "usage": _usage(texts), "data": rows})


def _encoded(vector: list[float], kind: object) -> str | list[float] | list[int]:
    """A vector as Jina writes it: as base64, as numbers, or a bit for each dimension."""
    if kind == "base64":
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    if kind not in {"binary", "ubinary"}:
        return vector
    bits = "".join("1" if number > 0 else "0" for number in vector)
    offset = 128 if kind == "binary" else 0
    return [int(bits[start : start + 8].ljust(8, "0"), 2) - offset for start in range(0, len(bits), 8)]


def _ranking(body: Mapping[str, Any], dimensions: int) -> Response:
    texts = [_text(document) for document in body["documents"]]
    query = _text(body["query"])
    rows: list[dict[str, Any]] = [
        {"index": index, "relevance_score": score} for index, score in _ranked(query, texts, body)
    ]
    if body.get("return_embeddings"):
        for row in rows:
            row["embedding"] = vector_of(texts[row["index"]], _width(body, dimensions))
    return _json({"model": body["model"], "usage": _usage([query, *texts]), "results": rows})


def _elastic(method: str, path: str, body: Mapping[str, Any], dimensions: int) -> Response:
    """An answer of Elasticsearch's inference API; ``path`` has the task and the endpoint's id."""
    task, _, name = path.rpartition("/")
    if method == "GET" and name:
        row = {"inference_id": name, "task_type": task or "text_embedding", "service": "jinaai"}
        return _json({"endpoints": [row]})
    if task in {"text_embedding", "embedding"}:
        rows = [{"embedding": vector_of(_text(item), dimensions)} for item in _listed(body["input"])]
        return _json({"text_embedding" if task == "text_embedding" else "embeddings": rows})
    if task == "rerank":
        ranked = _ranked(body["query"], _listed(body["input"]), body)
        return _json({"rerank": [{"index": index, "relevance_score": score} for index, score in ranked]})
    raise _unknown(method, f"_inference/{path}")


def _ranked(query: str, texts: list[str], body: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Places and scores, best first; of equal ones, the first document."""
    words = set(_WORD.findall(query.lower()))
    scores = [len(words & set(_WORD.findall(text.lower()))) / len(words) if words else 0.0 for text in texts]
    ranked = sorted(enumerate(scores), key=lambda row: -row[1])
    return ranked[: body.get("top_n") or len(texts)]


def _text(item: object) -> str:
    """What tells an item from others: a text, or an object as JSON where it holds no text."""
    if isinstance(item, Mapping) and isinstance(item.get("text"), str):
        return str(item["text"])
    return item if isinstance(item, str) else json.dumps(item, sort_keys=True)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _width(body: Mapping[str, Any], dimensions: int) -> int:
    model = models.lookup(str(body["model"]))
    own = model.dimensions if model else None
    return int(body.get("dimensions") or own or dimensions)


def _usage(texts: list[str]) -> dict[str, int]:
    return {"total_tokens": sum(max(len(_WORD.findall(text)), 1) for text in texts)}


def _refusal(status: int) -> Response:
    """An answer that both services' errors are read from."""
    message = f"status {status}, as the script says"
    return _json(
        {"detail": message, "error": {"type": "scripted", "reason": message}, "status": status}, status
    )


def _json(body: object, status: int = 200) -> Response:
    return Response(status, _HEADERS, json.dumps(body).encode())


def _unknown(method: str, place: str) -> errors.ConfigurationError:
    return errors.ConfigurationError(
        f"no right answer is known to {method} {place}: script one, or pass ScriptedTransport(default=Engine()) "
        "with the Engine of ragbridge.local"
    )


_publish(__name__, [globals()[_name] for _name in __all__])
