"""The table of hosts: what each row promises, at a server of that host's shapes."""

from __future__ import annotations

import json
import logging
import math

import numpy as np
import pytest
from fake_hosts import AWS, BASES, HOSTS, MODEL, RANKER, TELLS, WIDTH, Asked, served

from ragbridge import ConfigurationError, Image, InvalidRequestError, Jina, Retry
from ragbridge.client.vectors import Sheet
from ragbridge.hosts import HOSTS as ROWS
from ragbridge.models import MODELS
from ragbridge.services.jina.embed.answers import _scan
from ragbridge.testing import vector_of

TEXTS = [f"text number {index}" for index in range(40)]
RANKED = ["nothing here", "the blue sea", "the sea"]
ONCE = Retry(attempts=1)


@pytest.fixture(scope="module", params=HOSTS)
def host(request):
    """A server of one host's shapes, and its name."""
    with served(HOSTS[request.param]) as server:
        yield request.param, server


@pytest.fixture(autouse=True)
def _aws(monkeypatch):
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def jina(host):
    """A client that is told what the host is."""
    name, server = host
    if name == "sagemaker":
        pytest.importorskip("botocore")
    server.asked.clear()
    with Jina(base_url=server.url + BASES.get(name, ""), host=name, retry=ONCE) as client:
        yield client


def test_every_row_has_a_fake():
    """A new row is tested by every cell of this module, or is Jina's own, which the embedded engine stands for."""
    assert {*ROWS} - {"jina"} <= {*HOSTS}


def test_vectors_come_as_the_host_has_them_for_texts_of_any_number(jina, host):
    """In the order of the texts, in requests no larger than the host takes, whatever it writes around them."""
    name, server = host
    vectors = jina.embed(TEXTS, model=MODEL).vectors
    assert vectors.shape == (40, WIDTH)
    assert len({row.tobytes() for row in vectors}) == 40
    again = jina.embed(TEXTS[::-1], model=MODEL).vectors
    assert np.array_equal(vectors, again[::-1])
    most = ROWS[name].items or 128
    field = ROWS[name].embedding.input
    assert max(len(asked.body[field]) for asked in server.work) <= most


def test_vectors_travel_as_base64(jina, host):
    """Each host is asked for it in its own words: JSON numbers take twice the bytes and ten times the time."""
    name, server = host
    if ROWS[name].embedding.encoding is None:
        pytest.skip("the host has numbers alone")
    jina.embed(["a"], model=MODEL)
    assert server.work[-1].body[ROWS[name].embedding.encoding] in ("base64", ["base64"])


def test_a_query_is_told_from_a_document(jina):
    """By the service's own word, by a prefix or by the host's word: the same text has another vector."""
    query = jina.embed(["the sea"], model=MODEL, role="query").vectors
    document = jina.embed(["the sea"], model=MODEL, role="document").vectors
    neither = jina.embed(["the sea"], model=MODEL).vectors
    assert len({vectors.tobytes() for vectors in (query, document, neither)}) == 3


def test_a_prefix_is_the_models_own_where_the_host_puts_none_there(jina, host):
    """The vector is that of the prefix and the text."""
    if ROWS[host[0]].embedding.role != "prefix":
        pytest.skip("the host is told a role by a word")
    for role, task in (("query", "retrieval.query"), ("document", "retrieval.passage")):
        found = jina.embed(["the sea"], model=MODEL, role=role).vectors[0]
        assert np.array_equal(found, np.float32(vector_of(MODELS[MODEL].prompts[task] + "the sea", WIDTH)))


def test_rankings_are_read_whatever_their_shape(jina, host):
    """Best first, cut to what was asked for; a host that has no reranker is not asked."""
    name, server = host
    if ROWS[name].reranking is None:
        with pytest.raises(ConfigurationError, match="does not rerank; hosts that do: Jina's API"):
            jina.rerank("the sea", RANKED, model=RANKER)
        assert server.work == []
        return
    ranking = jina.rerank("the sea", RANKED, model=RANKER, top_n=2)
    assert [row.index for row in ranking] in ([1, 2], [2, 1])
    assert ranking.score_kind == {"logit": "logit"}.get(ROWS[name].reranking.scores, "probability")


def test_scores_are_mapped_to_figures_between_0_and_1_where_they_are_logits(jina, host):
    """``normalize_scores=True``: the order stays, and others are left alone."""
    name, _ = host
    if ROWS[name].reranking is None:
        pytest.skip("no reranker")
    plain = jina.rerank("the sea", RANKED, model=RANKER)
    mapped = jina.rerank("the sea", RANKED, model=RANKER, normalize_scores=True)
    assert mapped.score_kind == "probability"
    assert [row.index for row in mapped] == [row.index for row in plain]
    right = [row.score for row in plain]
    if plain.score_kind == "logit":
        right = [1 / (1 + math.exp(-score)) for score in right]
    assert [row.score for row in mapped] == pytest.approx(right)


def test_nothing_is_paced_where_no_quota_is_published(jina):
    """A server of one's own is asked as fast as it answers."""
    assert jina._channel.limiter("embeddings") is None
    assert jina._channel.limiter("rerank") is None


def test_a_404_names_the_address_that_was_asked(host):
    """It may be the address that is wrong: ``Not Found`` alone would not tell."""
    name, server = host
    with (
        Jina(base_url=f"{server.url}/nowhere", host=name, retry=ONCE) as jina,
        pytest.raises(InvalidRequestError) as caught,
    ):
        jina.embed(["a"], model=MODEL)
    assert f"POST {server.url}/nowhere" in str(caught.value)
    assert server.work[-1].path in str(caught.value)


REFUSED = {
    "late_chunking": {"model": "jina-embeddings-v3", "late_chunking": True},
    "embedding_type": {"model": MODEL, "embedding_type": "ubinary"},
    "normalized": {"model": MODEL, "normalized": False},
    "task": {"model": MODEL, "task": "classification"},
}


@pytest.mark.parametrize("setting", REFUSED)
def test_what_a_host_cannot_do_is_refused_before_anything_is_sent(jina, host, setting):
    """The message names host, model and setting, and hosts that can. Jina's own servers are asked."""
    name, server = host
    row = ROWS[name]
    if (row.embedding.role == "task" and row.aws is None) or setting in row.embedding.fields:
        jina.embed(["a"], **{**REFUSED[setting], "embedding_type": "float"})
        assert len(server.work) == 1
        return
    with pytest.raises(ConfigurationError, match=rf"{setting}=.*{row.title}.*jina-embeddings.*Jina's API"):
        jina.embed(["a"], **REFUSED[setting])
    assert server.work == []


def test_images_and_vectors_of_tokens_are_refused_where_a_host_has_none(jina, host):
    """Jina's objects for them are Jina's own."""
    name, server = host
    with pytest.raises(ConfigurationError, match="classify.*has no such product"):
        jina.classify(["a"], labels=["b", "c"])
    if ROWS[name].embedding.media:
        assert server.work == []
        return
    with pytest.raises(ConfigurationError, match=r"texts\[1\] is Image.*sent texts alone"):
        jina.embed(["a", Image(b"\x89PNG\r\n\x1a\n")], model="jina-embeddings-v5-omni-small")
    with pytest.raises(ConfigurationError, match="no vectors of tokens"):
        jina.embed_multivector(["a"], role="query")
    assert server.work == []


@pytest.mark.parametrize("name", TELLS)
def test_a_host_tells_what_it_is(name, caplog):
    """It is asked once, before the first request, and a line of the log says what was found."""
    caplog.set_level(logging.INFO, logger="ragbridge")
    with served(HOSTS[name]) as server, Jina(base_url=server.url, retry=ONCE) as jina:
        jina.embed(["the sea"], model=MODEL, role="query")
        asked = len(server.asked) - len(server.work)
        jina.embed(["the sea"], model=MODEL, role="document")
        assert len(server.asked) - len(server.work) == asked <= 4
        assert jina._channel.place.found.host is ROWS[name]
    said = "taken for an OpenAI-like host; say host=" if name == "openai" else f"(host={name!r})"
    assert [record for record in caplog.records if said in record.getMessage()]


@pytest.mark.parametrize("name", TELLS)
def test_what_is_found_serves_as_what_is_said(name):
    """The same vectors and the same ranking, whether the host was named or found."""
    with (
        served(HOSTS[name]) as server,
        Jina(base_url=server.url, retry=ONCE) as found,
        Jina(base_url=server.url, host=name, retry=ONCE) as told,
    ):
        for role in ("query", "document"):
            one, other = (client.embed(TEXTS[:3], model=MODEL, role=role).vectors for client in (found, told))
            assert np.array_equal(one, other)
        if ROWS[name].reranking is not None:
            one, other = (client.rerank("the sea", RANKED, model=RANKER) for client in (found, told))
            assert one.results == other.results


@pytest.mark.parametrize(
    "name", [name for name in HOSTS if ROWS[name].embedding.encoding and name != "cohere"]
)
def test_the_fast_reader_reads_what_each_host_writes(name):
    """The order of fields, and llama.cpp's further one, do not send a whole answer through JSON's parser."""
    asked = Asked("POST", BASES.get(name, "/v1") + "/embeddings", {}, None)
    if ROWS[name].base(f"http://h{BASES.get(name, '')}").endswith("h"):
        asked.path = "/embeddings"
    model = MODEL if name != "vllm" else f"jinaai/{MODEL}"
    asked.body = {"model": model, "input": ["a", "b"], ROWS[name].embedding.encoding: "base64"}
    body = json.dumps(HOSTS[name](asked).body).encode()
    sheet = Sheet(2)
    scanned = _scan(body, 2, lambda width: sheet.rows(range(2), width))
    assert scanned is not None
    assert scanned[0].shape == (2, WIDTH)
