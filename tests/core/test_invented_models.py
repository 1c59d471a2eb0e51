"""A model is one row: two rows more in the table, and every part of the package knows the models that they describe.

The bodies that clients send are judged in ``services/jina/test_models.py`` and ``rerank/test_rerank.py``, over all rows
and these two; the tables of the pages in ``tests/docs``.
"""

from __future__ import annotations

import itertools
import json
import struct

import numpy as np
import pytest
from invented import EMBEDDER, INVENTED, RERANKER
from typer.testing import CliRunner

from ragbridge import (
    Audio,
    ConfigurationError,
    Image,
    InvalidRequestError,
    Jina,
    Limiter,
    RateLimit,
    RateLimitError,
    ResponseError,
    Retry,
)
from ragbridge.cli.app import app
from ragbridge.elastic import Elastic, ElasticInferenceService, JinaAI
from ragbridge.flow import Request
from ragbridge.local import Engine, Quota
from ragbridge.models import MODELS
from ragbridge.server import running

pytestmark = pytest.mark.usefixtures("invented")
LONG = "one two three four five six seven eight nine ten " * 20
SOUND = Audio(b"a sound")
PICTURE = Image(
    b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 101, 50, 8, 2, 0, 0, 0) + bytes(4)
)
"""The header of 101 x 50 pixels: three tiles."""


@pytest.fixture
def jina():
    """A client of the embedded engine."""
    return Jina(base_url="local")


@pytest.fixture
def ask():
    """``ask(path, body)``: status and body of the embedded engine's answer."""
    engine = Engine()

    def call(path, body=None):
        method, content = ("GET", b"") if body is None else ("POST", json.dumps(body).encode())
        response = engine.handle(Request(method, f"http://x{path}", {}, content)).response
        return response.status, json.loads(response.body)

    return call


@pytest.fixture
def elastic():
    """A client of an embedded engine of its own."""
    with running(Engine()) as url, Elastic(url) as client:
        yield client


@pytest.mark.parametrize("dimensions", [None, *EMBEDDER.sizes, 43])
def test_vectors_have_the_rows_width(jina, dimensions):
    """Its own where none is asked for, any up to it, and none above, as the engine says by itself."""
    vectors = jina.embed(["a", "b"], model=EMBEDDER.name, role="query", dimensions=dimensions).vectors
    assert vectors.shape == (2, dimensions or EMBEDDER.dimensions)
    with pytest.raises(ConfigurationError, match=f"gives {EMBEDDER.dimensions} at most"):
        jina.embed(["a"], model=EMBEDDER.name, dimensions=345)


def test_the_engine_holds_requests_against_the_row(ask):
    """Tasks, widths, inputs and context: what a client that checks nothing would be told."""
    for wrong, field in (
        ({"task": "retrieval.query"}, "task"),
        ({"dimensions": EMBEDDER.dimensions + 1}, "dimensions"),
        ({"input": [{"video": "https://x/a.mp4"}]}, "input.0"),
        ({"input": [{"content": [{"text": "a"}]}]}, "input.0"),
    ):
        status, answer = ask("/v1/embeddings", {"model": EMBEDDER.name, "input": ["a"], **wrong})
        assert (status, [error["field"] for error in answer["errors"]]) == (422, [field])
    status, answer = ask("/v1/embeddings", {"model": EMBEDDER.name, "input": [LONG]})
    assert (status, "60 tokens of model invented-embedder" in answer["detail"]["message"]) == (400, True)
    status, _ = ask("/v1/rerank", {"model": EMBEDDER.name, "query": "a", "documents": ["b"]})
    assert status == 400


def test_a_vector_of_another_width_is_an_error(scripted):
    """The client knows how wide the model's vectors are."""
    jina = Jina(base_url="http://x", limits=None, transport=scripted(width=343))
    with pytest.raises(ResponseError, match="343.*344"):
        jina.embed(["1"], model=EMBEDDER.name)


def test_media_weigh_what_the_row_says(jina):
    """In the engine's bill, which counts tiles of 50 pixels and sounds of 321 tokens."""
    asked = {"model": EMBEDDER.name, "role": "document"}
    assert jina.embed([PICTURE], **asked).usage.tokens == 3 * EMBEDDER.tile_tokens
    assert jina.embed([SOUND], **asked).usage.tokens == 321


def test_what_media_weigh_is_booked():
    """The client books what the engine will bill, before it sends."""
    booked = []

    class Watched(Limiter):
        def reserve(self, tokens, *, variance=0.0):
            booked.append(tokens)
            return super().reserve(tokens, variance=variance)

    jina = Jina(base_url="local", limits=Watched(RateLimit(100, 10_000, 1)))
    for item in (PICTURE, SOUND):
        jina.embed([item], model=EMBEDDER.name)
    assert [round(tokens, -1) for tokens in booked] == [20, 320]


def test_the_engines_quotas_count_what_the_row_says():
    """A sound of 321 tokens is beyond a minute of 320."""
    with (
        running(Engine(quota=Quota(tokens_per_minute=320))) as url,
        Jina(base_url=url, host="jina", limits=None, retry=Retry(attempts=1)) as jina,
    ):
        jina.embed(["a"], model=EMBEDDER.name)
        with pytest.raises(RateLimitError):
            jina.embed([SOUND], model=EMBEDDER.name)


def test_it_classifies_and_does_not_train(jina):
    """As its products say."""
    assert jina.classify(["a sea"], labels=["sea", "bread"], model=EMBEDDER.name).results
    with pytest.raises(ConfigurationError, match="cannot train"):
        jina.classifiers.train([("a", "x"), ("b", "y")], model=EMBEDDER.name)


@pytest.mark.parametrize("task", [*EMBEDDER.tasks, *EMBEDDER.batch_tasks])
def test_batch_jobs_follow(jina, task):
    """The model takes jobs, with the tasks of jobs beside its own, and their vectors are as wide as it says."""
    job = jina.submit_batch(["a", "b"], model=EMBEDDER.name, task=task)
    job.wait_done(poll=0.001)
    assert job.results().vectors.shape == (2, EMBEDDER.dimensions)


def test_batch_jobs_of_others_are_refused(jina):
    """With the models that take jobs, and with the model's tasks."""
    with pytest.raises(ConfigurationError, match=f"cannot batch.*{EMBEDDER.name}"):
        jina.submit_batch(["a"], model=RERANKER.name)
    with pytest.raises(ConfigurationError, match="invented.ask"):
        jina.submit_batch(["a"], model=EMBEDDER.name, task="retrieval")


def test_a_document_is_read_as_far_as_the_row_says(jina, ask):
    """11 tokens unless asked otherwise, 77 at most, by client and engine alike."""
    asked = {"query": "one", "documents": [LONG], "model": RERANKER.name}
    least, most = (jina.rerank(**asked, max_doc_length=length).usage.tokens for length in (None, 77))
    assert most - least == 77 - 11
    with pytest.raises(ConfigurationError, match="from 1 to 77"):
        jina.rerank(**asked, max_doc_length=78)
    status, answer = ask("/v1/rerank", {**asked, "max_doc_length": 78})
    assert (status, answer["errors"][0]["field"]) == (422, "max_doc_length")


def test_a_listwise_reranker_plays_rounds(jina):
    """Its calls are rounds that end in one, after which those who met are known; a call of one would compare nothing."""
    documents = [f"{number} tons of bread" for number in range(12)]
    ranking = jina.rerank("bread", documents, model=RERANKER.name, top_n=2, max_documents_per_call=4)
    assert jina.usage.requests > 3
    assert len(ranking.met) == 4 < len(documents)
    assert {row.index for row in ranking} <= ranking.met
    with pytest.raises(ConfigurationError, match="from 2"):
        jina.rerank("bread", documents, model=RERANKER.name, max_documents_per_call=1)


def test_a_listwise_reranker_sends_documents_back_as_objects(ask):
    """As the service's listwise models do, which the client has to read."""
    _, answer = ask("/v1/rerank", {"model": RERANKER.name, "query": "a", "documents": ["b"]})
    assert answer["results"][0]["document"] == {"text": "b"}


def test_the_list_of_models_has_them(jina, ask):
    """``GET /v1/models`` of the engine, as the client reads it, and one model by its name."""
    listed = {model.id: model for model in jina.models()}
    for row in INVENTED:
        assert (listed[row.name].context, listed[row.name].input_modalities) == (row.context, row.modalities)
        assert ask(f"/v1/models/{row.name}")[1]["id"] == row.name


def test_the_command_line_lists_them(monkeypatch):
    """`ragbridge models`, and with --json each of their columns."""
    monkeypatch.setenv("COLUMNS", "200")
    printed = CliRunner().invoke(app, ["models"]).stdout
    rows = {row["name"]: row for row in json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)}
    assert list(rows) == list(MODELS)
    for row in INVENTED:
        (line,) = (line for line in printed.splitlines() if line.split()[:1] == [row.name])
        assert f"{row.context:,}" in line
    assert rows[EMBEDDER.name]["media_tokens"] == {"audio": 321}
    assert rows[RERANKER.name]["document_tokens"] == 11


def test_a_model_that_lacks_an_option_is_told_who_has_it(jina):
    """The names in messages come from the table as it is."""
    with pytest.raises(ConfigurationError, match=f"models that have it:.*{EMBEDDER.name}"):
        jina.embed_multivector(["a"], role="query", truncate=True)
    with pytest.raises(ConfigurationError, match=f"cannot rerank.*{RERANKER.name}"):
        jina.rerank("a", ["b"], model=EMBEDDER.name)


def test_the_elastic_inference_service_hosts_them(elastic):
    """One has an endpoint there from the start, the other is created; both only for their task types."""
    vectors = elastic.embed(["a"], inference_id=f".{EMBEDDER.name}", role="document").vectors
    assert vectors.shape == (1, EMBEDDER.dimensions)
    assert f".{RERANKER.name}" not in {endpoint.inference_id for endpoint in elastic.endpoints.list()}
    elastic.endpoints.create("ranks", "rerank", ElasticInferenceService(RERANKER.name))
    assert len(elastic.rerank("a", ["b", "c"], inference_id="ranks").results) == 2
    for name, task in itertools.product((RERANKER.name, "jina-colbert-v2"), ("text_embedding", "rerank")):
        if (name, task) != (RERANKER.name, "rerank"):
            with pytest.raises(InvalidRequestError, match="Unknown model"):
                elastic.endpoints.create("wrong", task, ElasticInferenceService(name))


def test_endpoints_of_the_service_jinaai_know_them(elastic):
    """Their widths, and that one does not rerank."""
    elastic.endpoints.create(
        "dense", "text_embedding", JinaAI(EMBEDDER.name, api_key="jina_secret", dimensions=88)
    )
    assert elastic.embed(["a"], inference_id="dense", role="query").vectors.shape == (1, 88)
    assert np.isfinite(elastic.embed(["b"], inference_id="dense", role="query").vectors).all()
    with pytest.raises(InvalidRequestError, match="not found"):
        elastic.endpoints.create("ranks", "rerank", JinaAI(EMBEDDER.name, api_key="jina_secret"))
