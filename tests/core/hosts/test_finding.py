"""Which host it is: known, told, or found by asking once; never waited for without an end."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import numpy as np
import pytest
from fake_hosts import MODEL, RANKER, Said, acme, models, openai_like, served, tei, vllm

from ragbridge import ConfigurationError, Jina, RequestError, Retry
from ragbridge.hosts import HOSTS, known_at
from ragbridge.models import MODELS, lookup
from ragbridge.services.jina import session
from ragbridge.testing import ScriptedTransport, vector_of

ONCE = Retry(attempts=1)


def asking(server):
    return [asked.path for asked in server.asked if asked.method == "GET"]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://api.jina.ai/v1", "jina"),
        ("https://eu.api.jina.ai", "jina"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://jina.ai.evil.example", None),
        ("https://notjina.ai", None),
        ("http://localhost:8000", None),
    ],
)
def test_some_hosts_are_known_by_their_address(address, host):
    """By their name on the network and what is below it, nothing that merely looks like it."""
    found = known_at(address)
    assert (found and found.name) == host


@pytest.mark.parametrize(
    "settings", [{"base_url": "local"}, {"api_key": "k", "transport": ScriptedTransport()}]
)
def test_what_is_known_is_not_asked(settings):
    """The embedded engine, Jina's own hosts, and a transport of the caller's."""
    jina = Jina(**settings)
    assert jina._channel.place.found.host is HOSTS["jina"]


ADDRESSES = [
    ("openai", "http://h:8000", "http://h:8000/v1"),
    ("openai", "https://api.deepinfra.com/v1/openai", "https://api.deepinfra.com/v1/openai"),
    ("openai", "https://x.services.ai.azure.com/models", "https://x.services.ai.azure.com/models"),
    ("openai", "https://x.example/api/v1/embeddings", "https://x.example/api/v1"),
    ("vllm", "http://h:8000", "http://h:8000/v1"),
    ("vllm", "http://h:8000/v2/rerank", "http://h:8000/v1"),
    ("vllm", "http://h:8000/gpu-1/v1/", "http://h:8000/gpu-1/v1"),
    ("tei", "http://h:8080/v1", "http://h:8080"),
    ("tei", "http://h:8080/embed", "http://h:8080"),
    ("tei", "http://h:8080/a/rerank", "http://h:8080/a"),
    ("infinity", "http://h:7997", "http://h:7997"),
    ("infinity", "http://h:7997/v1", "http://h:7997/v1"),
    ("infinity", "http://h:7997/api/embeddings", "http://h:7997/api"),
    ("jina-on-prem", "http://h:8080/v1/rerank", "http://h:8080/v1"),
    ("cohere", "https://api.cohere.com/v2/embed", "https://api.cohere.com"),
    ("openrouter", "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
]


@pytest.mark.parametrize(("host", "given", "api"), ADDRESSES)
def test_an_address_is_taken_as_its_host_has_them(host, given, api):
    """With or without ``/v1``, a whole endpoint, or a path of the user's own."""
    assert Jina(base_url=given, host=host)._channel.place.found.api == api


def test_an_unknown_name_is_refused_with_all_that_there_are():
    """Before anything is asked."""
    with pytest.raises(ConfigurationError, match=r"host='vlm' must be one of 'jina', .*'vllm'"):
        Jina(base_url="http://x", host="vlm")


def test_of_many_calls_at_once_one_asks():
    """From threads and on event loops; the others wait for what it finds."""

    def slow(asked):
        if asked.method == "GET":
            time.sleep(0.2)
        return vllm(asked)

    with served(slow) as server, Jina(base_url=server.url) as jina:
        calls = [
            threading.Thread(target=jina.embed, args=([f"a {n}"],), kwargs={"model": MODEL}) for n in range(4)
        ]

        async def gathered():
            await asyncio.gather(*(jina.aembed([f"b {n}"], model=MODEL) for n in range(4)))

        calls += [threading.Thread(target=lambda: asyncio.run(gathered()))]
        for call in calls:
            call.start()
        for call in calls:
            call.join()
        assert asking(server) == ["/v1/models"]
        assert len(server.work) == 8


def test_a_host_that_never_answers_the_question_is_gone_on_with(caplog, monkeypatch):
    """After its timeout, as an OpenAI-like one, with a line of the log that says how to say more."""
    monkeypatch.setattr(session, "ASKING", 0.3)
    ended = threading.Event()

    def silent(asked):
        if asked.method == "GET":
            ended.wait(60)
        return acme(asked)

    with served(silent) as server, Jina(base_url=server.url, retry=ONCE) as jina:
        try:
            assert jina.embed(["a"], model=MODEL).vectors.shape == (1, 1024)
            assert asking(server) == ["/v1/models"]
            jina.embed(["b"], model=MODEL)
            assert asking(server) == ["/v1/models"]
        finally:
            ended.set()
    assert "no answer from" in caplog.text
    assert "say host=" in caplog.text


def test_a_host_that_cannot_be_reached_is_an_error_of_the_connection():
    """Not a host of another kind: the next call asks again."""
    with served(acme) as server:
        url = server.url
    with Jina(base_url=url, retry=ONCE) as jina:
        with pytest.raises(RequestError, match=url):
            jina.embed(["a"], model=MODEL)
        assert jina._channel.place.found is None


def test_a_host_that_is_still_starting_is_asked_again():
    """As its own requests would be sent again: what is refused at the door was never asked."""
    with served(vllm) as server:
        port = int(server.url.rpartition(":")[2])
    jina = Jina(base_url=f"http://127.0.0.1:{port}", retry=Retry(attempts=8, initial=0.1, maximum=0.2))
    call = threading.Thread(target=jina.embed, args=(["a"],), kwargs={"model": MODEL})
    call.start()
    time.sleep(0.15)
    with served(vllm, port) as server, jina:
        call.join()
        assert len(server.work) == 1


def test_nothing_is_asked_for_nothing():
    """An empty call sends nothing, the question included."""
    with served(vllm) as server, Jina(base_url=server.url) as jina:
        assert jina.embed([]).vectors.shape == (0, 1024)
        assert jina.rerank("q", []).results == ()
        assert jina.embed_documents([[], []]).usage.requests == 0
        assert server.asked == []


@pytest.mark.parametrize("key", [None, "a-key"])
def test_the_question_has_the_key_that_its_host_was_given_and_no_other(key, monkeypatch):
    """Where none is set, none is sent."""
    for name in Jina.KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with served(tei) as server, Jina(key, base_url=server.url) as jina:
        jina.embed(["a"], model=MODEL)
        assert {asked.headers.get("authorization") for asked in server.asked} == {key and f"Bearer {key}"}


def test_what_a_refusal_says_is_no_list_of_models(caplog):
    """A 401 or a 500 whose body looks like one."""

    def locked(asked):
        return Said(models("vllm", "m"), 401) if asked.method == "GET" else openai_like(asked)

    with served(locked) as server, Jina(base_url=server.url) as jina:
        jina.embed(["a"], model=MODEL)
        assert jina._channel.place.found.host is HOSTS["openai"]
        assert len(asking(server)) == 4
    assert "none of its answers tells" in caplog.text


@pytest.mark.parametrize(
    "body", [b"[" * 5000, b"null", b'{"data": [1, {"id": 7}]}', b"\xff", b'{"data": {}}']
)
def test_an_odd_answer_to_the_question_tells_nothing(body):
    """Whatever it holds."""

    def odd(asked):
        return Said(body) if asked.method == "GET" else openai_like(asked)

    with served(odd) as server, Jina(base_url=server.url) as jina:
        jina.embed(["a"], model=MODEL)
        assert jina._channel.place.found.host is HOSTS["openai"]


def test_a_model_is_asked_for_by_the_name_that_its_host_lists():
    """vLLM knows a model by the name of its repository alone; one adapter a repository."""
    served_name = f"jinaai/{MODEL}-retrieval"

    def one(asked):
        if asked.method == "GET":
            return Said(models("vllm", "jinaai/other", served_name))
        return openai_like(asked) if asked.body["model"] == served_name else Said({}, 404)

    with served(one) as server, Jina(base_url=server.url) as jina:
        jina.embed(["a"], model=MODEL)
        jina.embed(["b"], model=served_name)
        assert [asked.body["model"] for asked in server.work] == [served_name] * 2


def test_a_pickled_client_asks_anew():
    """What it was told travels; what it found may be another thing elsewhere."""
    import pickle

    with served(vllm) as server, Jina(base_url=server.url, query_prefix="q: ") as jina:
        jina.embed(["a"], model=MODEL)
        with pickle.loads(pickle.dumps(jina)) as again:
            again.embed(["a"], model=MODEL)
        assert asking(server) == ["/v1/models"] * 2
        assert again.hosted == {"host": None, "query_prefix": "q: ", "document_prefix": None}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("jinaai/jina-embeddings-v3", "jina-embeddings-v3"),
        ("jina-ai/jina-embeddings-v3", "jina-embeddings-v3"),
        ("jinaai/jina-embeddings-v5-text-small-retrieval", "jina-embeddings-v5-text-small"),
        ("jina-embeddings-v5-text-nano-text-matching", "jina-embeddings-v5-text-nano"),
        ("jinaai/jina-embeddings-v4-vllm-retrieval", "jina-embeddings-v4"),
        ("jinaai/jina-code-embeddings-0.5b-GGUF", "jina-code-embeddings-0.5b"),
        ("jina-embeddings-v2-base-code", "jina-embeddings-v2-base-code"),
        ("someone/jina-embeddings-v3", None),
        ("jina-embeddings-v6", None),
    ],
)
def test_names_of_the_hub_find_their_row(name, row):
    """Each repository of a model is that model: widths, tasks and prefixes are checked as for its own name."""
    assert lookup(name) is (MODELS[row] if row else None)


def test_a_model_without_a_known_prefix_is_told_about_once(caplog):
    """Queries and documents would be embedded alike in silence; a prefix of the caller's, or an empty one, says otherwise."""
    with served(openai_like) as server:
        with Jina(base_url=server.url, host="openai") as jina:
            for _ in range(2):
                jina.embed(["a"], model="bge-m3", role="query")
            jina.embed(["a"], model="bge-m3")
        assert caplog.text.count("none is known for 'bge-m3'") == 1
        caplog.clear()
        with Jina(base_url=server.url, host="openai", query_prefix="") as jina:
            jina.embed(["a"], model="bge-m3", role="query")
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_adapter_that_a_server_of_v3_lacks_is_warned_of():
    """Its prefix is sent, its adapter for retrieval is not there: vectors differ from those of Jina's API."""
    with served(vllm) as server, Jina(base_url=server.url, host="vllm") as jina:
        with pytest.warns(UserWarning, match="load the adapter for text-matching alone"):
            vectors = jina.embed(["a"], model="jina-embeddings-v3", role="query").vectors
        right = "Represent the query for retrieving evidence documents: a"
        assert np.array_equal(vectors[0], np.float32(vector_of(right, 1024)))
        jina.embed(["a"], model="jina-embeddings-v3", task="text-matching")
        with pytest.raises(ConfigurationError, match="task='separation'.*cannot be told a task"):
            jina.embed(["a"], model="jina-embeddings-v3", task="separation")


def test_a_hosts_own_ranker_name_is_found_too():
    """For rankings as for vectors."""
    with served(vllm) as server, Jina(base_url=server.url) as jina:
        jina.rerank("q", ["a"], model=RANKER)
        assert server.work[-1].body["model"] == f"jinaai/{RANKER}"
