"""What ``Elastic.from_client`` takes from an official client, of both majors."""

from __future__ import annotations

import asyncio
import pickle
import ssl

import pytest

from ragbridge import ConfigurationError, Elastic
from ragbridge.local import Engine
from ragbridge.server import running

elasticsearch = pytest.importorskip("elasticsearch")

CLOUD_ID = "my:ZXUuZXhhbXBsZS5pbyRhYmMkZGVm"  # eu.example.io$abc$def
KINDS = ["Elasticsearch", "AsyncElasticsearch"]


@pytest.fixture(params=KINDS)
def official(request):
    """``official(hosts, **settings)``: an official client; closed at the end."""
    made = []

    def make(*args, **named):
        made.append(getattr(elasticsearch, request.param)(*args, **named))
        return made[-1]

    yield make
    for client in made:
        closing = client.close()
        if closing is not None:
            asyncio.run(closing)


TAKEN = [
    ({"hosts": "http://es.example:9200"}, "http://es.example:9200", None),
    ({"hosts": "http://es.example:9200/a/path/", "api_key": ("id", "key")}, "http://es.example:9200/a/path", "ApiKey aWQ6a2V5"),
    ({"hosts": "https://es.example:443", "api_key": "aWQ6a2V5"}, "https://es.example:443", "ApiKey aWQ6a2V5"),
    ({"hosts": "http://me:secret@es.example:9200"}, "http://es.example:9200", "Basic bWU6c2VjcmV0"),
    ({"hosts": "http://es.example:9200", "basic_auth": ("me", "secret")}, "http://es.example:9200", "Basic bWU6c2VjcmV0"),
    ({"hosts": "http://es.example:9200", "bearer_auth": "token"}, "http://es.example:9200", "Bearer token"),
    ({"hosts": [{"scheme": "http", "host": "::1", "port": 9200}]}, "http://[::1]:9200", None),
    ({"cloud_id": CLOUD_ID, "api_key": "aWQ6a2V5"}, "https://abc.eu.example.io:443", "ApiKey aWQ6a2V5"),
    ({"hosts": ["http://one:9200", "http://two:9200"], "opaque_id": "app"}, "http://one:9200", None),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "url", "header"), TAKEN)
def test_address_and_credentials_are_taken(official, settings, url, header, monkeypatch):
    """Whatever the client was made with; a key of the environment is not sent to where the client sends none."""
    monkeypatch.setenv("ELASTIC_API_KEY", "ZW52")
    elastic = Elastic.from_client(official(**settings))
    credential = elastic._channel._credential
    assert elastic.url == url
    assert (f"{credential.scheme} {credential.key.reveal()}" if credential else None) == header
    assert "secret" not in repr(vars(elastic))


def test_a_copy_with_other_credentials_is_taken_as_it_is(official):
    """``client.options(...)`` makes one."""
    es = official("http://es.example:9200", api_key="aWQ6a2V5").options(bearer_auth="token")
    assert Elastic.from_client(es)._channel._credential.key.reveal() == "token"


def test_what_the_client_trusts_is_trusted(official, tmp_path):
    """A file of certificates, a context, or anybody."""
    trustme = pytest.importorskip("trustme")
    path = tmp_path / "http_ca.crt"
    trustme.CA().cert_pem.write_to_path(path)
    url = "https://es.example:9200"
    context = ssl.create_default_context(cafile=path)

    def trust(**settings):
        return Elastic.from_client(official(url, **settings))._transport._trust

    assert trust() is None
    assert trust(ca_certs=str(path)).cert_store_stats()["x509_ca"] == 1
    assert trust(verify_certs=False, ssl_show_warn=False).verify_mode == ssl.CERT_NONE
    assert trust(ssl_context=context) is context


def test_its_retries_and_timeouts_are_not_taken(official):
    """The official client retries at once and waits for 10 seconds; Elasticsearch waits 30 for a model."""
    es = official("http://es.example:9200", max_retries=9, request_timeout=1)
    elastic = Elastic.from_client(es)
    assert elastic._channel.timeout == Elastic.TIMEOUT
    assert elastic._channel.retry.attempts == 5
    assert Elastic.from_client(es, timeout=7, batch_size=3, limits=None)._channel.timeout == 7


def test_it_can_be_pickled_like_any_other(official, monkeypatch):
    """Without the credential, of which the other process has its own."""
    elastic = Elastic.from_client(official("http://es.example:9200", api_key="aWQ6a2V5"))
    data = pickle.dumps(elastic)
    assert b"aWQ6a2V5" not in data
    monkeypatch.setenv("ELASTIC_API_KEY", "ZW52")
    assert pickle.loads(data)._channel._credential.key.reveal() == "ZW52"


REFUSED = [
    ({"client_cert": "a.pem", "client_key": "b.pem"}, "client_cert cannot be taken over.*SSLContext"),
    ({"ssl_assert_fingerprint": "ab" * 32}, "ssl_assert_fingerprint.*ca_certs="),
    ({"ssl_assert_hostname": "other"}, "ssl_assert_hostname"),
    ({"headers": {"Proxy-Authorization": "secret"}}, r"headers\['proxy-authorization'\] belongs to"),
    ({"headers": {"Authorization": "secret"}}, "Authorization header"),
]


class _Config:
    """A node's settings, as the official package has them."""

    def __init__(self, **settings):
        defaults = {"scheme": "https", "host": "es", "port": 9200, "path_prefix": "", "headers": {}, "ca_certs": None,
                    "verify_certs": True, "ssl_context": None}  # fmt: skip
        vars(self).update({**defaults, **settings})


def _stub(node_module="elastic_transport", headers=None, **settings):
    """A client with a node of these settings; some of them cannot be made without files."""
    node = type("Node", (), {"__module__": node_module, "config": _Config(**settings)})()
    pool = type("Pool", (), {"all": lambda self: [node]})()
    transport = type("Transport", (), {"node_pool": pool})()
    return type("Elasticsearch", (), {"transport": transport, "_headers": headers or {}})()


@pytest.mark.parametrize(("settings", "says"), REFUSED)
def test_what_cannot_be_taken_is_refused(settings, says):
    """Nothing is dropped in silence; the message says what to do instead, and holds no secret."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        Elastic.from_client(_stub(**settings))
    assert "secret" not in str(caught.value)


def test_a_node_class_of_ones_own_is_refused():
    """It may send in any way."""
    with pytest.raises(ConfigurationError, match="node class of its own, Node"):
        Elastic.from_client(_stub(node_module="mine.nodes"))


def test_official_refusals_hold_for_real_clients(official):
    """The same over clients of the package itself, as far as they can be made without files."""
    for settings in ({"ssl_assert_fingerprint": "ab" * 32},):
        with pytest.raises(ConfigurationError, match="cannot be taken over"):
            Elastic.from_client(official("https://es.example:9200", **settings))


@pytest.mark.parametrize("thing", [None, "http://es:9200", object()])
def test_what_is_no_client_is_refused(thing):
    """The message says what to make instead."""
    with pytest.raises(ConfigurationError, match="not an Elasticsearch or AsyncElasticsearch"):
        Elastic.from_client(thing)


def test_a_taken_connection_works(official):
    """Over a real socket, with the official client's own address."""
    with running(Engine()) as url:
        elastic = Elastic.from_client(official(url))
        assert elastic.embed(["a"], inference_id=".jina-embeddings-v3").vectors.shape == (1, 1024)
        elastic.close()


def test_headers_of_an_official_client_go_along(official):
    """Those that its user added; their values are shown nowhere."""
    client = Elastic.from_client(official("http://es.example:9200", headers={"X-Gateway": "s3cretQ-gateway"}))
    assert client._channel.headers.sent() == {"x-gateway": "s3cretQ-gateway"}
    assert "s3cretQ" not in repr(vars(client)) + repr(client._settings)
