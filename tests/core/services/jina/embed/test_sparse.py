"""``Jina.sparse_embed``: what it sends and refuses, and what it makes of an answer."""

from __future__ import annotations

import json

import pytest

from ragbridge import ConfigurationError, Jina, ResponseError, Retry, Usage, token_index
from ragbridge.flow import Response

ROWS = [{"sea": 2.5, "deep": 1}, {"bee": 0.5}]


def answer(data, tokens=7):
    usage = {"total_tokens": tokens, "input_tokens": tokens, "output_tokens": 0}
    return Response(200, {}, json.dumps({"model": "elser-v2", "data": data, "usage": usage}).encode())


@pytest.fixture
def embed(scripted):
    """``embed(*answers, **arguments)``: what the call makes of the answers, and its requests."""

    def call(*answers, texts=("deep sea", "bees"), **arguments):
        transport = scripted(*answers)
        jina = Jina("k", base_url="http://x", limits=None, retry=Retry(attempts=1), transport=transport)
        return jina.sparse_embed([*texts], **arguments), transport.requests

    return call


@pytest.mark.parametrize(
    "rows",
    [ROWS, [{"index": 1, "embedding": ROWS[1]}, {"index": 0, "embedding": ROWS[0]}]],
    ids=["tokens", "rows"],
)
def test_tokens_and_their_weights(embed, rows):
    """Each text has its own, whether a row is the object of tokens itself or carries it beside its index."""
    found, (request,) = embed(answer(rows), role="document")
    assert [*found] == [{"sea": 2.5, "deep": 1.0}, {"bee": 0.5}]
    assert (found.model, found.usage) == ("elser-v2", Usage(7, 1))
    assert found.indices()[1] == {token_index("bee"): 0.5}
    assert request.url == "http://x/v1/embeddings"
    assert json.loads(request.body) == {
        "model": "elser-v2",
        "task": "retrieval.passage",
        "input": ["deep sea", "bees"],
    }


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        [ROWS[0]],
        [*ROWS, {}],
        [ROWS[0], 7],
        [ROWS[0], {"bee": "0.5"}],
        [ROWS[0], {"bee": True}],
        [{"index": 0, "embedding": {"a": 1}}, {"index": 0, "embedding": {"b": 1}}],
        [{"index": 0, "embedding": {"a": 1}}, {"embedding": {"b": 1}}],
    ],
    ids=str,
)
def test_answers_that_break_their_promise(embed, data):
    """They are an error, never a vector of another text."""
    with pytest.raises(ResponseError):
        embed(answer(data))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"model": "jina-embeddings-v3"}, "use embed"),
        ({"model": "jina-reranker-v3"}, "cannot sparse; models that can: elser-v2"),
        ({"task": "classification"}, "task='classification' is unknown to elser-v2"),
        ({"role": "query", "task": "retrieval.query"}, "give one"),
        ({"texts": "one"}, "texts"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused_before_sending(embed, arguments, says):
    """The message names the argument."""
    with pytest.raises(ConfigurationError, match=says):
        Jina("k", base_url="http://x").sparse_embed(**{"texts": ["a"], **arguments})


def test_a_sparse_model_is_no_embedding_model():
    """The service would bill five answers that no array can hold."""
    with pytest.raises(ConfigurationError, match="use sparse_embed"):
        Jina("k", base_url="http://x").embed(["a"], model="elser-v2")


def test_a_host_that_gives_none(scripted):
    """It is refused before sending: an OpenAI-like host would take the model for a dense one, or not know it."""
    transport = scripted()
    jina = Jina(base_url="http://x", host="vllm", transport=transport)
    with pytest.raises(ConfigurationError, match="vLLM gives no sparse vectors"):
        jina.sparse_embed(["a"])
    assert transport.requests == []


def test_the_embedded_engine_and_both_faces():
    """Equal texts have equal weights; what is kept is found again."""
    cache: dict[bytes, bytes] = {}
    with Jina(base_url="local", cache=cache) as jina:
        first, again, empty = (jina.sparse_embed(texts) for texts in (["a b", "b"], ["b", "a b"], []))
        assert [*first] == [*again][::-1]
        assert (again.usage.cached, len(empty)) == (2, 0)


async def test_the_awaitable_face():
    """It gives the same."""
    async with Jina(base_url="local") as jina:
        assert [*(await jina.asparse_embed(["deep sea"]))] == [*jina.sparse_embed(["deep sea"])]
