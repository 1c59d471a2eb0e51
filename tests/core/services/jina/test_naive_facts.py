"""What a naive client gets wrong, as far as no other test states it.

The list is the last of the facts about Jina's API; the others of its 22 stand with their products: error bodies in
``test_errors`` and ``test_error_shapes``, tasks, widths and embedding types in ``test_models``, PDFs and packed bytes in
``test_embedding_inputs``, documents and indices in ``test_rerank``, private training in ``test_classifiers``, switches in
``test_reader``, late chunking in ``test_late_chunking``, keys and addresses in ``test_client``.
"""

from __future__ import annotations

import base64
import json
import threading
import time

import numpy as np
import pytest

from ragbridge import ConfigurationError, Group, Image, Jina, ReaderOptions, Retry
from ragbridge.flow import Response
from ragbridge.limiter.tokens import shared as estimates
from ragbridge.models import MODELS

TEXTS = [f"text {number}" for number in range(1200)]


def as_json(body):
    return Response(200, {}, json.dumps(body).encode())


def rows(*vectors):
    found = [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return {"model": "m", "object": "list", "data": found}


def connect(scripted, *outcomes, **settings):
    transport = scripted(*outcomes, width=1024)
    plain = {"base_url": "http://x", "limits": None, "retry": Retry(attempts=1), "transport": transport}
    return Jina(**{**plain, **settings}), transport


@pytest.mark.parametrize(
    "usage",
    [
        {"total_tokens": 7},
        {"total_tokens": 7, "prompt_tokens": 5, "image_tokens": 2},
        {"total_tokens": 7, "prompt_tokens": None},
        {"total_tokens": 7.0, "prompt_tokens": "many", "audio_tokens": -1},
    ],
)
def test_of_usage_only_the_total_is_dependable(scripted, usage):
    """Fact 6: whatever else stands beside it, or not, the total is what was billed."""
    jina, _ = connect(scripted, as_json({**rows([1.0, 0.0]), "usage": usage}))
    assert jina.embed(["a"], model="m").usage.tokens == 7


def test_no_request_has_more_than_512_items(scripted):
    """Fact 8: not of texts, and not of the chunks of one document, for which one request was asked for."""
    jina, transport = connect(scripted, batch_size=512)
    jina.embed(TEXTS, dimensions=1024)
    with pytest.warns(UserWarning, match="pieces"):
        jina.embed_documents([TEXTS], model="jina-embeddings-v3", late_chunking=True)
    sizes = [len(json.loads(request.body)["input"]) for request in transport.requests]
    assert max(sizes) == 512
    assert sum(sizes) == 2 * len(TEXTS)


def test_a_truncation_is_never_asked_for_unasked(scripted):
    """Fact 9: a text is cut only where the caller says so; else the service refuses it, and it is named."""
    jina, transport = connect(scripted)
    for truncate in (None, True, False):
        jina.embed(["a"], truncate=truncate)
    sent = [json.loads(request.body).get("truncate") for request in transport.requests]
    assert sent == [None, True, False]


@pytest.mark.parametrize("name", sorted(name for name, row in MODELS.items() if "embed" in row.products))
def test_roles_leave_no_task_to_the_services_default(scripted, name):
    """Fact 11: where a model has tasks for retrieval, a role sends one of them; the default is another."""
    row = MODELS[name]
    jina, transport = connect(scripted, lambda request: as_json(rows([0.5] * row.dimensions)))
    jina.embed(["a"], model=name, role="query")
    asked = json.loads(transport.requests[0].body).get("task")
    queries = [task for task in row.tasks if task.endswith("query")]
    assert asked in queries if queries else asked is None


def test_vectors_that_are_nearly_of_unit_length_come_as_they_are(scripted):
    """Fact 13: v4 computes in halves; nothing is normalised, asserted or asked for behind the caller's back."""
    vector = np.full(2048, 0.9966 / 2048**0.5, "<f4")
    text = base64.b64encode(vector.tobytes()).decode()
    jina, transport = connect(scripted, as_json(rows(text)))
    found = jina.embed(["a"], model="jina-embeddings-v4").vectors
    assert np.array_equal(found[0], vector)
    assert "normalized" not in json.loads(transport.requests[0].body)


def test_the_parts_of_a_group_give_one_vector(scripted):
    """Fact 14: three parts, one item, one row; beside a text it is two."""
    vector = [0.5] * 1024
    jina, transport = connect(scripted, as_json(rows(vector, vector)))
    group = Group(["a caption", Image("https://x.example/a.png"), "another"])
    found = jina.embed(["a text", group], model="jina-embeddings-v5-omni-small")
    assert found.vectors.shape == (2, 1024)
    (request,) = transport.requests
    assert len(json.loads(request.body)["input"][1]["content"]) == 3


@pytest.mark.parametrize(
    "model", ["jina-embeddings-v3", "jina-embeddings-v4", "jina-clip-v2", "jina-reranker-v3"]
)
def test_jobs_are_for_v5_alone(scripted, model):
    """Fact 17: the successor of the bulk product takes two models; any other is refused before sending."""
    jina, transport = connect(scripted)
    with pytest.raises(ConfigurationError, match="jina-embeddings-v5-text"):
        jina.submit_batch(["a"], model=model)
    assert transport.requests == []


class Counting:
    """Answers slowly, and knows how many it answered at once."""

    def __init__(self, answer):
        self._answer, self._lock = answer, threading.Lock()
        self.open = self.most = 0

    def send(self, request):
        with self._lock:
            self.open += 1
            self.most = max(self.most, self.open)
        time.sleep(0.01)
        with self._lock:
            self.open -= 1
        return self._answer(request)

    async def send_async(self, request):
        raise NotImplementedError

    def close(self):
        pass

    async def close_async(self):
        pass


def test_who_sets_nothing_has_two_requests_open(right_answer):
    """Fact 18: what a free key allows, however many threads call and however many requests a call needs."""
    transport = Counting(right_answer)
    jina = Jina("k", transport=transport, batch_size=1)
    calls = [threading.Thread(target=jina.embed, args=(TEXTS[:5],), kwargs={"model": "m"}) for _ in range(4)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert transport.most == 2


def test_scores_of_listwise_models_are_never_made_up(scripted):
    """Fact 19: a negative one stays what it is, and none is scaled to fit another call's."""
    results = [{"index": 1, "relevance_score": 0.31}, {"index": 0, "relevance_score": -0.12}]
    jina, _ = connect(scripted, as_json({"results": results}))
    found = jina.rerank("q", ["a", "b"], model="jina-reranker-v3")
    assert [(row.index, row.score) for row in found] == [(1, 0.31), (0, -0.12)]


def test_the_segmenters_count_teaches_nothing_about_models(scripted):
    """Fact 20: its tokens are OpenAI's; estimates of what an embedding is billed stay as they were."""
    model = "jina-embeddings-v3"
    tokens = estimates(model, address="http://x/v1")
    before = tokens.estimate(tokens.measure("a text"))
    answer = {"chunks": ["a text"], "num_chunks": 1, "chunk_positions": [[0, 6]], "num_tokens": 90_000, "usage": {"tokens": 0}}  # fmt: skip
    jina, _ = connect(scripted, as_json(answer), limits="free", api_key="k")
    found = jina.segment("a text")
    assert (found.num_tokens, found.usage.tokens, jina.usage.tokens) == (90_000, 0, 0)
    assert tokens.estimate(tokens.measure("a text")) == before


def test_what_is_dear_says_so():
    """Fact 21: the figures stand where the method and the option are described."""
    assert "at least 10,000 tokens" in str(Jina.search.__doc__)
    assert "three times the tokens" in str(ReaderOptions.__doc__)


@pytest.mark.parametrize("name", ["JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN"])
@pytest.mark.parametrize(
    "base", ["https://api.jina.ai", "https://api.jina.ai/v1/", "https://api.jina.ai/v1/embeddings"]
)
def test_a_key_and_an_address_as_users_have_them(scripted, monkeypatch, name, base):
    """Fact 22: any of the names and any of the addresses lead to the same request."""
    monkeypatch.setenv(name, " k3y ")
    jina, transport = connect(scripted, base_url=base)
    jina.embed(["a"], dimensions=1024)
    (request,) = transport.requests
    assert request.url == "https://api.jina.ai/v1/embeddings"
    assert request.headers["authorization"] == "Bearer k3y"
