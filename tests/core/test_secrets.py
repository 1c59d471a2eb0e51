"""A key is in the headers of requests to its own service, and nowhere else.

Everything that a caller can get hold of is walked through: clients, results, errors with their causes, log records,
pickles. The only object that may hold the key is ``Secret``, which shows it to nobody.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import gc
import json
import logging
import pickle
import threading
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from ragbridge import ConfigurationError, Elastic, Jina, RagbridgeError, Retry
from ragbridge.client.secret import Secret
from ragbridge.elastic import ElasticInferenceService, JinaAI
from ragbridge.flow import Request, Response
from ragbridge.local import Engine

TEXTS = ["a boat", "the sea"]
EXAMPLES = [("a cat", "animal"), ("a loan", "money")]
ELASTIC = {"x-elastic-product": "Elasticsearch"}

JINA: dict[str, Callable[[Jina], Any]] = {
    "embed": lambda jina: jina.embed(TEXTS),
    "embed_documents": lambda jina: jina.embed_documents([TEXTS]),
    "embed_multivector": lambda jina: jina.embed_multivector(TEXTS, role="query"),
    "rerank": lambda jina: jina.rerank("q", TEXTS),
    "classify": lambda jina: jina.classify(TEXTS, labels=["a", "b"]),
    "classifiers.train": lambda jina: jina.classifiers.train(EXAMPLES),
    "classifiers.update": lambda jina: jina.classifiers.update("c", EXAMPLES),
    "classifiers.list": lambda jina: jina.classifiers.list(),
    "classifiers.delete": lambda jina: jina.classifiers.delete("c"),
    "segment": lambda jina: jina.segment("a text"),
    "read": lambda jina: jina.read("https://example.com/a"),
    "read_many": lambda jina: jina.read_many(["https://example.com/a"]),
    "search": lambda jina: jina.search("fish"),
    "ground": lambda jina: jina.ground("fish live here"),
    "submit_batch": lambda jina: jina.submit_batch(TEXTS),
    "batch.status": lambda jina: jina.batch("b").status(),
    "batch.cancel": lambda jina: jina.batch("b").cancel(),
    "batch.results": lambda jina: jina.batch("b").results(),
    "batch.output": lambda jina: jina.batch("b").output(),
    "batches": lambda jina: jina.batches(),
    "submit_bulk": lambda jina: jina.submit_bulk(b"text\n", model="jina-embeddings-v3"),
    "bulk.status": lambda jina: jina.bulk("b").status(),
    "bulk.download": lambda jina: jina.bulk("b").download(),
    "models": lambda jina: jina.models(),
    "balance": lambda jina: jina.balance(),
}
HOSTED = ElasticInferenceService("jina-embeddings-v5-text-small")
ELASTICSEARCH: dict[str, Callable[[Elastic], Any]] = {
    "embed": lambda elastic: elastic.embed(TEXTS * 8, inference_id=".jina-embeddings-v5-text-nano"),
    "sparse_embed": lambda elastic: elastic.sparse_embed(TEXTS, inference_id=".elser-2-elastic"),
    "rerank": lambda elastic: elastic.rerank("q", TEXTS, inference_id=".jina-reranker-v3"),
    "endpoints.create": lambda elastic: elastic.endpoints.create("e", "text_embedding", HOSTED),
    "endpoints.get": lambda elastic: elastic.endpoints.get("e"),
    "endpoints.exists": lambda elastic: elastic.endpoints.exists("e"),
    "endpoints.list": lambda elastic: elastic.endpoints.list(),
    "endpoints.update": lambda elastic: elastic.endpoints.update("e", max_input_tokens=9),
    "endpoints.delete": lambda elastic: elastic.endpoints.delete("e"),
    "create_index": lambda elastic: elastic.create_index("docs", {"content": {"type": "text"}}),
    "bulk": lambda elastic: elastic.bulk("docs", [{"content": "a"}]),
    "search": lambda elastic: elastic.search("docs", query={"match_all": {}}),
}


@dataclasses.dataclass(frozen=True)
class Login:
    """A way to be let in.

    Attributes:
        kind: Of which service.
        options: What its client gets.
        secrets: What must be seen nowhere.
    """

    kind: type[Jina | Elastic]
    options: Mapping[str, Any]
    secrets: tuple[str, ...]

    def client(self, **more: Any) -> Any:
        """A client that gives up at once."""
        plain = {"limits": None, "retry": Retry(attempts=1), **more}
        if self.kind is Jina:
            return Jina(**self.options, **{"base_url": "http://service", **plain})
        return Elastic(plain.pop("base_url", "http://service"), **self.options, **plain)

    @property
    def calls(self) -> Mapping[str, Callable[[Any], Any]]:
        """All products of the service."""
        return JINA if self.kind is Jina else ELASTICSEARCH

    @property
    def forms(self) -> set[str]:
        """The secrets as they are, and as addresses and JSON have them."""
        ways: list[Callable[[str], str]] = [
            str,
            lambda text: quote(text, safe=""),
            quote,
            quote_plus,
            lambda text: json.dumps(text)[1:-1],
        ]
        return {way(secret) for secret in self.secrets for way in ways}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLAIN = "jina_" + "s3cretQ" * 9
ODD = 'S3cr/t+p@ss:w%rd"&\\q'
LOGINS = {
    "jina": Login(Jina, {"api_key": PLAIN}, (PLAIN,)),
    "a gateway's key": Login(Jina, {"api_key": "sk-S3cr/t+p@ss=w%rd&q"}, ("sk-S3cr/t+p@ss=w%rd&q",)),
    "api_key": Login(Elastic, {"api_key": _base64(f"anId7:{PLAIN}")}, (PLAIN, _base64(f"anId7:{PLAIN}"))),
    "id and key": Login(Elastic, {"api_key": ("anId7", ODD)}, (ODD, _base64(f"anId7:{ODD}"))),
    "basic_auth": Login(Elastic, {"basic_auth": ("user", ODD)}, (ODD, _base64(f"user:{ODD}"), f"user:{ODD}")),
    "bearer_auth": Login(Elastic, {"bearer_auth": PLAIN}, (PLAIN,)),
}


@pytest.fixture(params=LOGINS)
def login(request: pytest.FixtureRequest) -> Login:
    return LOGINS[request.param]


# --- Looking everywhere

_OPAQUE = (Secret, Engine, type, types.ModuleType, types.FunctionType, types.TracebackType, logging.Logger)
"""What is not looked into: what may hold the key, the service, code, and what the standard library keeps."""


def texts_of(*things: object) -> Iterator[str]:
    """Every text within ``things``, and their reprs; not what tests and the standard library hold."""
    seen: set[int] = set()
    waiting = list(things)
    kept = []  # so that no id is used twice
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, _OPAQUE):
            continue
        seen.add(id(thing))
        kept.append(thing)
        if isinstance(thing, str):
            yield thing
        elif isinstance(thing, (bytes, bytearray)):
            yield bytes(thing).decode("latin-1")
        elif isinstance(thing, Mapping):
            waiting += [*thing.keys(), *thing.values()]
        elif isinstance(thing, (list, tuple, set, frozenset)):
            waiting += thing
        else:
            if isinstance(thing, BaseException):
                waiting += [thing.__cause__, thing.__context__, thing.args]
                yield str(thing)
            if hasattr(thing, "func"):  # of partial objects
                waiting += [thing.func, thing.args, thing.keywords]
            yield repr(thing)
            waiting.append(getattr(thing, "__dict__", None))
            for kind in type(thing).__mro__:
                slots = getattr(kind, "__slots__", ())
                waiting += [
                    getattr(thing, name, None) for name in ((slots,) if isinstance(slots, str) else slots)
                ]


def assert_hidden(login: Login, *things: object) -> None:
    """No form of the secret is in any of them."""
    forms = login.forms
    for text in texts_of(*things):
        found = next((form for form in forms if form in text), None)
        assert found is None, f"{found!r} is in {text[:500]!r}"


def ask(login: Login, client: Any, name: str) -> tuple[Any, RagbridgeError | None]:
    """What a product gives, or the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return login.calls[name](client), None
        except RagbridgeError as error:
            return None, error


def as_shown(error: BaseException | None) -> list[object]:
    """An error in every way that it is shown."""
    if error is None:
        return []
    return [error, "".join(traceback.format_exception(error)), pickle.dumps(error), str(error), repr(error)]


# --- Services that repeat what they are told


def bodies(said: str) -> list[bytes]:
    """A text in each shape that errors come in."""
    objects: list[Any] = [
        {"detail": said},
        {"detail": said, "code": said, "request_id": said},
        {"detail": {"message": said, "code": said, "request_id": said}},
        {"detail": said, "errors": [{"field": said, "message": said, "input": said}]},
        {"detail": [{"loc": ["body", said], "msg": said, "type": "x"}]},
        {"error": {"message": said, "type": said, "reason": said, "caused_by": {"reason": said}}},
        {
            "error": {"root_cause": [{"type": "x", "reason": said}], "type": "x", "reason": "failed"},
            "status": 400,
        },
        {"error": said},
        {"code": 401, "status": 40103, "name": said, "message": said, "readableMessage": said, "data": None},
        {"ok": False, "message": said},
    ]
    found = [json.dumps(body).encode() for body in objects]
    found += [body.replace(b"/", b"\\/") for body in found if b"/" in body]
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in said)
    return [
        *found,
        f'{{"detail": "{escaped}"}}'.encode(),
        f"<html><h1>{said}</h1></html>".encode(),
        said.encode(),
    ]


class Echo:
    """Answers each request with what was in its ``Authorization`` header, in one of many ways."""

    def __init__(self, answer: Callable[[str], Response]) -> None:
        self._answer = answer
        self.asked = 0

    def send(self, request: Request) -> Response:
        self.asked += 1
        return self._answer(request.headers.get("authorization", "").partition(" ")[2])

    async def send_async(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return self.send(request)

    def close(self) -> None:
        pass

    async def close_async(self) -> None:
        pass


def test_errors_and_logs_hide_what_a_service_repeats(login, caplog):
    """In each shape of body and each form of the key: message, code, request id, body, cause, pickle, log."""
    caplog.set_level(logging.DEBUG)
    names = [*login.calls]
    ways = [(form, body) for form in sorted(login.forms) for body in range(len(bodies(form)))]
    statuses = [400, 401, 403, 404, 409, 422, 429, 500, 503]
    for number, (form, body) in enumerate(ways):
        for status in (statuses[number % len(statuses)], 200):
            answer = Response(status, ELASTIC, bodies(form)[body])
            name = names[(number * 7 + status) % len(names)]
            client = login.client(transport=Echo(lambda _, answer=answer: answer))
            found, error = ask(login, client, name)
            # What a success holds where it belongs, such as a page's content, is what the caller asked for.
            assert_hidden(login, *as_shown(error))
            assert found is None or answer.status == 200
    assert_hidden(login, [vars(record) for record in caplog.records], caplog.text)


HEADERS = ["x-request-id", "x-opaque-id", "location", "www-authenticate", "retry-after", "x-usage-tokens"]


@pytest.mark.parametrize("status", [200, 302, 401, 500])
def test_errors_and_logs_hide_what_is_repeated_in_headers(login, caplog, status):
    """A request id that is the key, a redirect that has it in its address: by each product."""
    caplog.set_level(logging.DEBUG)
    for name in login.calls:
        for form in login.forms:
            for said in (form, f"https://{quote(form, safe='')}@elsewhere.example/{form}?key={form}"):
                answer = Response(status, {**dict.fromkeys(HEADERS, said), **ELASTIC}, b"{}")
                _, error = ask(login, login.client(transport=Echo(lambda _, answer=answer: answer)), name)
                assert_hidden(login, *as_shown(error))
    assert_hidden(login, [vars(record) for record in caplog.records], caplog.text)


def embedded() -> Engine:
    """The engine, whoever asks: results are whole."""
    return Engine(pages={"https://example.com/a": "<html><body><p>Fish live here.</p></body></html>"})


def test_clients_and_results_hold_no_key(login, caplog):
    """Whatever a product gives, and whatever the client keeps of it, in no attribute of any object."""
    caplog.set_level(logging.DEBUG)
    transport = embedded()
    client = login.client(transport=transport)
    found = [ask(login, client, name) for name in login.calls]
    assert sum(result is not None for result, _ in found) >= len(found) // 2
    del transport
    assert_hidden(login, client, client._channel, found, caplog.text, repr(client), str(client), vars(client))


def test_no_pickle_holds_a_key(login):
    """Neither that of a client nor that of a handle's client; parts are made of it and hold no key of their own."""
    client = login.client()
    content = pickle.dumps(client)
    assert_hidden(login, content, base64.b64encode(content), vars(client))
    assert_hidden(login, client.__reduce__()[1])


def test_what_the_process_keeps_holds_no_key(login):
    """Limiters outlive their clients in a registry; it knows them by a digest."""
    from ragbridge.limiter import limiter, tokens

    client = login.client(transport=embedded(), limits="free" if login.kind is Jina else "eis")
    ask(login, client, "embed")
    del client
    gc.collect()
    assert_hidden(login, vars(limiter._registry), [vars(module) for module in (limiter, tokens)])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Jina(f"{PLAIN} and more", base_url="http://x"),
        lambda: Jina(f"{PLAIN}ü", base_url="http://x"),
        lambda: Jina(PLAIN, base_url="http://x", limits="keyless"),
        lambda: Jina(base_url=f"https://user:{PLAIN}@service"),
        lambda: Jina(base_url=f"https://service/v1?key={PLAIN} x"),
        lambda: Jina(base_url=f"https://service/v1#{PLAIN}"),
        lambda: Elastic("http://x", api_key=f"anId7:{PLAIN}"),
        lambda: Elastic("http://x", api_key=("", PLAIN)),
        lambda: Elastic("http://x", basic_auth=("a:b", PLAIN)),
        lambda: Elastic("http://x", basic_auth=(PLAIN,)),  # type: ignore[arg-type]
        lambda: Elastic("http://x", bearer_auth=f"{PLAIN} x"),
        lambda: Elastic("http://x", bearer_auth=PLAIN, api_key=PLAIN),
        lambda: Elastic(f"http://user:{PLAIN}@x"),
        lambda: Elastic("local", api_key=PLAIN),
        lambda: Elastic(cloud_id=f"{PLAIN}:AAAA"),
    ],
)
def test_a_key_that_is_refused_is_not_shown(make):
    """The error says what is wrong with it, and not what it is."""
    with pytest.raises(ConfigurationError) as raised:
        make()
    assert_hidden(LOGINS["jina"], *as_shown(raised.value))


def test_an_endpoints_key_is_not_shown():
    """A third party's key is in the body of one request, and in no repr of the settings that hold it."""
    settings = JinaAI("jina-embeddings-v3", api_key=PLAIN)
    assert PLAIN not in repr(settings) + str(settings)
    answer = Response(400, ELASTIC, bodies(PLAIN)[0])
    client = Elastic("http://x", transport=Echo(lambda _: answer), retry=Retry(attempts=1), limits=None)
    with pytest.raises(RagbridgeError) as raised:
        client.endpoints.create("e", "text_embedding", settings)
    assert_hidden(LOGINS["jina"], *as_shown(raised.value), client)


# --- Over a socket


class Mirror(BaseHTTPRequestHandler):
    """Refuses everything, and says with which key it came."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        key = self.headers.get("authorization", "")
        self.server.seen.append(key)  # type: ignore[attr-defined]
        body = json.dumps({"detail": f"no: {key}", "error": {"reason": key}}).encode()
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def mirror() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    server.seen, server.status = [], 401  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("library", ["httpx", "fast"])
def test_no_library_logs_or_keeps_the_key(login, mirror, library, monkeypatch, caplog):
    """With every logger of the process at DEBUG, over each HTTP library, on both faces."""
    if library == "httpx":
        monkeypatch.setattr("ragbridge.transport.standard.AUTO", "httpx")
    caplog.set_level(logging.DEBUG)
    url = f"http://127.0.0.1:{mirror.server_port}"

    async def ask_async(client: Any) -> RagbridgeError:
        call = client.aembed if login.kind is Jina else client.asparse_embed
        more = {} if login.kind is Jina else {"inference_id": "e"}
        async with client:
            with pytest.raises(RagbridgeError) as raised:
                await call(TEXTS, **more)
        return raised.value

    for status in (401, 200, 500):
        mirror.status = status
        with login.client(base_url=url) as client:
            errors = [ask(login, client, name)[1] for name in login.calls]
            errors.append(asyncio.run(ask_async(client)))
            shown = [part for error in errors for part in as_shown(error)]
            assert_hidden(login, client._channel, repr(client), *shown)
    assert len(mirror.seen) >= len(login.calls)
    assert any(secret in seen for seen in mirror.seen for secret in login.secrets), "the key was sent"
    assert caplog.records
    assert_hidden(login, [vars(record) for record in caplog.records], caplog.text)
