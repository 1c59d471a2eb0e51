"""How ``Elastic`` is connected: addresses, credentials, certificates, and what leaves the process."""

from __future__ import annotations

import asyncio
import base64
import copy
import inspect
import json
import pickle
import ssl
import threading
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context

import httpx
import pytest

import ragbridge
from ragbridge import ConfigurationError, Elastic, RateLimit, RequestError, Retry
from ragbridge.local import Engine
from ragbridge.server import running

ONCE = Retry(attempts=1)


def cloud_id(text, name="my-deployment:"):
    return name + base64.b64encode(text.encode()).decode()


ADDRESSES = [
    ({"url": "https://es.example:9200"}, "https://es.example:9200"),
    ({"url": " http://127.0.0.1:9200/ "}, "http://127.0.0.1:9200"),
    ({"url": "https://gateway.example/search/es/"}, "https://gateway.example/search/es"),
    ({"url": "http://[::1]:9200"}, "http://[::1]:9200"),
    (
        {"cloud_id": cloud_id("eu-central-1.aws.cloud.es.io$abc$def")},
        "https://abc.eu-central-1.aws.cloud.es.io",
    ),
    ({"cloud_id": cloud_id("aws.found.io:9243$abc$def")}, "https://abc.aws.found.io:9243"),
    ({"cloud_id": cloud_id("aws.found.io$abc:9244$def")}, "https://abc.aws.found.io:9244"),
    ({"cloud_id": cloud_id("aws.found.io:443$abc$")}, "https://abc.aws.found.io"),
    ({"cloud_id": cloud_id("aws.found.io$abc")}, "https://abc.aws.found.io"),
    ({"cloud_id": cloud_id("aws.found.io$abc$def", name="")}, "https://abc.aws.found.io"),
    ({"cloud_id": cloud_id("aws.found.io$abc$def", name="a:b:").rstrip("=")}, "https://abc.aws.found.io"),
]


@pytest.mark.parametrize(("arguments", "address"), ADDRESSES)
def test_requests_go_where_the_address_says(cluster, face, arguments, address):
    """Ports and paths before Elasticsearch's routes stay; a Cloud ID is what stands in it."""
    transport = cluster()
    elastic = Elastic(**arguments, transport=transport)
    face(elastic, "embed", ["1"], inference_id="my")
    assert transport.requests[0].url == f"{address}/_inference/text_embedding/my"
    assert elastic.url == address


NO_ADDRESSES = [
    ({}, "no address.*ELASTICSEARCH_URL"),
    ({"url": "https://x", "cloud_id": cloud_id("a$b$c")}, "give one"),
    ({"url": "es.example:9200"}, "http"),
    ({"url": "ftp://es.example"}, "http"),
    ({"url": "https://"}, "http"),
    ({"url": "https://x/?pretty"}, r"\?"),
    ({"url": 9200}, "int, not str"),
    ({"url": "http://[::1"}, "no address"),
    ({"url": "http://es.example:99999"}, "no address.*[Pp]ort"),
    ({"url": "http://es.example:es"}, "no address.*[Pp]ort"),
    ({"url": "https://me:hunter2@[::1"}, "basic_auth"),
    ({"url": "elastic:hunter2@localhost"}, "url=.*basic_auth"),
    ({"url": "https:/me:hunter2@es.example"}, "basic_auth"),
    ({"url": "//me:hunter2@es.example"}, "basic_auth"),
    ({"url": "https://me:hunter2/x@es.example"}, "basic_auth"),
    ({"url": "https://me:hunter2#x@es.example"}, "basic_auth"),
    ({"url": "https://me:hunter2?x@es.example"}, "basic_auth"),
    ({"url": "https://me:12/hunter2@es.example"}, "basic_auth"),
    ({"url": "https://me:hunter2%40es.example"}, "no address.*port"),
    ({"url": "https://me:hunter2"}, "no address.*port"),
    ({"url": "me:hunter2"}, "http"),
    ({"url": "https://me:hunter2\uff20es.example"}, "no address"),
    ({"url": "https://a..invalid"}, "no name that can be looked up"),
    ({"url": "https://es example"}, "no name that can be looked up"),
    ({"url": "https://" + "a" * 64 + ".example"}, "no name that can be looked up"),
    ({"url": "https://me:hunter2@es.example"}, "basic_auth"),
    ({"cloud_id": ""}, "not a Cloud ID"),
    ({"cloud_id": "name:!!!"}, "not a Cloud ID"),
    ({"cloud_id": cloud_id("nothing")}, "not a Cloud ID"),
    ({"cloud_id": cloud_id("host$$kibana")}, "names no Elasticsearch"),
    ({"cloud_id": cloud_id("$abc$def")}, "names no host"),
    ({"cloud_id": cloud_id("host:port$abc$def")}, "names no host"),
    ({"cloud_id": cloud_id("host:99999$abc$def")}, "names no host"),
    ({"cloud_id": cloud_id("évil$abc$def")}, "not a Cloud ID"),
    ({"cloud_id": cloud_id("host@evil$abc$def")}, "user name"),
    ({"cloud_id": 1}, "int, not str"),
]


@pytest.mark.parametrize(("arguments", "says"), NO_ADDRESSES)
def test_what_is_no_address_is_refused(arguments, says):
    """The message says what to do, and holds no password."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        Elastic(**arguments)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("ELASTICSEARCH_URL", "elastic:hunter2@localhost"), ("ELASTIC_CLOUD_ID", "hunter2")]
)
def test_a_wrong_address_in_the_environment_is_named_by_its_variable(monkeypatch, name, value):
    """Nobody gave a setting. What may be a password is not shown."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{name}") as caught:
        Elastic()
    assert "hunter2" not in str(caught.value)


CREDENTIALS = [
    ({"api_key": "ZW5jb2RlZDprZXk="}, "ApiKey ZW5jb2RlZDprZXk="),
    ({"api_key": ("id", "key")}, "ApiKey " + base64.b64encode(b"id:key").decode()),
    ({"basic_auth": ("me", "pä:ss")}, "Basic " + base64.b64encode("me:pä:ss".encode()).decode()),
    ({"bearer_auth": "eyJ0.eyJz.c2ln"}, "Bearer eyJ0.eyJz.c2ln"),
    ({}, None),
]


@pytest.mark.parametrize(("arguments", "header"), CREDENTIALS)
def test_credentials_travel_in_their_header_and_show_nowhere(cluster, connect, arguments, header):
    """The three that Elasticsearch knows, or none for a cluster without security."""
    transport = cluster()
    elastic = connect(transport, **arguments)
    elastic.embed(["1"], inference_id="my")
    assert transport.requests[0].headers.get("authorization") == header
    shown = repr(elastic) + repr(vars(elastic)) + repr(vars(elastic._channel)) + repr(transport.requests)
    assert header is None or header.split()[1] not in shown


NO_CREDENTIALS = [
    ({"api_key": "a", "bearer_auth": "b"}, "give one"),
    ({"api_key": ("id", "key"), "basic_auth": ("a", "b")}, "give one"),
    ({"api_key": "id:key"}, r"api_key=\(id, key\)"),
    ({"api_key": ""}, "api_key is empty"),
    ({"api_key": ("id",)}, r"api_key must be \(id, key\)"),
    ({"api_key": 5}, "api_key is int"),
    ({"basic_auth": "me:secret"}, r"basic_auth must be \(user, password\)"),
    ({"basic_auth": ("me", "")}, "basic_auth must"),
    ({"basic_auth": ("m:e", "secret")}, "colon"),
    ({"bearer_auth": 1}, "bearer_auth is int"),
    ({"bearer_auth": "two words"}, "bearer_auth holds"),
]


@pytest.mark.parametrize(("arguments", "says"), NO_CREDENTIALS)
def test_what_is_no_credential_is_refused(arguments, says):
    """The message names the argument, and does not repeat what may be secret."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        Elastic("https://es.example", **arguments)
    assert "secret" not in str(caught.value)


def test_the_environment_says_what_the_arguments_do_not(cluster, monkeypatch):
    """Address or Cloud ID, and an API key; arguments come first."""
    monkeypatch.setenv("ELASTICSEARCH_URL", "http://from.env:9200")
    monkeypatch.setenv("ELASTIC_API_KEY", "ZW52")
    for arguments, url, header in (
        ({}, "http://from.env:9200", "ApiKey ZW52"),
        ({"url": "http://given", "api_key": "Z2l2"}, "http://given", "ApiKey Z2l2"),
        ({"bearer_auth": "t"}, "http://from.env:9200", "Bearer t"),
        ({"cloud_id": cloud_id("host$abc$def")}, "https://abc.host", "ApiKey ZW52"),
    ):
        transport = cluster()
        Elastic(**arguments, transport=transport).embed(["1"], inference_id="my")
        assert transport.requests[0].url.startswith(url)
        assert transport.requests[0].headers["authorization"] == header
    monkeypatch.setenv("ELASTIC_CLOUD_ID", cloud_id("host$abc$def"))
    with pytest.raises(ConfigurationError, match="ELASTICSEARCH_URL and ELASTIC_CLOUD_ID"):
        Elastic()
    monkeypatch.delenv("ELASTICSEARCH_URL")
    assert Elastic().url == "https://abc.host"


def test_the_embedded_engine_gets_no_credentials(monkeypatch):
    """Not by mistake, and not from the environment."""
    monkeypatch.setenv("ELASTIC_API_KEY", "ZW52")
    assert not Elastic("local")._channel.signed
    for arguments in ({"api_key": "a"}, {"basic_auth": ("a", "b")}, {"bearer_auth": "a"}):
        with pytest.raises(ConfigurationError, match="no credentials"):
            Elastic("local", **arguments)


SETTINGS = [
    ({"timeout": 0}, "timeout"),
    ({"concurrency": 0}, "concurrency"),
    ({"batch_size": 0}, "batch_size"),
    ({"batch_size": 2049}, "2048"),
    ({"limits": "free"}, "'eis'"),
    ({"verify": "no"}, "verify is str"),
    ({"verify": False, "ca_certs": "a.pem"}, "give one"),
    ({"verify": ssl.create_default_context(), "ca_certs": "a.pem"}, "give one"),
    ({"ca_certs": "/nowhere/ca.pem"}, "ca_certs='/nowhere/ca.pem'"),
    ({"ca_certs": __file__}, "holds no certificates"),
    ({"verify": False, "http_client": object()}, "no effect on your own HTTP client"),
]


@pytest.mark.parametrize(("arguments", "says"), SETTINGS)
def test_settings_that_cannot_work_are_refused(arguments, says):
    """When the client is made, not when it is used."""
    with pytest.raises(ConfigurationError, match=says):
        Elastic("https://es.example", **arguments)


def test_published_limits_know_queries_and_documents(clock, cluster, connect):
    """The Elastic Inference Service lets a tenth of the tokens through for queries."""
    channel = connect(cluster(), limits="eis", clock=clock)._channel
    assert channel.limiter("text_embedding/my").limit == RateLimit(6_000, 6_000_000, None)
    assert channel.limiter("text_embedding_search/my").limit == RateLimit(6_000, 600_000, None)
    assert channel.limiter("rerank/my").limit.requests_per_minute == 600
    assert channel.limiter("endpoints").limit.requests_per_minute is None
    channel = connect(cluster(), limits="eis-v5", clock=clock)._channel
    assert channel.limiter("text_embedding/my").limit == RateLimit(30_000, 30_000_000, None)
    assert channel.limiter("embedding_search/my").limit == RateLimit(60_000, 6_000_000, None)
    assert channel.limiter("rerank/my").limit.requests_per_minute == 600


def test_clients_of_one_cluster_and_credential_share_an_endpoints_quota():
    """A limit that one of them was given is not lifted by another that was given none."""
    chosen = Elastic("http://share.example", limits=RateLimit(60, None, None))
    default = Elastic("http://share.example")
    limiter = chosen._channel.limiter("text_embedding/my")
    assert default._channel.limiter("text_embedding_search/my") is limiter
    assert limiter.limit == RateLimit(60, None, None)
    assert chosen._channel.limiter("text_embedding/other") is not limiter
    assert Elastic("http://share.example", api_key="a")._channel.limiter("text_embedding/my") is not limiter


def test_both_faces_of_each_method_have_one_signature():
    """One definition, two methods; the package exports what they return."""
    for name in ("embed", "sparse_embed", "rerank"):
        blocking, awaited = getattr(Elastic, name), getattr(Elastic, f"a{name}")
        assert inspect.signature(blocking) == inspect.signature(awaited)
        assert blocking.__doc__ == awaited.__doc__
        assert inspect.iscoroutinefunction(awaited)
    assert ragbridge.Elastic is Elastic
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = ragbridge.Nothing


def test_pickles_hold_no_credential(monkeypatch):
    """They hold settings; the process that unpickles has a key of its own, or says that it needs one."""
    elastic = Elastic("http://es:9200", basic_auth=("me", "hunter2"), batch_size=7, limits=None)
    data = pickle.dumps(elastic)
    assert b"hunter2" not in data
    assert base64.b64encode(b"me:hunter2") not in data
    with pytest.raises(ConfigurationError, match="do not travel in pickles.*ELASTIC_API_KEY"):
        pickle.loads(data).embed(["1"], inference_id="my")
    monkeypatch.setenv("ELASTIC_API_KEY", "ZW52")
    again = pickle.loads(data)
    assert (again.url, again._batch_size, repr(again)) == (elastic.url, 7, repr(elastic))
    assert again._channel._credential.key.reveal() == "ZW52"


def test_groups_of_methods_travel_with_their_client():
    """``elastic.endpoints`` can be handed to another process as the client can."""
    found = pickle.loads(pickle.dumps(Elastic("local").endpoints))
    assert found.get(".elser-2-elastic").service == "elastic"


def test_a_client_without_credentials_stays_without(monkeypatch):
    """A key of the environment is not sent to where none was sent before."""
    data = pickle.dumps(Elastic("http://es:9200"))
    monkeypatch.setenv("ELASTIC_API_KEY", "ZW52")
    assert not pickle.loads(data)._channel.signed


def test_a_client_works_in_another_process():
    """As job runners make it: pickled, sent, used."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(_shape, Elastic("local"), ["a", "b"]).result(timeout=60)
    assert found == (2, 384)


def _shape(elastic, texts):
    return elastic.embed(texts, inference_id=".multilingual-e5-small-elasticsearch").vectors.shape


def test_copies_are_the_client_itself():
    """Connections and quota are shared on purpose; a copy would lose the credential."""
    elastic = Elastic("http://es:9200", api_key="a")
    assert copy.copy(elastic) is elastic
    assert copy.deepcopy({"client": elastic})["client"] is elastic


@pytest.mark.parametrize("part", [{"http_client": httpx.Client()}, {"verify": ssl.create_default_context()}])
def test_what_stays_in_this_process_cannot_be_pickled(part):
    """A client or trust of the caller's own is said to be in the way."""
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Elastic("https://es:9200", **part))


def test_context_managers_close_what_was_opened():
    """The object stays usable."""
    with Elastic("local") as elastic:
        assert len(elastic.embed(["a"], inference_id=".jina-embeddings-v3")) == 1

    async def once():
        async with Elastic("local") as mine:
            return await mine.aembed(["a"], inference_id=".jina-embeddings-v3")

    assert len(asyncio.run(once())) == 1


@pytest.fixture(params=["httpx", "fast"])
def library(request, monkeypatch):
    """Both ways over HTTP."""
    if request.param != "fast":
        monkeypatch.setattr("ragbridge.transport.standard.AUTO", "httpx")
    return request.param


def test_over_http_as_in_process(library, face):
    """``ragbridge serve`` answers what the embedded engine answers."""
    texts = ["the sea", "a mountain"] * 9
    with running(Engine()) as url, Elastic(url) as elastic:
        found = face(elastic, "embed", texts, inference_id=".jina-embeddings-v3", role="document")
        assert (
            type(elastic._transport).__name__
            == {"httpx": "HttpTransport", "fast": "DirectTransport"}[library]
        )
    local = Elastic("local").embed(texts, inference_id=".jina-embeddings-v3", role="document")
    assert (found.vectors == local.vectors).all()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"text_embedding": [{"embedding": [1.0, 2.0]}]}).encode()
        self.send_response(200)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that refuses the certificate hangs up, which is what is tested."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority that nobody knows, and its file."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("certs") / "http_ca.crt"
    authority.cert_pem.write_to_path(path)
    return authority, path


@pytest.fixture(scope="module")
def secure(authority):
    """A server with a certificate of that authority, as Elasticsearch sets itself up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert("127.0.0.1").configure_cert(context)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ways(authority, tmp_path):
    """Each way to trust that server."""
    path = authority[1]
    context = ssl.create_default_context(cafile=path)
    return [{"ca_certs": path}, {"ca_certs": str(path)}, {"verify": context}, {"verify": False}]


@pytest.mark.usefixtures("library")
def test_a_certificate_of_ones_own_authority_is_trusted_where_it_is_named(secure, ways, face):
    """By file, by a context of one's own, or not looked at."""
    for way in ways:
        elastic = Elastic(secure, **way, retry=ONCE)
        assert face(elastic, "embed", ["1"], inference_id="my").vectors.tolist() == [[1.0, 2.0]]
        elastic.close()


@pytest.mark.usefixtures("library")
def test_an_unknown_authority_is_said_to_be_unknown(secure, face):
    """At once, for no further attempt would help, and with the way out."""
    elastic = Elastic(secure, retry=Retry())
    with pytest.raises(RequestError, match=r"certificate is not trusted.*ca_certs=") as caught:
        face(elastic, "embed", ["1"], inference_id="my")
    assert not caught.value.retryable
    assert elastic.usage.requests == 1
    elastic.close()


@pytest.mark.usefixtures("library")
def test_a_certificate_of_another_name_is_told_apart(secure, authority, face):
    """Its authority is known: what helps is the server's name."""
    elastic = Elastic(secure.replace("127.0.0.1", "localhost"), ca_certs=authority[1], retry=Retry())
    with pytest.raises(RequestError, match=r"not trusted \(Hostname mismatch.*; use the name"):
        face(elastic, "embed", ["1"], inference_id="my")
    assert elastic.usage.requests == 1
    elastic.close()


@pytest.mark.usefixtures("library")
def test_a_server_without_tls_is_said_to_have_none(face):
    """``https`` where it should be ``http``: at once, and in words."""
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    elastic = Elastic(f"https://127.0.0.1:{server.server_address[1]}", retry=Retry())
    with pytest.raises(RequestError, match=r"does not speak TLS.*http://"):
        face(elastic, "embed", ["1"], inference_id="my")
    assert elastic.usage.requests == 1
    elastic.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_callers_own_client_decides_for_itself(secure, authority):
    """Its trust, its headers; it is not closed."""
    context = ssl.create_default_context(cafile=authority[1])
    with httpx.Client(verify=context, headers={"x-gateway": "1"}) as client:
        elastic = Elastic(secure, http_client=client, retry=ONCE)
        assert len(elastic.embed(["1"], inference_id="my")) == 1
        elastic.close()
        assert not client.is_closed
