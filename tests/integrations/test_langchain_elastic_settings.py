"""What all LangChain classes over Elasticsearch promise about settings, secrets and copies."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from langchain_core.load import dumps
from pydantic import ValidationError

from langchain_ragbridge import (
    ElasticEmbeddings,
    ElasticRerank,
    ElasticSemanticRetriever,
    ElasticSparseEmbeddings,
)
from ragbridge import ConfigurationError, Elastic, RateLimit, Retry
from ragbridge.flow import Request, Response

URL = "http://127.0.0.1:9"
KEY = "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw=="
SECRET = "correct-horse-battery"
VARIABLES = ("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY")
CLOUD_ID = "name:" + base64.b64encode(b"cloud.example$elastic$kibana").decode()
CONNECTION = {
    "url": URL,
    "verify": False,
    "limits": RateLimit(requests_per_minute=7, tokens_per_minute=None, concurrency=3, window=30.0),
    "retry": Retry(attempts=2, initial=0.25, maximum=5.0, retry_after_cap=9.0, refusals=1),
    "timeout": 12.5,
    "concurrency": 2,
}
OWN = {
    ElasticEmbeddings: {
        "inference_id": "my-embeddings",
        "task_type": "embedding",
        "task_settings": {"a": 1},
        "input_type": "clustering",
        "inference_timeout": 90.0,
        "batch_size": 33,
    },
    ElasticSparseEmbeddings: {
        "inference_id": "my-elser",
        "task_settings": {"a": 1},
        "inference_timeout": 90.0,
        "batch_size": 33,
    },
    ElasticRerank: {
        "inference_id": "my-rerank",
        "top_n": 7,
        "task_settings": {"a": 1},
        "inference_timeout": 90.0,
    },
    ElasticSemanticRetriever: {
        "index": ["a", "b-*"],
        "field": "content",
        "k": 7,
        "filter": {"term": {"lang": "en"}},
        "match_field": "title",
        "rerank_inference_id": "my-rerank",
        "rerank_field": "title",
        "rank_window_size": 50,
        "text_field": "text",
        "metadata_fields": ["lang"],
    },
}
NEEDED = {
    ElasticEmbeddings: {"inference_id": "my-embeddings"},
    ElasticSparseEmbeddings: {"inference_id": "my-elser"},
    ElasticRerank: {"inference_id": "my-rerank"},
    ElasticSemanticRetriever: {"index": "docs", "field": "content"},
}

every = pytest.mark.parametrize("kind", list(OWN))
secretly = pytest.mark.parametrize(
    "secret",
    [
        {"api_key": KEY},
        {"api_key": ("an-id", SECRET)},
        {"basic_auth": ("elastic", SECRET)},
        {"bearer_auth": SECRET},
    ],
    ids=["key", "id-and-key", "basic", "bearer"],
)


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster of whoever runs the tests has no part in them."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


class Cluster:
    """Answers everything as an endpoint of each kind and an index would; keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        body = {
            "text_embedding": [{"embedding": [0.5]}],
            "embeddings": [{"embedding": [0.5]}],
            "sparse_embedding": [{"is_truncated": False, "embedding": {"sea": 0.5}}],
            "rerank": [{"index": 0, "relevance_score": 0.5}],
            "hits": {"hits": []},
        }
        return Response(200, {"x-elastic-product": "Elasticsearch"}, json.dumps(body).encode())

    async def send_async(self, request: Request) -> Response:
        return self.send(request)

    def close(self) -> None:
        pass

    async def close_async(self) -> None:
        pass


def make(kind, **settings):
    return kind(**NEEDED[kind] | settings)


def try_out(thing) -> None:
    """Send one request."""
    if isinstance(thing, (ElasticEmbeddings, ElasticSparseEmbeddings)):
        thing.embed_query("sea")
    elif isinstance(thing, ElasticRerank):
        thing.rerank(["sea"], "sea")
    else:
        thing.invoke("sea")


def sent_to(thing) -> Request:
    """The request that goes out, though nobody is there to answer it."""
    cluster = Cluster()
    (thing.client or thing._connected())._transport = cluster
    try_out(thing)
    return cluster.requests[-1]


@every
@secretly
def test_pickles_bring_every_setting_back_but_secrets(kind, secret, monkeypatch):
    """A pickle holds every setting; the key is the one of the process that reads it."""
    settings = CONNECTION | OWN[kind]
    data = pickle.dumps(kind(**settings, **secret))
    assert not [text for text in (KEY, SECRET) if text.encode() in data]
    monkeypatch.setenv("ELASTIC_API_KEY", "key-of-the-reader")
    again = pickle.loads(data)
    assert {name: getattr(again, name) for name in settings} == settings
    assert sent_to(again).headers["authorization"] == "ApiKey key-of-the-reader"


@every
def test_pickles_hold_the_address_that_the_environment_had(kind, monkeypatch):
    """Another process asks the same cluster, whatever its environment says."""
    monkeypatch.setenv("ELASTICSEARCH_URL", URL)
    data = pickle.dumps(make(kind))
    monkeypatch.setenv("ELASTICSEARCH_URL", "http://elsewhere:9200")
    assert sent_to(pickle.loads(data)).url.startswith(f"{URL}/")


@every
def test_pickles_of_the_embedded_engine_need_no_key(kind, monkeypatch):
    """A key in the reader's environment does not stand in the way."""
    data = pickle.dumps(make(kind, url="local"))
    monkeypatch.setenv("ELASTIC_API_KEY", KEY)
    assert sent_to(pickle.loads(data)).headers.get("authorization") is None


@every
def test_ready_client_is_pickled_with_the_object(kind):
    """A ready client's own settings travel in a pickle; in a dump, which is for data, there is no client."""
    original = make(kind, client=Elastic(URL, timeout=7))
    again = pickle.loads(pickle.dumps(original))
    assert sent_to(again).url.startswith(URL)
    assert again.client is not original.client
    assert "client" not in original.model_dump()


@every
@secretly
def test_copies_keep_secrets_and_the_client(kind, secret):
    """Copies of an object, shallow or deep, still have its secrets and its client."""
    original, client = make(kind, url=URL, **secret), Elastic(URL)
    signed = sent_to(original).headers["authorization"]
    for duplicate in (copy.copy, copy.deepcopy, lambda thing: thing.model_copy(deep=True)):
        assert sent_to(duplicate(original)).headers["authorization"] == signed
        assert duplicate(make(kind, client=client)).client is client


@every
def test_changed_settings_are_used(kind):
    """A setting that is changed later, by assignment or in a copy, holds from then on."""
    thing = make(kind, url=URL)
    assert sent_to(thing.model_copy(update={"url": "http://a:1"})).url.startswith("http://a:1/")
    thing.url = "http://b:2"
    assert sent_to(thing).url.startswith("http://b:2/")


@every
@pytest.mark.parametrize(
    ("secret", "header"),
    [
        ({"api_key": KEY}, f"ApiKey {KEY}"),
        ({"api_key": ("an-id", SECRET)}, "ApiKey " + base64.b64encode(f"an-id:{SECRET}".encode()).decode()),
        ({"api_key": ["an-id", SECRET]}, "ApiKey " + base64.b64encode(f"an-id:{SECRET}".encode()).decode()),
        ({"basic_auth": ("me", SECRET)}, "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()),
        ({"bearer_auth": SECRET}, f"Bearer {SECRET}"),
        ({"api_key": None}, None),
    ],
)
def test_secrets_that_are_given_are_sent(kind, secret, header):
    """Each kind of credential signs requests as Elasticsearch asks for; without one, nothing is signed."""
    assert sent_to(make(kind, url=URL, **secret)).headers.get("authorization") == header


@every
@secretly
def test_secrets_are_shown_nowhere(kind, secret):
    """No repr, text, dump, LangChain serialization, schema or pickle has a secret in it."""
    thing = make(kind, url=URL, **secret)
    sent_to(thing)
    thing = make(kind, url=URL, **secret)
    shown = [repr(thing), str(thing), repr(thing.model_dump()), thing.model_dump_json(), dumps(thing)]
    shown += [json.dumps(kind.model_json_schema()), repr(pickle.dumps(thing)), repr(vars(thing))]
    assert not [text for text in shown if KEY in text or SECRET in text]


@every
@secretly
@pytest.mark.parametrize(
    "wrong", [{"url": ""}, {"concurrency": 0}, {"timeout": "soon"}, {"indexes": "a"}, {"limits": "gold"}]
)
def test_errors_do_not_hold_secrets(kind, secret, wrong):
    """An error about another setting has no trace of a secret, whichever way the object was to be made."""
    with pytest.raises(ConfigurationError) as refused:
        make(kind, **{"url": URL, **secret, **wrong})
    assert not [text for text in (KEY, SECRET) if text in str(refused.value)]
    assert not isinstance(refused.value.__context__, ValidationError)  # which would hold every input
    with pytest.raises(ValidationError) as invalid:
        kind.model_validate(NEEDED[kind] | secret | {"timeout": "soon"})
    assert not [text for text in (KEY, SECRET) if text in str(invalid.value) + repr(invalid.value.errors())]


@every
@pytest.mark.parametrize(
    "secret",
    [
        {"api_key": ("an-id", SECRET, "more")},
        {"basic_auth": SECRET},
        {"basic_auth": (SECRET,)},
        {"bearer_auth": (SECRET,)},
    ],
)
def test_secrets_of_another_form_are_refused_without_being_shown(kind, secret):
    """The error names the setting and nothing of what was given."""
    with pytest.raises(ConfigurationError, match=next(iter(secret))) as refused:
        make(kind, url=URL, **secret)
    assert SECRET not in str(refused.value)


@every
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": "a"}, "model: no such setting"),
        ({"limits": "gold"}, "limits must be"),
        ({"limits": {"requests_per_minute": 0}}, "limits.*requests_per_minute must be"),
        ({"retry": {"attempt": 3}}, r"retry\.attempt"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"timeout": 0}, "timeout=0"),
        ({"client": "elastic"}, "client: "),
        ({"url": "localhost:9200"}, "url"),
        ({"url": "http://me:pw@localhost:9200"}, "must not hold a user name"),
        ({"cloud_id": CLOUD_ID}, "url= and cloud_id="),
        ({"api_key": KEY, "bearer_auth": "a"}, "api_key= and bearer_auth="),
        ({"ca_certs": "ca.pem", "verify": False}, "ca_certs= and verify=False"),
        ({"url": "local", "api_key": KEY}, "api_key=: the embedded engine"),
    ],
)
def test_wrong_settings_are_refused_at_once(kind, settings, words):
    """A wrong or unknown setting is refused when the object is made, by an error that names it."""
    with pytest.raises(ConfigurationError, match=words):
        make(kind, **{"url": URL, **settings})


@every
def test_missing_settings_are_named_at_once(kind):
    """Without an address, making the object fails and says where it is looked for; so it does without its own."""
    with pytest.raises(ConfigurationError, match="ELASTICSEARCH_URL or ELASTIC_CLOUD_ID"):
        make(kind)
    for name in NEEDED[kind]:
        with pytest.raises(ConfigurationError, match=f"{name}: Field required"):
            kind(url=URL)


@every
def test_environment_lands_on_the_object_and_is_used(kind, monkeypatch):
    """Address and key of the environment are those of the object."""
    monkeypatch.setenv("ELASTICSEARCH_URL", URL)
    monkeypatch.setenv("ELASTIC_API_KEY", KEY)
    thing = make(kind, url=None, api_key=None)
    assert (thing.url, thing.api_key.get_secret_value()) == (URL, KEY)
    request = sent_to(thing)
    assert (request.url.startswith(URL), request.headers["authorization"]) == (True, f"ApiKey {KEY}")
    monkeypatch.delenv("ELASTICSEARCH_URL")
    monkeypatch.setenv("ELASTIC_CLOUD_ID", CLOUD_ID)
    thing = make(kind)
    assert thing.cloud_id == CLOUD_ID
    assert sent_to(thing).url.startswith("https://elastic.cloud.example/")


@every
def test_what_is_given_goes_before_the_environment(kind, monkeypatch):
    """An address or a credential that is given does not clash with another kind of it in the environment."""
    monkeypatch.setenv("ELASTIC_CLOUD_ID", CLOUD_ID)
    monkeypatch.setenv("ELASTIC_API_KEY", KEY)
    thing = make(kind, url=URL, basic_auth=("me", SECRET))
    assert (thing.cloud_id, thing.api_key) == (None, None)
    assert sent_to(thing).headers["authorization"].startswith("Basic ")
    assert make(kind, url="local").api_key is None
    client = Elastic(URL)
    thing = make(kind, client=client, url=None, api_key=None, limits="cluster")
    assert (thing.client, thing.cloud_id, thing.api_key) == (client, None, None)


@every
def test_environment_with_two_addresses_is_refused(kind, monkeypatch):
    """The error names the variables, since nobody gave a setting."""
    monkeypatch.setenv("ELASTIC_CLOUD_ID", CLOUD_ID)
    monkeypatch.setenv("ELASTICSEARCH_URL", URL)
    with pytest.raises(ConfigurationError, match="ELASTICSEARCH_URL and ELASTIC_CLOUD_ID: give one"):
        make(kind)


@every
def test_certificates_are_a_path_as_well(kind, tmp_path: Path):
    """A ``Path`` is taken for a file or folder; where there is none, the error names it."""
    thing = make(kind, url="https://127.0.0.1:9", ca_certs=tmp_path)
    assert json.loads(thing.model_dump_json())["ca_certs"] == str(tmp_path)
    with pytest.raises(ConfigurationError, match=r"none\.pem"):
        make(kind, url="https://127.0.0.1:9", ca_certs=tmp_path / "none.pem")


@every
def test_no_answer_is_an_error_of_ours(kind):
    """Where nobody listens, the error says so; no other library's error is met."""
    from ragbridge import RequestError

    with (
        closing(make(kind, url=URL, retry=Retry(attempts=1))) as thing,
        pytest.raises(RequestError),
    ):
        try_out(thing)


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_jina_s_classes_do_not_import_elasticsearch_s():
    """Whoever embeds by one service does not pay for importing the other; embedding brings no runnables."""
    code = """
import sys
from langchain_ragbridge import JinaEmbeddings
JinaEmbeddings(base_url="local")
print([name for name in sys.modules if name.startswith("ragbridge.services.elastic")])
from langchain_ragbridge import ElasticEmbeddings
ElasticEmbeddings(url="local", inference_id="a")
unneeded = "langchain_core.documents.compressor", "langchain_core.runnables.base", "langchain_ragbridge.rerank"
print([name for name in unneeded if name in sys.modules])
"""
    assert run(code) == "[]\n[]"
