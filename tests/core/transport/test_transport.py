"""HTTP as it happens: real sockets, event loops that come and go, forks, and clients of the caller's own."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import threading
import warnings

import httpx
import pytest

from ragbridge import ConfigurationError, Jina, RequestError, ResponseError, Retry
from ragbridge.flow import Request
from ragbridge.local import Engine
from ragbridge.server import running
from ragbridge.transport import libraries
from ragbridge.transport.standard import over_http

TEXTS = [f"text number {n} about the sea" for n in range(40)]
ONCE = Retry(attempts=1)


@pytest.fixture(scope="module")
def url():
    """The embedded engine behind a real socket."""
    with running(Engine()) as address:
        yield address


@pytest.fixture(params=["httpx", "httpx2", "fast"], autouse=True)
def library(request, monkeypatch):
    """Every test runs with httpx, with httpx2 where it is installed, and on connections of our own."""
    if request.param != "fast":
        pytest.importorskip(request.param)
        monkeypatch.setattr("ragbridge.transport.standard.AUTO", "httpx")
        monkeypatch.setattr("ragbridge.transport.standard.PREFERRED", ())
        monkeypatch.setattr(libraries, "PREFERRED", (request.param,))
    return request.param


@pytest.fixture
def jina(url, library):
    """A client of that server that sends several requests for a few texts."""
    with Jina(base_url=url, host="jina", limits=None, batch_size=8, concurrency=4) as client:
        yield client


def test_the_library_is_the_one_that_is_meant(jina, library):
    """The other tests of this module say something about both."""
    assert type(jina._transport).__name__ == ("DirectTransport" if library == "fast" else "HttpTransport")
    assert library == "fast" or jina._transport._library.__name__ == library


def test_a_proxy_in_the_environment_is_left_to_httpx(monkeypatch, url):
    """Only httpx is asked to find its way through proxies; addresses that bypass them need none."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert type(Jina("k")._transport).__name__ == "HttpTransport"
    assert Jina(base_url=url, host="jina").embed(["a"]).vectors.shape == (1, 1024)


def test_http_and_the_embedded_engine_give_the_same(jina):
    """The transport changes nothing."""
    local = Jina(base_url="local").embed(TEXTS, role="document")
    assert (jina.embed(TEXTS, role="document").vectors == local.vectors).all()


def test_two_event_loops_in_a_row_leave_nothing_open(jina):
    """``asyncio.run`` twice: each loop has its own connections and closes them when it ends."""

    def once():
        return asyncio.run(jina.aembed(TEXTS)).usage.requests

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [once(), once()] == [5, 5]
        gc.collect()
    assert len(jina._transport._by_loop) == 0


def test_several_event_loops_at_once(jina):
    """Threads with a loop each share the client."""
    found = []

    def work():
        found.append(asyncio.run(jina.aembed(TEXTS)).vectors.shape)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(40, 1024)] * 4


async def test_a_plain_call_works_inside_a_running_loop(jina):
    """As in a notebook, whose cells run in one."""
    assert jina.embed(TEXTS).vectors.shape == (40, 1024)
    assert (await jina.aembed(TEXTS)).vectors.shape == (40, 1024)


async def test_many_calls_at_once_on_one_loop(jina):
    """Gathered calls do not mix their rows."""
    results = await asyncio.gather(*(jina.aembed([text]) for text in TEXTS))
    whole = await jina.aembed(TEXTS)
    for index, result in enumerate(results):
        assert result.vectors[0] == pytest.approx(whole.vectors[index], abs=1e-6)


async def test_closing_frees_the_loops_connections_and_the_client_stays_usable(url):
    """``aclose`` is no end: a later call opens new connections."""
    async with Jina(base_url=url, host="jina", limits=None) as client:
        await client.aembed(TEXTS)
    assert len(client._transport._by_loop) == 0
    await client.aembed(TEXTS)
    client.embed(TEXTS)
    await client.aclose()
    assert client._transport._own is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_opens_its_own_connections(jina):
    """A child that used the parent's socket would mix both processes' answers."""
    before = jina.embed(TEXTS).vectors
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            same = (jina.embed(TEXTS).vectors == before).all()
            os.write(writer, b"same" if same else b"other")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"same"
    os.close(reader)
    os.close(writer)
    assert (jina.embed(TEXTS).vectors == before).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("used", [True, False], ids=["used", "not used"])
def test_a_forked_child_does_not_share_a_client_of_the_callers_own(url, used):
    """Its connections are the parent's, so each process would read the other's answers; a client without any is fine."""
    with httpx.Client() as client:
        jina = Jina(base_url=url, host="jina", limits=None, http_client=client)
        if used:
            jina.embed(TEXTS[:1])
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writer, str(len(jina.embed(TEXTS).vectors)).encode())
            except ConfigurationError as error:
                os.write(writer, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert (b"make one in each process" in os.read(reader, 1000)) == used
        assert len(jina.embed(TEXTS).vectors) == 40
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_refused_connection_is_a_request_error(face):
    """With the address and the reason, which is not that something took too long."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        jina = Jina(base_url=address, host="jina", limits=None, retry=ONCE)
        with pytest.raises(RequestError, match=f"{address}.*(refused|failed|[Cc]onnect)") as raised:
            jina.embed(["a"]) if face == "sync" else asyncio.run(jina.aembed(["a"]))
    assert "no answer within" not in str(raised.value)


@pytest.mark.parametrize("face", ["sync", "async"])
def test_silence_is_a_timeout_that_names_its_setting(face):
    """A server that accepts and says nothing is left after ``timeout`` seconds."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        client = Jina(base_url=address, host="jina", limits=None, retry=ONCE, timeout=0.2)
        with pytest.raises(RequestError, match="0.2 s.*timeout="):
            client.embed(["a"]) if face == "sync" else asyncio.run(client.aembed(["a"]))
        client.close()


def every_error_of(library):
    names = [getattr(library, name) for name in dir(library)]
    return [kind for kind in names if isinstance(kind, type) and issubclass(kind, library.RequestError)]


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_no_error_of_the_http_library_reaches_a_caller(name):
    """Each kind of failed request is one of ours, and none of the library's is behind it: those hold the request."""
    theirs = pytest.importorskip(name)
    for kind in every_error_of(theirs):

        def fail(request, kind=kind):
            raise kind("went wrong")

        client = theirs.Client(transport=theirs.MockTransport(fail))
        with pytest.raises((RequestError, ConfigurationError)) as raised:
            Jina(base_url="http://x", host="jina", limits=None, retry=ONCE, http_client=client).embed(["a"])
        assert (raised.value.__cause__, raised.value.__context__) == (None, None)


def test_a_client_of_the_callers_own_is_used_and_left_open():
    """Proxies, certificates and tracing are the caller's business."""
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(503)

    client = httpx.Client(transport=httpx.MockTransport(answer), headers={"x-mine": "yes"})
    with (
        pytest.raises(Exception, match="503"),
        Jina("key", base_url="http://x", host="jina", limits=None, retry=ONCE, http_client=client) as jina,
    ):
        jina.embed(["a"])
    assert not client.is_closed
    assert seen[0].headers["x-mine"] == "yes"
    assert seen[0].headers["authorization"] == "Bearer key"
    assert seen[0].headers["accept-encoding"] == "identity"
    client.close()
    with pytest.raises(ConfigurationError, match="closed"):
        jina.embed(["a"])


def test_a_redirect_is_not_followed_with_the_key():
    """It is an error that says where the service went; the key stays here."""
    seen = []

    def answer(request):
        seen.append(request.url.host)
        return httpx.Response(307, headers={"location": "https://elsewhere.example/v1/embeddings"})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    with pytest.raises(ResponseError, match="elsewhere.example"):
        Jina("key", base_url="http://x", host="jina", limits=None, http_client=client).embed(["a"])
    assert seen == ["x"]


def test_a_job_over_many_texts_reuses_its_connections(url):
    """Connections are kept: as many as requests run side by side, not one for each request."""
    opened = []
    real = socket.socket.connect

    def connect(self, address):
        opened.append(address)
        return real(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect)
    try:
        with Jina(base_url=url, host="jina", limits=None, batch_size=2, concurrency=3) as client:
            client.embed(TEXTS)
            client.embed(TEXTS)
    finally:
        patch.undo()
    assert 1 <= len(opened) <= 3


def test_the_service_sees_what_it_is_meant_to_see():
    """Method, path, content type and body, as bytes on a wire."""
    seen = {}

    def answer(request):
        seen.update(method=request.method, url=str(request.url), type=request.headers["content-type"])
        seen["body"] = json.loads(request.content)
        return httpx.Response(500)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    with pytest.raises(Exception, match="500"):
        Jina(base_url="http://x", host="jina", limits=None, retry=ONCE, http_client=client).embed(
            ["ä€😀\x00"], role="query"
        )
    assert (seen["method"], seen["url"], seen["type"]) == (
        "POST",
        "http://x/v1/embeddings",
        "application/json",
    )
    assert seen["body"]["input"] == ["ä€😀\x00"]


@pytest.mark.parametrize(
    "url",
    [
        "http://[127.0.0.1]:9/x?sig=hunter2",
        "http://xn--a:9/x?sig=hunter2",
        "http://127.0.0.1:9/\ud800?hunter2",
    ],
)
def test_an_address_that_a_library_does_not_read_is_a_typed_error(url, library):
    """Which a service may name for a file; what libraries quote of it is not repeated."""
    transport = over_http("http://127.0.0.1:9", timeout=5, deadline=9, connections=2)

    async def ask():
        try:
            return await transport.send_async(Request("GET", url))
        finally:
            await transport.close_async()

    for call in (lambda: transport.send(Request("GET", url)), lambda: asyncio.run(ask())):
        with pytest.raises((ConfigurationError, RequestError)) as raised:
            call()
        assert "hunter2" not in str(raised.value)
