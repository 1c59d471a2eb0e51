"""Which HTTP library sends is the caller's choice: by name, by a client of either library, or the fastest that serves."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import ssl
import subprocess
import sys
import traceback
from typing import Any

import httpx
import pytest

from ragbridge import ConfigurationError, Elastic, Jina, RagbridgeError, RequestError, Retry
from ragbridge.transport import tls

ONCE = Retry(attempts=1)


def answered_by(client: Jina, face: str) -> Any:
    """One request, of which nothing but the failure matters."""
    with contextlib.suppress(RagbridgeError):
        client.embed(["a"]) if face == "sync" else asyncio.run(client.aembed(["a"]))


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_what_is_patched_into_the_library_that_is_named_sees_every_request(monkeypatch, name, face):
    """Mocks and instrumentation (respx, pytest-httpx, OpenTelemetry) replace this method; the fast libraries pass it by."""
    library = pytest.importorskip(name)
    seen = []

    def handle(transport: object, request: Any) -> Any:
        seen.append((request.method, str(request.url)))
        return library.Response(401)

    async def handle_async(transport: object, request: Any) -> Any:
        return handle(transport, request)

    monkeypatch.setattr(library.HTTPTransport, "handle_request", handle)
    monkeypatch.setattr(library.AsyncHTTPTransport, "handle_async_request", handle_async)
    answered_by(
        Jina("k", host="jina", base_url="http://a.example", limits=None, retry=ONCE, transport=name), face
    )
    assert seen == [("POST", "http://a.example/v1/embeddings")]


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_client_of_either_library_sends_with_its_hooks(name, face):
    """A mock transport and an event hook of the caller's own client see the request, whatever else is installed."""
    library = pytest.importorskip(name)
    seen = []
    mock = library.MockTransport(lambda request: library.Response(401))

    async def hook(request: Any) -> None:
        seen.append(request.url.path)

    if face == "sync":
        own = {
            "http_client": library.Client(
                transport=mock, event_hooks={"request": [lambda r: seen.append(r.url.path)]}
            )
        }
    else:
        own = {"async_http_client": library.AsyncClient(transport=mock, event_hooks={"request": [hook]})}
    answered_by(Jina("k", host="jina", base_url="http://a.example", limits=None, retry=ONCE, **own), face)
    assert seen == ["/v1/embeddings"]


def test_a_recorder_of_cassettes_sees_the_requests(tmp_path):
    """vcrpy plays its own answer back: nothing listens at the address."""
    vcr = pytest.importorskip("vcr")
    cassette = tmp_path / "cassette.yaml"
    cassette.write_text(
        "interactions:\n- request: {method: POST, uri: 'http://127.0.0.1:9/v1/embeddings', body: '', headers: {}}\n"
        "  response: {status: {code: 418, message: teapot}, headers: {}, body: {string: 'recorded'}}\nversion: 1\n"
    )
    client = Jina("k", host="jina", base_url="http://127.0.0.1:9", limits=None, retry=ONCE, transport="httpx")
    with (
        vcr.use_cassette(str(cassette), record_mode="none", match_on=["method", "uri"]),
        pytest.raises(RagbridgeError, match="418.*recorded"),
    ):
        client.embed(["a"])


def test_httpx2_is_taken_where_it_is_installed_and_httpx_where_it_is_not(monkeypatch):
    """Neither has to be named where a client of httpx's kind is needed, as for proxies."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    pytest.importorskip("httpx2")
    assert Jina("k")._transport._library.__name__ == "httpx2"
    monkeypatch.setitem(sys.modules, "httpx2", None)
    assert Jina("k")._transport._library.__name__ == "httpx"
    with pytest.raises(ConfigurationError, match=r'transport="httpx2" needs the package httpx2.*pip install'):
        Jina("k", transport="httpx2")


def test_no_http_library_but_the_chosen_one_is_loaded():
    """Whoever names httpx pays for no other."""
    code = (
        "import sys; from ragbridge import Jina; Jina('k', transport='httpx');"
        "print([name for name in ('aiohttp', 'httpx', 'httpx2', 'urllib3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'httpx'" in done.stdout
    assert "aiohttp" not in done.stdout
    assert "urllib3" not in done.stdout


def test_the_own_transport_is_refused_where_it_cannot_do_what_is_asked(monkeypatch):
    """With what to do instead; ``auto`` would have taken another one without a word."""
    with pytest.raises(ConfigurationError, match='transport="fast": an HTTP client that is passed in'):
        Jina("k", transport="fast", http_client=httpx.Client())
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    with pytest.raises(ConfigurationError, match='transport="fast": it goes through no proxy'):
        Jina("k", transport="fast")


def test_the_own_transport_checks_no_certificates_where_it_is_told_so():
    """``verify=False`` needs no library of its own."""
    assert Elastic("https://a.example", transport="fast", verify=False).sent_by == "ragbridge itself"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"transport": "requests"}, "transport='requests' must be one of 'auto', 'httpx', 'httpx2', 'fast'"),
        ({"transport": object()}, "object, which has neither send nor send_async"),
        ({"http_client": object()}, "http_client is builtins.object, not a client"),
        ({"http_client": httpx.Client}, "http_client is Client, not a client"),
        ({"http_client": httpx.AsyncClient()}, "methods are awaited: pass it as async_http_client="),
        ({"async_http_client": httpx.Client()}, "methods are not awaited: pass it as http_client="),
    ],
    ids=["a name", "an object", "no client", "a class", "an awaited client", "a blocking client"],
)
def test_what_cannot_send_is_refused_when_the_client_is_made(settings, message):
    """Not by the first request, in words of another library."""
    for kind in (Jina, Elastic):
        with pytest.raises(ConfigurationError, match=message):
            kind("http://a.example" if kind is Elastic else "k", **settings)


def test_a_pickled_client_keeps_the_name_of_its_library(monkeypatch):
    """In the other process it sends by the same one."""
    monkeypatch.setenv("JINA_API_KEY", "k")
    for client in (Jina(transport="httpx"), Elastic("http://a.example", transport="httpx")):
        again = pickle.loads(pickle.dumps(client))
        assert again._transport._library.__name__ == "httpx"


@pytest.mark.parametrize("library", ["httpx", "httpx2", "fast"])
@pytest.mark.parametrize("face", ["sync", "async"])
def test_what_a_library_says_of_a_failure_holds_neither_key_nor_query(raw_server, library, face):
    """No error of the library is behind ours: it holds the request, with its headers and the query of its address."""
    pytest.importorskip({"fast": "httpx"}.get(library, library))

    def hang_up(wire: Any, request: Any) -> None:
        wire.hang_up()

    key = "jina_s3cretQs3cretQ"
    client = Jina(key, host="jina", base_url=raw_server(hang_up), limits=None, retry=ONCE, transport=library)
    with pytest.raises(RequestError) as raised:
        client.embed(["a"]) if face == "sync" else asyncio.run(client.aembed(["a"]))
    error: BaseException | None = raised.value
    while error is not None:
        assert type(error).__module__.partition(".")[0] in {"ragbridge", "builtins", "ssl", "socket"}
        assert key not in repr(vars(error))
        error = error.__cause__ or error.__context__
    frames = traceback.extract_tb(raised.value.__traceback__)
    assert not [frame for frame in frames if "site-packages" in frame.filename]


def test_the_systems_own_reason_stays_the_cause():
    """The number of a refused connection is worth knowing; it holds no address with a query."""
    client = Jina("k", host="jina", base_url="http://127.0.0.1:9", limits=None, retry=ONCE)
    with pytest.raises(RequestError) as raised:
        client.embed(["a"])
    cause = raised.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.__traceback__ is None


def test_where_a_system_has_no_certificates_those_of_httpx_are_trusted(monkeypatch):
    """httpx2 takes the system's, and a small container may have none."""
    core = pytest.importorskip("httpcore2._ssl")
    if not hasattr(core, "CA_FILE_CANDIDATES"):
        pytest.skip("this httpx2 asks the system in another way")
    paths = ssl.get_default_verify_paths()._replace(openssl_cafile="/missing", openssl_capath="/missing")
    monkeypatch.setattr(core.ssl, "get_default_verify_paths", lambda: paths)
    monkeypatch.setattr(core, "CA_FILE_CANDIDATES", [])
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert tls.certificates().cert_store_stats()["x509_ca"] > 0
