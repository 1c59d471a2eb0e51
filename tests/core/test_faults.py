"""A service that fails in every known way: all rows right, or a typed error."""

from __future__ import annotations

import asyncio

import pytest

from ragbridge import Jina, RagbridgeError, Retry
from ragbridge.local import Engine, Faults
from ragbridge.server import running

TEXTS = [f"text {n}: what {n * 7919 % 1000} fishermen know about the sea" for n in range(1000)]
KINDS = (
    "status429", "status500", "status503", "status409", "html502", "error200", "badjson", "reset", "close", "truncate",
    "shuffle", "nan", "missing", "duplicate", "offset", "width", "latency",
)  # fmt: skip
QUICK = Retry(attempts=8, initial=0.01)


@pytest.fixture(scope="module")
def right():
    """The vectors as they are without faults."""
    return Jina(base_url="local").embed(TEXTS, role="document", dimensions=64).vectors


def embed(jina, face):
    if face == "sync":
        return jina.embed(TEXTS, role="document", dimensions=64)
    return asyncio.run(jina.aembed(TEXTS, role="document", dimensions=64))


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("seed", [1, 2])
def test_faults_at_a_tenth_of_the_requests_cost_nothing_but_time(right, face, seed):
    """1,000 texts in 125 requests over a real socket: every row is right, in its place."""
    engine = Engine(faults=Faults(rate=0.1, kinds=KINDS, latency=0.05), seed=seed)
    with (
        running(engine) as url,
        Jina(base_url=url, host="jina", limits=None, batch_size=8, concurrency=4, retry=QUICK) as jina,
    ):
        result = embed(jina, face)
        assert (result.vectors == right).all()
        assert jina.usage.retries > 0
        assert result.usage.requests == 125


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"shuffle", "latency"}])
def test_a_fault_at_every_request_is_a_typed_error(kind):
    """Whatever it is, the caller learns of it; no row is made up."""
    engine = Engine(faults=Faults(rate=1.0, kinds=[kind], latency=0.0))
    jina = Jina(
        base_url="local",
        limits=None,
        batch_size=100,
        retry=Retry(attempts=2, initial=0.0),
        transport=engine,
    )
    with pytest.raises(RagbridgeError):
        jina.embed(TEXTS[:200], role="document", dimensions=64)


def test_a_silent_server_is_left_by_timeout_and_asked_again(right):
    """A connection that hangs costs one timeout, not the job."""
    engine = Engine(faults=Faults(rate=0.2, kinds=["hang"]), seed=3)
    with (
        running(engine) as url,
        Jina(
            base_url=url, host="jina", limits=None, batch_size=100, concurrency=4, retry=QUICK, timeout=2.0
        ) as jina,
    ):
        result = embed(jina, "sync")
    assert (result.vectors == right).all()


@pytest.mark.parametrize(
    "kind", ["status500", "reset", "truncate", "shuffle", "missing", "duplicate", "offset", "nan"]
)
def test_rerank_under_faults_gives_the_right_ranking_or_an_error(kind):
    """The same holds for rankings."""
    documents = TEXTS[:40]
    expected = Jina(base_url="local").rerank("fishermen", documents)
    jina = Jina(
        base_url="local",
        retry=Retry(attempts=3, initial=0.0),
        transport=Engine(faults=Faults(rate=0.5, kinds=[kind]), seed=5),
    )
    outcomes = []
    for _ in range(10):
        try:
            outcomes.append(jina.rerank("fishermen", documents).results)
        except RagbridgeError:
            outcomes.append(None)
    assert any(outcomes)
    assert all(outcome in (None, expected.results) for outcome in outcomes)
